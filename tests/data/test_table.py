"""CSV tables, whole and malformed."""

import csv
import io
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
        ("a,b,label\n1,x,0\n", r"line 2, column 2 \(b\): 'x' is not"),
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


def test_file_of_other_bytes_is_refused(tmp_path):
    path = tmp_path / "set.csv"
    path.write_bytes(b"1,2,0\n\xff\xfe,1,0\n")
    with pytest.raises(DataError, match="not a CSV file in UTF-8"):
        read_csv(path)


def test_table_is_split_and_scaled_by_column(tmp_path):
    path = tmp_path / "sensors.csv"
    path.write_text("".join(f"{i},{1000 * i},{i % 2}\n" for i in range(20)))
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
