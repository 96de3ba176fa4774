"""What figures show, and that they are drawn."""

import pytest

from crosswall.study import Options, Study, figures, run
from crosswall.study.file import FigureSection
from crosswall.study.quantities import QUANTITIES, summarise
from tests.near import near
from tests.study.conftest import EXPERIMENT, STUDY


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The table of the small study, with an evaluation after half of the samples."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "small.toml").write_text(EXPERIMENT.replace(
        "samples = 90", 'samples = 90\n\n[[phases]]\nkind = "evaluate"\n\n[[phases]]\n'
        'kind = "teach"\nsamples = 60'))
    path = folder / "study.toml"
    path.write_text(STUDY)
    return run(Study.load(str(path)), out=folder / "out", jobs=1, draw=False).table


def section(**keys) -> FigureSection:
    return FigureSection.model_validate({"name": "figure", **keys})


def test_marks_are_the_table(table):
    lines = figures.lines(section(x="noise", lines="rule"), table)
    assert [(line.panel, line.label, line.style) for line in lines] == [
        ("", "match", "joined"), ("", "stdp", "joined")]
    expected = [row.summary("accuracy", "median") for row in table.rows]
    shown = [mark for line in lines for mark in line.marks]
    assert [(mark.middle, mark.low, mark.high) for mark in shown] == [
        (each.middle, each.low, each.high) for each in expected]
    assert [mark.x for mark in shown] == [0, 0.5, 0, 0.5]


def test_places_by_name_are_not_joined(table):
    lines = figures.lines(section(x="rule", panels="noise"), table)
    assert [(line.panel, line.label, line.style) for line in lines] == [
        ("0", "", "marks"), ("0.5", "", "marks")]
    assert [(mark.x, mark.label) for mark in lines[0].marks] == [(0, "match"), (1, "stdp")]


def test_axis_that_a_figure_does_not_name_tells_lines_apart(table):
    lines = figures.lines(section(x="energy_device"), table)
    assert [line.label for line in lines] == ["match, 0", "match, 0.5", "stdp, 0", "stdp, 0.5"]
    assert lines[0].marks[0].x == table.rows[0].summary("energy_device", "median").middle


def test_line_along_a_quantity_runs_through_the_other_axes(table):
    lines = figures.lines(section(x="energy_device", lines="rule"), table)
    assert [line.label for line in lines] == ["match", "stdp"]
    places = [row.summary("energy_device", "median").middle for row in table.rows]
    assert [mark.x for line in lines for mark in line.marks] == [*sorted(places[:2]),
                                                                 *sorted(places[2:])]


def test_curves_have_the_windows_and_the_evaluations(table):
    lines = figures.lines(section(kind="curves", lines="rule", panels="noise"), table)
    assert [(line.panel, line.label, line.style) for line in lines[:2]] == [
        ("0", "match", "plain"), ("0", "match, evaluation", "dashed")]
    curve = table.rows[0].results[0]["prequential"]
    assert [mark.x for mark in lines[0].marks] == curve["sample"]
    evaluation = lines[1].marks
    assert [mark.x for mark in evaluation] == [60 + 90, 60 + 90 + 20 + 60]
    first = [result["evaluations"][0]["accuracy"] for result in table.rows[0].results]
    assert (evaluation[0].low, evaluation[0].high) == (min(first), max(first))


@pytest.mark.parametrize("keys", [
    {"x": "noise", "lines": "rule"}, {"x": "noise", "panels": "rule", "scale": "symlog"},
    {"x": "rule"}, {"x": "energy_device", "scale": "log", "y": "nmi", "line": 0.5},
    {"x": "noise", "y": "energy_device"}, {"kind": "curves", "panels": "noise"},
])
def test_figure_is_drawn_as_png(table, keys):
    image = figures.picture(section(**keys), table)
    assert image.startswith(b"\x89PNG") and table.command.encode() in image
    assert figures.data(section(**keys), table).startswith(f"# {table.command}\n")


def drawn_of(shown: FigureSection, table, monkeypatch):
    """What `picture` draws on."""
    made, new_figure = [], figures.new_figure

    def keep(size):
        made.append(new_figure(size))
        return made[-1]

    monkeypatch.setattr(figures, "new_figure", keep)
    figures.picture(shown, table)
    return made[-1]


def test_picture_has_a_panel_a_line_and_a_mark_for_each_place(table, monkeypatch):
    shown = section(x="noise", panels="rule")
    drawing = drawn_of(shown, table, monkeypatch)
    assert [axes.get_title() for axes in drawing.axes] == ["match", "stdp"]
    assert [axes.get_ylabel() for axes in drawing.axes] == ["accuracy", ""]
    assert {axes.get_xlabel() for axes in drawing.axes} == {"noise (relative)"}
    for axes, line in zip(drawing.axes, figures.lines(shown, table), strict=True):
        drawn = axes.containers[0].lines[0]
        assert drawn.get_xdata().tolist() == [mark.x for mark in line.marks] == [0, 0.5]
        assert drawn.get_ydata().tolist() == [mark.middle for mark in line.marks]


def test_legend_names_the_lines(table, monkeypatch):
    axes, = drawn_of(section(x="noise", lines="rule"), table, monkeypatch).axes
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["match", "stdp"]
    assert legend.get_title().get_text() == "rule"
    assert [container.get_label() for container in axes.containers] == ["match", "stdp"]


def test_summary_of_seeds():
    found = summarise([0.2, 0.9, 0.4], "median")
    assert (found.middle, found.low, found.high, found.values) == (0.4, 0.2, 0.9, (0.2, 0.9, 0.4))
    assert summarise([0.2, 0.9, 0.4], "mean").middle == near(0.5)
    assert summarise([0.2, None], "median") is None and summarise([], "mean") is None


def test_every_quantity_has_a_value_that_can_be_shown(table):
    result = table.rows[0].results[0]
    for quantity in QUANTITIES.values():
        assert quantity.show(quantity.get(result))


def test_options_without_effect_do_not_appear_in_the_command(table):
    assert table.command.endswith("study.toml") and Options().arguments() == []
