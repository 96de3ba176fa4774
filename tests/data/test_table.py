"""CSV tables, whole and malformed."""

import csv
import io
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.data import load
from crosswall.data.table import read_csv
from crosswall.errors import DataError


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "set.csv"

    def read(text: str):
        path.write_text(text, encoding="utf-8")
        return read_csv(path).train

    return read


@pytest.mark.parametrize(
    "text",
    [
        "1,2.5,0\n3,-4,1\n",
        "a,b,c\n1,2.5,0\n3,-4,1\n",
        "label,a,b\n0,1,2.5\n1,3,-4\n",
        "a, label ,b\n1,0,2.5\n3,1,-4\n",
        "0,label,1\r\n1,0,2.5\r\n3,1,-4\r\n",
        "\ufeffa,b,c\n\n1,2.5,0\n\n3,-4,1",
    ],
    ids=["no header", "header", "label first", "label within", "numbered header", "empty lines"],
)
def test_label_is_the_named_column_or_the_last(read, text):
    part = read(text)
    assert part.values.tolist() == [[1, 2.5], [3, -4]]
    assert part.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no samples"),
        ("a,b,label\n", "no samples"),
        ("1\n2\n", "one column"),
        ("1,2,0\n1,2\n", "line 2: 2 cells; expected 3"),
        ("a,b,label\n1,x,0\n", r"line 2, column 2 `b`: 'x' is not"),
        ("1,2,0\n1,,0\n", "line 2, column 2: '' is not"),
        ("1,x,0\n", "line 1, column 2: 'x' is not"),
        ("1,nan,0\n", "line 1, column 2: 'nan' is not"),
        ("1,1e999,0\n", "line 1, column 2: '1e999' is not"),
        ("1,1_0,0\n", "line 1, column 2: '1_0' is not"),
        ("1,2,0.5\n", "label of sample 0 .* is 0.5"),
        ("label,a,label\n1,2,0\n", "more than one column `label`"),
        ("1," + "9" * 200_000 + ",0\n", "not a CSV file"),
    ],
)
def test_malformed_table_is_refused_at_its_cell(read, text, message):
    with pytest.raises(DataError, match=f"set.csv.*{message}"):
        read(text)


ROWS = [(0.5, 7.0, 3), (1.5, 6.0, 4), (2.5, 5.0, 3), (3.5, 4.0, 4), (0.5, 1.0, 3), (0.5, 2.0, 4)]


def written(header, rows=ROWS, separator=",", order=(0, 1, 2)):
    """A table of rows, with its columns in another order, after a header unless that is None."""
    lines = [] if header is None else [header]
    return "\n".join(lines + [separator.join(str(row[place]) for place in order)
                             for row in rows]) + "\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (written("a,b,label"), "a header; the label is column 3 `label`"),
        (written("label,a,b", order=(2, 0, 1)), "a header; the label is column 1 `label`"),
        (written("Class,a,b", order=(2, 0, 1)), "a header; the label is column 1 `Class`"),
        (written("a,TARGET,b", order=(0, 2, 1)), "a header; the label is column 2 `TARGET`"),
        (written("a,class_label,b", order=(0, 2, 1)), "a header; .* column 2 `class_label`"),
        (written("y,a,b", order=(2, 0, 1)), "a header; the label is column 1 `y`"),
        (written("# label,a,b", order=(2, 0, 1)), "a header; the label is column 1 `label`"),
        (written("# by me\n#label,a,b", order=(2, 0, 1)), "a header; .* column 1 `label`"),
        (written("# by me", order=(0, 1, 2)), "no header; .* column 3, the last, as none has"),
        ('"a", "label", "b"\n' + written(None, separator=", ", order=(0, 2, 1)),
         "a header; the label is column 2 `label`"),
        (written("a;b;label", separator=";"), "a header; the label is column 3 `label`"),
        (written("a\tb\tlabel", separator="\t"), "a header; the label is column 3 `label`"),
        (written(None, separator=" ; "), "no header; the label is column 3, the last"),
        ("# by me\n# in spring\n" + written(None, separator=";"), "no header; .* column 3, the"),
        (written("0,1,2"), "a header; the label is column 3 `2`, the last"),
        (written("1,2,3", [(*row[:2], row[2] + 1) for row in ROWS]), None),
        (written("0,label,1", order=(0, 2, 1)), "a header; the label is column 2 `label`"),
        (written("a,b,kind"), "a header; the label is column 3 `kind`, the last, as none has"),
        (written(None), "no header; the label is column 3, the last, as none has the name"),
    ],
)
def test_label_is_found_by_its_usual_names_and_said(tmp_path, text, line):
    path = tmp_path / "set.csv"
    path.write_text(text)
    said = []
    part = read_csv(path, notice=said.append).train
    assert part.values.tolist() == [list(row[:2]) for row in ROWS]
    shift = 0 if line else 1
    assert part.labels.tolist() == [row[2] + shift for row in ROWS]
    assert re.fullmatch(f"{path}: 6 samples of 2 features, {line or '.*'}.*", said[0]), said
    assert len(said) == 1


WORDS = [(*row[:2], "elm" if row[2] == 3 else "a fir") for row in ROWS]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (written("a,b,label", WORDS), 3),
        (written("a,b,c", WORDS), 3),
        (written("c,a,b", WORDS, order=(2, 0, 1)), 1),
        (written(None, WORDS, order=(0, 2, 1)), 2),
        (written('"c", "a", "b"', [(*row[:2], f'"{row[2]}"') for row in WORDS], ", ",
                 order=(2, 0, 1)), 1),
    ],
)
def test_column_of_words_is_the_label(tmp_path, text, place):
    path = tmp_path / "set.csv"
    path.write_text(text)
    said = []
    part = read_csv(path, notice=said.append).train
    assert part.labels.tolist() == [row[2] for row in WORDS]
    assert part.values.tolist() == [list(row[:2]) for row in ROWS]
    assert f"the label is column {place}" in said[0]


NUMBERED = [(number, *row) for number, row in enumerate(ROWS)]
SHUFFLED = [(number * 7 % 6, *row) for number, row in enumerate(ROWS)]
NAMED = [(f"tree {number}", *row) for number, row in enumerate(WORDS)]


@pytest.mark.parametrize(
    ("text", "index"),
    [
        (written(",a,b,label", SHUFFLED, order=range(4)), "column 1 is an index"),
        (written("Unnamed: 0,a,b,label", SHUFFLED, order=range(4)), "column 1 `Unnamed: 0` is"),
        (written("Id,a,b,label", SHUFFLED, order=range(4)), "column 1 `Id` is an index"),
        (written("#,a,b,label", NUMBERED, order=range(4)), "column 1 is an index"),
        (written(",0,1,2", NUMBERED, order=range(4)), "column 1 is an index"),
        (written(None, NUMBERED, order=range(4)), "column 1 is an index"),
        (written(None, [(row[0] + 1, *row[1:]) for row in NUMBERED], order=range(4)), "column 1"),
        (written("id,a,b,label", NAMED, order=range(4)), "column 1 `id` is an index"),
    ],
)
def test_index_is_left_out_and_said(tmp_path, text, index):
    path = tmp_path / "set.csv"
    path.write_text(text)
    said = []
    part = read_csv(path, notice=said.append).train
    assert part.values.tolist() == [list(row[:2]) for row in ROWS]
    assert f"; {index}" in said[0] and said[0].endswith(", left out")


@pytest.mark.parametrize("label", ["c", "C", 3, "3"])
def test_label_that_is_asked_for_is_taken_by_name_or_number(tmp_path, label):
    path = tmp_path / "set.csv"
    path.write_text(written("a,b,c,label", [(*row, 9 - row[2]) for row in ROWS], order=range(4)))
    part = read_csv(path, label).train
    assert part.labels.tolist() == [row[2] for row in ROWS]
    assert part.value_names == ("column 1 `a`", "column 2 `b`", "column 4 `label`")


def test_name_goes_before_number(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text(written("0,1,2", order=(0, 1, 2)))
    assert read_csv(path, 2).train.labels.tolist() == [row[2] for row in ROWS]


def test_first_column_that_is_asked_for_is_no_index(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text(written(",a,b,label", NUMBERED, order=range(4)))
    assert read_csv(path, 1).train.labels.tolist() == list(range(6))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("d", "'d': no such column; expected a number, 1 to 3, or one of a, A, b"),
        (0, "0: no such column"),
        (4, "4: no such column"),
        ("-1", "'-1': no such column"),
        ("", "'': no such column"),
    ],
)
def test_column_that_there_is_not_is_refused(tmp_path, label, message):
    path = tmp_path / "set.csv"
    path.write_text(written("a,A,b"))
    with pytest.raises(DataError, match=f"`data.label` = {message}"):
        read_csv(path, label)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (written("class,species,b"), "more than one column has the name of a label: column 1 "
                                     "`class`, column 2 `species`; name it with `data.label` or "
                                     "--label"),
        (written("c,a,b", order=(2, 0, 1)), r"The first \(column 1 `c`, 2 different values\) or "
                                            r"the last \(column 3 `b`, 6\)"),
        (written(None, order=(2, 0, 1)), r"The first \(column 1, 2 different values\) or"),
        (written("c,a,d", [(row[2], row[0], 7 - row[2]) for row in ROWS]),
         r"The first \(column 1 `c`, 2 .* or the last \(column 3 `d`, 2\)"),
        (written("0,1,2", [(row[0], row[1], row[2] - 2) for row in ROWS]),
         r"the first line counts 0…2: numbers of the columns, or a sample\?"),
        (written(",a,label", order=(0, 1, 2)), "column 1 has no name, .* but has values twice"),
        (written("a;b;label", [("7,1", "3,0", row[2]) for row in ROWS], ";"),
         "line 2, column 1 `a`: '7,1' has a decimal comma; write numbers with a point"),
        (written(None, [("7,1", "3,0", "2,0") for row in ROWS], ";"), "has a decimal comma"),
        (written("a b label", separator=" "), "one column; .* commas, semicolons or tabs"),
        (written("a,b,label", [*WORDS, (1, 2, 3)]), "line 2, column 3 `label`: the label 'elm' "
                                                    "is no number, others are"),
        (written("a,b,label", [*WORDS, (1, 2, "")]), "the label of sample 6 .* is '': missing"),
        (written("a,b,label", [*ROWS, (1, 2, "?")]), "line 8, column 3 `label`: the label '.' is"),
        (written("a,b,label", [("x", *row[1:]) for row in ROWS]),
         "line 2, column 1 `a`: 'x' is not a finite number; number the values, or leave"),
        (written("id,label", [(row, row % 2) for row in range(6)], order=(0, 1)),
         "one column beside an index"),
        ("1,2,x,y,z\n", "line 1, column 3: 'x' is not a finite number"),
    ],
)
def test_what_cannot_be_decided_or_read_is_refused(read, text, message):
    with pytest.raises(DataError, match=message):
        read(text)


def test_column_that_counts_but_has_a_name_is_kept_and_said(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text(written("time,a,b,label", NUMBERED, order=range(4)))
    said = []
    assert read_csv(path, notice=said.append).train.values.shape == (6, 3)
    assert said[1] == (f"{path}: column 1 `time` counts the samples; if it is no feature, take it "
                       "out")


def test_label_is_refused_where_there_are_no_columns(tmp_path):
    np.savez(tmp_path / "set.npz", x=np.arange(8).reshape(4, 2), y=[0, 1, 0, 1])
    for source in (tmp_path / "set.npz", "iris"):
        with pytest.raises(DataError, match="`data.label` = 'a', but only a table"):
            load(source, label="a")


def test_tabs_may_have_their_own_ending(tmp_path):
    path = tmp_path / "set.tsv"
    path.write_text(written("a\tb\tkind", separator="\t"))
    assert load(path)[0].class_names == ("3", "4")


def test_file_of_other_bytes_is_refused(tmp_path):
    path = tmp_path / "set.csv"
    path.write_bytes(b"1,2,0\n\xff\xfe,1,0\n")
    with pytest.raises(DataError, match="not a CSV file in UTF-8"):
        read_csv(path)


def test_table_is_split_and_scaled_by_column(tmp_path):
    path = tmp_path / "sensors.csv"
    path.write_text("".join(f"{i},{1000 * i},{i % 2}\n" for i in range(3, 23)))
    train, test = load(path, test_fraction=0.2)
    assert (len(train), len(test), train.classes, train.name) == (16, 4, 2, "sensors")
    assert (train.samples[:, 0] == train.samples[:, 1]).all()
    assert (train.samples.min(), train.samples.max()) == (0, 255)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=8))
def test_written_numbers_are_read_back_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "set.csv"
    path.write_text("".join(f"{','.join(map(repr, row))},1\n" for row in rows))
    assert read_csv(path).train.values.tolist() == np.array(rows).tolist()


@given(st.lists(st.lists(st.text(max_size=6), max_size=4), max_size=5))
def test_arbitrary_cells_are_read_or_refused_but_never_crash(tmp_path_factory, rows):
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "set.csv"
    path.write_bytes(stream.getvalue().encode("utf-8", "surrogatepass"))
    try:
        part = read_csv(path).train
    except DataError:
        return
    assert np.isfinite(part.values).all()


def test_line_that_no_sample_can_have_is_refused_without_its_memory(tmp_path):
    path = tmp_path / "own.csv"
    path.write_bytes(b"1," * (32 << 20))
    tracemalloc.start()
    with pytest.raises(DataError, match="own.csv: has a line of more than 4194304 characters"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()
