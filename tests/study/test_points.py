"""From axes to experiments."""

import pytest

from crosswall.study import Options, Study
from crosswall.study.points import remove_key, set_key
from tests.study.conftest import STUDY


def test_points_are_all_combinations_in_order(study):
    points, left_out = study.points(Options())
    assert [point.label for point in points] == ["match, 0", "match, 0.5", "stdp, 0", "stdp, 0.5"]
    assert not left_out
    for point in points:
        assert [each.file.experiment.seed for each in point.experiments] == [1, 2]
    assert points[3].experiments[0].file.rules.clustering_rule == "stdp"
    assert points[3].experiments[0].file.device == {"kind": "ideal", "noise": 0.5}
    assert [place.at for place in points[3].places] == [None, 0.5]


def test_options_replace_samples_and_seeds(study):
    points, _ = study.points(Options(train=30, test="all", seeds=1))
    assert len(points[0].experiments) == 1
    data = points[0].experiments[0].file.data
    assert (data.train, data.test) == (30, None)


def test_value_that_a_point_sets_is_not_replaced(study_file):
    study_file.write_text(STUDY.replace('"device.noise"', '"data.train"')
                          .replace("[0.0, 0.5]", "[40, 50]"))
    points, _ = Study.load(str(study_file)).points(Options(train=20))
    assert [point.experiments[0].file.data.train for point in points] == [40, 50, 40, 50]


def test_point_that_needs_more_samples_is_left_out(study_file):
    study_file.write_text(STUDY.replace('"device.noise"', '"phases.teach.subset"')
                          .replace("[0.0, 0.5]", "[20, 50]"))
    points, left_out = Study.load(str(study_file)).points(Options(train=30))
    assert [point.label for point in points] == ["match, 20", "stdp, 20"]
    assert left_out == ["match, 50", "stdp, 50"]


def test_places_change_base_keys_and_seeds(study_file):
    points = """
points = [
    { label = "small" },
    { label = "digits", at = 7.5, base = "digits", seeds = 4, remove = ["phases.cluster.passes"],
      set = { "phases.cluster.samples" = 11, "device" = { kind = "ideal", stuck = 0.5 } } },
]"""
    joined = points.replace(",\n      set", ", set")
    study_file.write_text(STUDY.replace('key = "device.noise"\nvalues = [0.0, 0.5]', joined))
    small, digits, *_ = Study.load(str(study_file)).points(Options())[0]
    assert (small.experiments[0].name, len(small.experiments)) == ("small", 2)
    assert (digits.experiments[0].name, len(digits.experiments)) == ("digits", 4)
    file = digits.experiments[0].file
    assert (file.phases[0].samples, file.phases[0].passes) == (11, None)
    assert file.device == {"kind": "ideal", "stuck": 0.5}
    assert digits.places[1].at == 7.5


def test_built_in_data_are_not_looked_for_in_the_folder(study):
    points, _ = study.points(Options(data="/nowhere"))
    train, test = points[0].experiments[0].load_data()
    assert (len(train), len(test)) == (60, 20)


def test_key_of_a_list_changes_every_table_of_a_kind_or_name_or_index():
    mapping = {"phases": [{"kind": "teach"}, {"kind": "evaluate"},
                          {"kind": "teach", "name": "last"}]}
    set_key(mapping, "phases.teach.passes", 2, "here")
    set_key(mapping, "phases.last.passes", 3, "here")
    set_key(mapping, "phases.1.part", "train", "here")
    assert [phase.get("passes") for phase in mapping["phases"]] == [2, None, 3]
    assert mapping["phases"][1]["part"] == "train"
    remove_key(mapping, "phases.teach.passes", "here")
    remove_key(mapping, "phases.teach.passes", "here")
    assert "passes" not in mapping["phases"][0]


def test_changed_tables_are_not_shared_between_points():
    device = {"kind": "ideal"}
    first, second = {}, {}
    set_key(first, "device", device, "here")
    set_key(second, "device", device, "here")
    set_key(first, "device.noise", 1.0, "here")
    assert second == {"device": {"kind": "ideal"}}


@pytest.mark.parametrize(("options", "words"), [
    (Options(), []),
    (Options(train="all", seeds=5), ["--train", "all", "--seeds", "5"]),
    (Options(data="my data", test=9), ["--data", "my data", "--test", "9"]),
])
def test_options_as_words_of_the_command_line(options, words):
    assert options.arguments() == words
