"""What a run's plots show."""

import numpy as np

from crosswall.drawing import new_figure
from crosswall.experiment import Experiment, plots, run

WORDS = ("ash", "a longer name of a tree", "f$i$r", "Fähre")


def test_words_name_the_classes_in_result_and_confusion_matrix(mapping, tmp_path):
    labels = np.array(WORDS)[np.arange(40) % 4]
    np.savez(tmp_path / "own.npz", x=np.arange(2560).reshape(40, 8, 8) * 37 % 255, y=labels)
    mapping["data"] = {"source": "own.npz"}
    said = []
    result = run(Experiment.from_mapping(mapping, "some.toml", tmp_path), notice=said.append)
    assert result["data"]["class_names"] == sorted(WORDS)
    assert said == [f"{tmp_path}/own.npz (x, y): classes 0…3 are Fähre, a longer name of a tree, "
                    "ash, f$i$r"]
    figure = new_figure((6, 5))
    plots._confusion(figure, result)
    figure.savefig(tmp_path / "confusion.png")
    (axes,) = figure.axes
    for axis in (axes.xaxis, axes.yaxis):
        assert [tick.get_text() for tick in axis.get_ticklabels()] == [
            "Fähre", "a longer name o…", "ash", r"f\$i\$r"]


def test_confusion_matrix_without_words_shows_numbers(small, tmp_path):
    figure = new_figure((6, 5))
    plots._confusion(figure, run(small))
    ticks = figure.axes[0].xaxis.get_ticklabels()
    assert [tick.get_text() for tick in ticks] == list("0123456789")
    assert {tick.get_rotation() for tick in ticks} == {0.0}
