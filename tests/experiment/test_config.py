"""Experiment files: presets are valid, and every mistake is one line that helps."""

import re

import pytest

from crosswall.errors import CrosswallError, DeviceError, ExperimentError
from crosswall.experiment import Experiment, config


@pytest.mark.parametrize("name", config.preset_names())
def test_preset_is_valid_and_named_like_its_file(name):
    experiment = Experiment.load(name)
    assert experiment.name == name
    network = experiment.network()
    assert [table.wall_bits for table in experiment.tables(network)] == [network.wall_bits] * 2


def test_presets_of_the_main_job_are_there():
    assert {"digits", "mnist", "fashion-mnist"} <= set(config.preset_names())


def test_mapping_of_an_experiment_gives_the_same_experiment(small):
    assert Experiment.from_mapping(small.as_mapping()).file == small.file


WRONG = [
    ("geometry.neurons", 1, "geometry.neurons = 1: expected a whole number, 2 to 1024"),
    ("geometry.neurons", 64.0, "geometry.neurons = 64.0: expected a whole number"),
    ("geometry.neurons", "64", "geometry.neurons = '64': expected a whole number"),
    ("geometry.shared", 1, "geometry.shared = 1: expected true or false"),
    ("geometry.code_bits", 3, "geometry.code_bits = 3: expected 1, 2, 4 or 8"),
    ("geometry.encoding", "onoff", "geometry.encoding = 'onoff': expected 'contrast' or"),
    ("geometry.kind", "receptive", "geometry.kind = 'receptive': expected one of "
                                   "'receptive-fields', 'whole-image'"),
    ("geometry.feild", 3, "unknown key geometry.feild (did you mean 'field'?)"),
    ("geometry.field", 9, "geometry: `field` must be 1 to 8: got 9"),
    ("geometry.regions", 5, "geometry: `regions` must be 1 to 3: got 5"),
    ("geometry.winners", 9, "geometry.winners = 9: expected a whole number, 1 to 8"),
    ("neurons", {"kind": "argmax", "leak": 3}, "unknown key neurons.leak"),
    ("neurons", {"kind": "racing"}, "neurons.kind = 'racing': expected one of 'argmax', 'race'"),
    ("neurons", {"kind": "race", "steps": 0}, "neurons.steps = 0: expected a whole number, 1 to"),
    ("experiment.seed", -1, "experiment.seed = -1: expected a whole number, 0 to 4294967295"),
    ("experiment.seed", True, "experiment.seed = True: expected a whole number"),
    ("experiment.name", "a b", "experiment.name = 'a b': expected a name of letters"),
    ("experiment.read_back", "none", "experiment.read_back = 'none': expected one of 'class'"),
    ("data.shape", [8], "data.shape = [8]: expected [height, width]"),
    ("data.shape", [8, 0], "data.shape[1] = 0: expected [height, width]"),
    ("data.test_fraction", float("nan"), "data.test_fraction = nan: expected a number, 0.01"),
    ("data.test_fraction", 1.5, "data.test_fraction = 1.5: expected a number, 0.01 to 0.99"),
    ("rules.margin", 1.5, "rules.margin = 1.5: expected a whole number"),
    ("rules.stdp_probability", 1.0, "rules.stdp_probability = 1.0: expected a number, 0 to"),
    ("rules.clustering_rule", "hebb", "rules.clustering_rule = 'hebb': expected 'match' or"),
    ("formats.wall_bits", 7, "formats.wall_bits = 7: expected a whole number, 8 to 16"),
    ("build.lanes", 3, "build: `lanes` must be a power of two that divides the 8 neurons: got 3"),
    ("build.slots", 5, "build: `slots` must be a power of two, 2 to 64: got 5"),
    ("phases", [], "phases = []: expected a list of [[phases]]"),
    ("phases", [{"kind": "tach"}], "phases[0].kind = 'tach': expected one of 'cluster'"),
    ("phases", [{"samples": 3}], "phases[0].kind is missing"),
    ("phases", [{"kind": "evaluate", "samples": 3}], "unknown key phases[0].samples"),
    ("phases", [{"kind": "teach", "pulse_lengths": [3]}],
     "phases[0].pulse_lengths[0] = 3: expected a list of powers of two, 1 to 128"),
    ("phases", [{"kind": "teach", "pulse_lengths": []}], "phases[0].pulse_lengths = []"),
    ("phases", [{"kind": "teach", "gate_shifts": [9]}], "phases[0].gate_shifts[0] = 9"),
    ("phases", [{"kind": "teach", "passes": 1, "samples": 1}],
     "phases[0]: has both samples = 1 and passes = 1"),
    ("phases", [{"kind": "teach", "boundaries": [0.5, 0.2]}],
     "phases[0].boundaries = [0.5, 0.2]: expected rising fractions"),
    ("phases", [{"kind": "teach", "gate_shifts": [1, 2, 3], "boundaries": [0.5]}],
     "phases[0].gate_shifts has 3 entries: expected 1 or 2"),
    ("phases", [{"kind": "online", "rehearsal": 0.5}],
     "phases[0].rehearsal = 0.5: expected an earlier phase that teaches"),
    ("phases", [{"kind": "online", "rehearsal": 1.0}],
     "phases[0].rehearsal = 1.0: expected a number, 0 to 0.95"),
    ("phases", [{"kind": "teach", "classes": [10]}],
     "phases[0].classes[0] = 10: expected a class of the data, 0 to 9"),
    ("phases", [{"kind": "teach", "classes": [64]}],
     "phases[0].classes[0] = 64: expected a list of different classes, 0 to 63"),
    ("phases", [{"kind": "evaluate", "classes": [1, 1]}],
     "phases[0].classes = [1, 1]: expected different classes"),
    ("phases", [{"kind": "evaluate", "classes": []}], "phases[0].classes = []: expected a list"),
    ("phases", [{"kind": "teach", "permutation": -1}],
     "phases[0].permutation = -1: expected a whole number, 0 to 4294967295"),
    ("phases", [{"kind": "teach", "shifts": 8}], "phases[0].shifts = 8: expected less than the 8"),
    ("phases", [{"kind": "teach", "shifts": 1.5}], "phases[0].shifts = 1.5: expected a whole"),
    ("phases", [{"kind": "teach", "mirror": 1}], "phases[0].mirror = 1: expected true or false"),
    ("phases", [{"kind": "teach", "portion": [0.5, 0.5]}],
     "phases[0].portion = [0.5, 0.5]: expected rising fractions"),
    ("phases", [{"kind": "teach", "portion": [0.5, 1.5]}],
     "phases[0].portion[1] = 1.5: expected [from, to]"),
    ("phases", [{"kind": "teach", "balanced": True}],
     "phases[0].balanced = true: expected a subset to balance"),
    ("phases", [{"kind": "online", "clustering": {"until": 0}}],
     "phases[0].clustering.until = 0: expected a whole number, 1 to"),
    ("data.label_noise", 1.5, "data.label_noise = 1.5: expected a number, 0 to 1"),
    ("data.encoding", {"kind": "gaussian"}, "data.encoding.kind = 'gaussian': expected one of"),
    ("data.encoding", {"kind": "triangular", "fields": 1},
     "data.encoding.fields = 1: expected a whole number, 2 to 32"),
    ("data.encoding", {"kind": "complement"}, "data has both shape and encoding"),
    ("data.features", 64, "data has both shape and features; expected shape for images"),
    ("rules.initial", "zero", "rules.initial = 'zero': expected 'random' or 'samples'"),
    ("phases", [{"kind": "online", "readout": {"gates": [1]}}],
     "unknown key phases[0].readout.gates (did you mean 'gate_shifts'?)"),
    ("ruls", {}, "unknown key ruls (did you mean 'rules'?)"),
    ("device.readout", 3, "device.readout = 3: expected a table"),
    ("device.kind", "ideel", "[device]: device parameter `kind` must be one of ideal, table"),
    ("device.readout", {"kind": "ideal", "step": 7}, "[device.readout]: device parameter `step`"),
    ("energy.write", 1.0, "[energy]: unknown energy coefficient `write`"),
    ("energy.write_energy", -1.0, "[energy]: device parameter `write_energy` must be"),
]


@pytest.mark.parametrize(("key", "value", "message"), WRONG)
def test_wrong_value_is_named_in_one_line(mapping, key, value, message):
    *sections, last = key.split(".")
    place = mapping
    for section in sections:
        place = place.setdefault(section, {"kind": "ideal"} if section == "device" else {})
    place[last] = value
    with pytest.raises(CrosswallError) as error:
        Experiment.from_mapping(mapping, "some.toml")
    assert isinstance(error.value, (ExperimentError, DeviceError))
    assert str(error.value).startswith("some.toml: " + message)
    assert "\n" not in str(error.value)


def test_a_race_is_scaled_to_the_largest_current(mapping):
    mapping["neurons"] = {"kind": "race", "jitter": 3}
    experiment = Experiment.from_mapping(mapping)
    network = experiment.network()
    race = experiment.rules(network).race
    assert network.neuron == "race"
    assert (race.fire_threshold, race.jitter) == (network.current_max // 2, 3)
    assert 1 << race.inhibition - 1 <= network.current_max // 64 < 1 << race.inhibition


@pytest.mark.parametrize("section", ["experiment", "data", "geometry", "phases"])
def test_missing_section_is_named(mapping, section):
    del mapping[section]
    with pytest.raises(ExperimentError, match=f"{section} is missing"):
        Experiment.from_mapping(mapping)


def test_further_mistakes_are_counted(mapping):
    mapping["geometry"]["neurons"] = 0
    mapping["rules"] = {"margin": -1}
    with pytest.raises(ExperimentError, match=re.escape("(and 1 more mistake)")):
        Experiment.from_mapping(mapping)


def test_unknown_preset_suggests_the_nearest():
    with pytest.raises(ExperimentError, match="did you mean 'digits'"):
        Experiment.load("digitz")


def test_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(config.preset_text("digits"), encoding="utf-8-sig")
    assert Experiment.load(str(path)).as_mapping() == Experiment.load("digits").as_mapping()


@pytest.mark.parametrize(("content", "message"), [
    (b"a = = 1", "not valid TOML"), (b"\xff\xfe", "UTF-8"), (None, "cannot be read"),
    (b"a = " + b"[" * 5000, "not valid TOML: nested"), (b"a = " + b"1" * 5000, "64 bits"),
    (b"# \xb5m\n", r"not UTF-8 text \(byte 2\); save it as UTF-8")])
def test_unreadable_file_is_named(tmp_path, content, message):
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExperimentError, match=f"mine.toml.*{message}"):
        Experiment.load(str(path))


def test_reference_lists_every_key():
    text = config.reference()
    for model in (config.ExperimentSection, config.RulesSection, config.Plasticity,
                  config.OnlinePhase):
        for key in set(model.model_fields) - {"kind"}:
            assert f"| `{key}` |" in text
