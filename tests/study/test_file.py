"""Study files: those that come with crosswall are valid, and every mistake is one line."""

import tomllib

import pytest

from crosswall.errors import CrosswallError, ExperimentError
from crosswall.study import Options, Study
from crosswall.study import file as files
from tests.study.conftest import STUDY

PROMISED = {"few-labels", "bits", "noise", "asymmetry", "nonlinearity", "spread", "stuck",
            "homeostasis", "devices", "energy", "neurons", "streams", "tabular", "accuracy"}


@pytest.mark.parametrize("name", files.study_names())
def test_study_that_comes_with_crosswall_is_valid_and_named_like_its_file(name, monkeypatch):
    # Micromagnetic tables need not be here for their keys to be right.
    monkeypatch.setattr("crosswall.experiment.Experiment.check", lambda self: None)
    study = Study.load(name)
    assert study.name == name
    points, left_out = study.points(Options(seeds=1))
    assert points and not left_out
    assert study.file.figures


def test_studies_that_the_documents_promise_are_there():
    assert set(files.study_names()) >= PROMISED


WRONG = [
    ('seeds = 2', 'seeds = 0', "study.seeds = 0: expected a whole number, 1 to 1000"),
    ('seeds = 2', 'seed = 2', "unknown key study.seed (did you mean 'seeds'?)"),
    ('name = "small-noise"', 'name = "a b"', "study.name = 'a b': expected a name of letters"),
    ('values = [0.0, 0.5]', 'values = []', "axes[1].values = []: expected a list of numbers"),
    ('values = [0.0, 0.5]', 'values = [0.5, 0.5]', "axes[1]: its places: '0.5' comes 2 times"),
    ('values = [0.0, 0.5]', 'points = [{ label = "a" }]', "axes[1]: has `points` beside `key`"),
    ('key = "device.noise"', '', "axes[1]: expected `key` and `values`, or `points`"),
    ('key = "device.noise"', 'key = "device..noise"', "axes[1].key = 'device..noise': expected"),
    ('name = "noise"', 'name = "rule"', "axes: 'rule' comes 2 times; expected different names"),
    ('x = "noise"', 'x = "nose"', "figures[0].x = 'nose': expected an axis or a quantity (did you "
                                  "mean 'noise'?)"),
    ('x = "noise"', '', "figures[0].x = '': expected an axis or a quantity"),
    ('lines = "rule"', 'lines = "rules"', "figures[0].lines = 'rules': expected the name of an"),
    ('lines = "rule"', 'y = "speed"', "figures[0].y = 'speed': expected a quantity"),
    ('budget = 1e-8', '', "corners.budget is missing; expected a number, 0 to 1"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_wrong_value_is_named_in_one_line(old, new, message):
    assert old in STUDY
    with pytest.raises(ExperimentError) as raised:
        files.validate(tomllib.loads(STUDY.replace(old, new, 1)), "my.toml")
    assert str(raised.value).startswith(f"my.toml: {message}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("old", "new", "message"), [
    ('key = "device.noise"', 'key = "device.nose"', "device parameter `nose`"),
    ('key = "rules.clustering_rule"', 'key = "ruls.clustering_rule"',
     "unknown key ruls (did you mean 'rules'?)"),
    ('key = "device.noise"', 'key = "phases.tach.passes"',
     "phases.tach: expected an index below 3, or a kind or name in the list (cluster, teach, "
     "evaluate)"),
    ('key = "device.noise"', 'key = "experiment.seed.x"',
     "experiment.seed.x: experiment.seed = 3, expected a table"),
    ('base = "small.toml"', 'base = "smal.toml"', "smal.toml: cannot be read"),
])
def test_wrong_change_is_named_with_its_point(study_file, old, new, message):
    study_file.write_text(STUDY.replace(old, new, 1))
    with pytest.raises(CrosswallError) as raised:
        Study.load(str(study_file)).points(Options())
    assert message in str(raised.value)
    if "base" not in old:
        assert str(raised.value).startswith(f"{study_file}: point match, ")


def test_unknown_study_is_named_with_a_near_one():
    with pytest.raises(ExperimentError, match=r"no study or file 'nois' \(did you mean 'noise'\?"):
        Study.load("nois")
