"""Runs: their results, their files, and that an interruption changes nothing."""

import dataclasses
import errno
import json

import numpy as np
import pytest

from crosswall import device as devices
from crosswall.board import Board, TwinBoard
from crosswall.errors import (
    DataError,
    ExperimentError,
    HostError,
    Interrupted,
    LinkError,
    UsageError,
)
from crosswall.experiment import Experiment, Plan, api, report, run, runner
from crosswall.experiment import folder as folders
from crosswall.experiment.inputs import data_digest
from crosswall.files import Manifest
from crosswall.spec.ledger import Counter
from crosswall.twin import ReferenceMachine
from tests.device.tables import write_pair
from tests.near import near


@pytest.fixture
def quick(monkeypatch):
    """Small chunks, so that a small run has many."""
    monkeypatch.setattr(runner, "CHUNK", 16)


class Stopper:
    """Asks to stop once `limit` samples are answered."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._base = self._done = 0

    def listen(self, event) -> None:
        if isinstance(event, runner.Advanced):
            self._done = event.span.start + event.done

    def __call__(self) -> bool:
        return self._done >= self._limit


def test_results_equal_the_reference_machine(mapping):
    mapping["data"] |= {"train": 10, "test": 4}
    mapping["phases"][1]["samples"] = 12
    plan = Plan.make(Experiment.from_mapping(mapping))
    record = runner.run(plan, TwinBoard(plan.machine))
    machine = plan.machine
    reference = ReferenceMachine(machine.network, machine.rules, machine.clustering_table,
                                 machine.readout_table)
    pixels = plan.pixels(slice(None))
    for number in range(len(plan.schedule)):
        expected = reference.process(plan.schedule.headers.header(number), pixels[number])
        assert record.results.predictions[number] == expected.prediction
        assert tuple(record.results.winners[number]) == expected.winners
    assert list(reference.state.differences(record.state)) == []


def test_report_is_consistent(small):
    result = run(small)
    assert result["samples"] == 60 + 90 + 20
    assert sum(map(sum, result["confusion"])) == 20
    right = sum(row[place] for place, row in enumerate(result["confusion"]))
    assert result["accuracy"] == right / 20 == result["phases"][-1]["accuracy"]
    assert result["ledger"]["samples"] == 170
    for counter in Counter:
        name = counter.name.lower()
        assert result["ledger"][name] == sum(phase["ledger"][name]
                                             for phase in result["phases"])
    energy = result["energy_joules"]
    assert energy["device"] == near(
        sum(phase["energy_joules"]["device"] for phase in result["phases"]))
    assert energy["learning"]["device"] == near(
        sum(phase["energy_joules"]["device"] for phase in result["phases"][:2]))
    assert 0 < energy["device"] < energy["with_periphery"]
    assert json.loads(json.dumps(result)) == result


def test_the_teacher_refines_prototypes():
    mapping = {
        "experiment": {"name": "refined"}, "data": {"source": "digits"},
        "geometry": {"kind": "whole-image", "neurons": 40, "winners": 1},
        "rules": {"margin": 64, "refinement_margin": 4000},
        "phases": [
            {"kind": "cluster", "guided": True, "pulse_lengths": [16, 8, 4]},
            {"kind": "refine", "passes": 4, "pulse_lengths": [8], "gate_shifts": [0, 1, 2, 3]},
            {"kind": "teach", "pulse_lengths": [8]}, {"kind": "evaluate"}]}
    refined = run(Experiment.from_mapping(mapping))
    del mapping["phases"][1]
    unrefined = run(Experiment.from_mapping(mapping))
    assert refined["accuracy"] > unrefined["accuracy"] + 0.05
    assert refined["phases"][1]["accuracy"] is None
    # A neuron stands for its class from the start, so that is what the read-out learns.
    assert refined["cluster_purity"] == pytest.approx(refined["accuracy"], abs=0.02)


def test_keys_that_are_promised_are_there(small):
    assert set(run(small)) >= {
        "accuracy", "prequential_accuracy", "cluster_purity", "nmi", "energy_joules", "ledger",
        "samples_per_second", "seed", "board", "samples", "versions", "experiment", "command",
        "confusion", "phases", "format", "evaluations", "prequential"}


def test_prequential_accuracy_counts_the_first_showing_of_each_label(small):
    plan = Plan.make(small)
    record = runner.run(plan, TwinBoard(plan.machine))
    shown, right = set(), []
    for number in (number for span in plan.schedule.spans if span.teaches
                   for number in range(span.start, span.stop)):
        index = int(plan.schedule.indices[number])
        if index not in shown:
            shown.add(index)
            right.append(record.results.predictions[number] == plan.schedule.labels[number])
    result = report.result(plan, record, TwinBoard(plan.machine).identify())
    assert result["prequential_accuracy"] == near(np.mean(right))


def finished(mapping):
    """Plan, record and result of an experiment on the twin."""
    plan = Plan.make(Experiment.from_mapping(mapping))
    board = TwinBoard(plan.machine)
    record = runner.run(plan, board)
    return plan, record, report.result(plan, record, board.identify())


def test_every_evaluation_is_reported_and_the_last_is_the_accuracy(mapping):
    mapping["phases"] = [
        {"kind": "online", "classes": [0, 1]}, {"kind": "evaluate", "name": "after 0, 1"},
        {"kind": "online", "classes": [2, 3]}, {"kind": "evaluate", "permutation": 5},
        {"kind": "evaluate", "part": "train", "classes": [0, 2]}]
    plan, record, result = finished(mapping)
    first, second, last = result["evaluations"]
    assert [each["phase"] for each in result["evaluations"]] == [1, 3, 4]
    assert (first["name"], first["part"], first["permutation"]) == ("after 0, 1", "test", None)
    assert (second["name"], second["permutation"], last["part"]) == ("evaluate", 5, "train")
    assert result["accuracy"] == last["accuracy"] == result["phases"][4]["accuracy"]
    for each in result["evaluations"]:
        span = plan.schedule.spans[each["phase"]]
        labels = plan.schedule.labels[span.start:span.stop]
        right = record.results.predictions[span.start:span.stop] == labels
        seen = np.isin(labels, [0, 1] if each is first else [0, 1, 2, 3])
        assert each["samples"] == len(labels) == sum(each["class_samples"])
        assert each["accuracy"] == near(right.mean())
        assert each["seen_accuracy"] == near(right[seen].mean())
        for label in range(10):
            members = labels == label
            assert each["class_samples"][label] == members.sum()
            assert each["class_accuracy"][label] == (
                near(right[members].mean()) if members.any() else None)


def test_evaluation_before_any_teaching_has_seen_no_class(mapping):
    mapping["phases"].insert(1, {"kind": "evaluate"})
    _, _, result = finished(mapping)
    assert [each["seen_accuracy"] is None for each in result["evaluations"]] == [True, False]


def test_prequential_curve_is_of_windows_that_begin_with_their_phase(mapping):
    mapping["experiment"]["window"] = 25
    mapping["phases"].append({"kind": "online", "name": "more", "subset": 30})
    plan, record, result = finished(mapping)
    curve = result["prequential"]
    assert curve["window"] == 25
    assert curve["phase"] == [1, 1, 1, 1, 3, 3]
    assert curve["samples"] == [25, 25, 25, 15, 25, 5]
    assert curve["sample"] == [84, 109, 134, 149, 194, 199]
    right = record.results.predictions == plan.schedule.labels
    for sample, count, value in zip(curve["sample"], curve["samples"], curve["accuracy"],
                                    strict=True):
        assert value == near(right[sample - count + 1:sample + 1].mean())
    assert [phase["name"] for phase in result["phases"]] == ["cluster", "teach", "evaluate",
                                                             "more"]


def test_label_noise_is_taught_but_every_accuracy_is_of_the_true_labels(mapping):
    mapping["data"]["label_noise"] = 0.5
    mapping["phases"].append({"kind": "evaluate", "part": "train"})
    plan, record, result = finished(mapping)
    taught = slice(60, 150)
    shown, true = plan.schedule.headers.labels[taught], plan.schedule.labels[taught]
    assert (true == plan.train.labels[plan.schedule.indices[taught]]).all()
    wrong = set(plan.schedule.indices[taught][shown != true])
    assert result["data"]["wrong_labels"] == 30 and 0 < len(wrong) <= 30
    part = slice(170, 230)
    assert result["accuracy"] == (record.results.predictions[part] == plan.train.labels).mean()


def test_samples_are_presented_as_their_phase_says(mapping):
    mapping["phases"] = [
        {"kind": "teach", "shifts": 2, "mirror": True}, {"kind": "teach", "permutation": 9},
        {"kind": "evaluate", "permutation": 9}, {"kind": "evaluate"}]
    plan = Plan.make(Experiment.from_mapping(mapping))
    pixels, views = plan.pixels(slice(None)), plan.schedule.views
    wires = np.random.RandomState(9).permutation(64)
    for number in range(len(plan.schedule)):
        part = (plan.train, plan.test)[plan.schedule.parts[number]]
        image = part.samples[plan.schedule.indices[number]].reshape(8, 8)
        if number < 60:
            image = image[:, ::-1] if views.mirrors[number] else image
            down, right = views.offsets[number]
            for row in range(8):
                for column in range(8):
                    if 0 <= row - down < 8 and 0 <= column - right < 8:
                        got = pixels[number].reshape(8, 8)[row, column]
                        assert got == image[row - down, column - right]
        else:
            expected = image.ravel()[wires] if number < 140 else image.ravel()
            assert (pixels[number] == expected).all()


def test_frozen_clustering_writes_nothing(mapping):
    mapping["phases"] = [{"kind": "online", "clustering": {"until": 20}, "subset": 20},
                         {"kind": "online", "clustering": {"until": 1}}]
    plan = Plan.make(Experiment.from_mapping(mapping))
    board = TwinBoard(plan.machine)
    board.stream(plan.schedule.headers[:21], plan.pixels(slice(0, 21)))
    frozen = board.read_state()
    board.stream(plan.schedule.headers[21:], plan.pixels(slice(21, None)))
    after = board.read_state()
    assert (after.clustering_walls == frozen.clustering_walls).all()
    assert (after.thresholds == frozen.thresholds).all()
    assert (after.readout_walls != frozen.readout_walls).any()


def test_without_winners_there_are_no_cluster_scores(small):
    result = run(small.with_options(read_back="class"))
    assert result["cluster_purity"] is None and result["nmi"] is None
    assert result["accuracy"] == run(small)["accuracy"]


def test_run_without_evaluation_has_no_accuracy(mapping):
    mapping["phases"].pop()
    result = run(Experiment.from_mapping(mapping))
    assert result["accuracy"] is None and result["confusion"] is None
    assert result["prequential_accuracy"] is not None and result["cluster_purity"] is not None


def test_whole_image_and_online_learning_run(mapping):
    mapping["geometry"] = {"kind": "whole-image", "neurons": 8}
    mapping["phases"] = [{"kind": "online", "passes": 2, "clustering": {"pulse_lengths": [16, 4]},
                          "readout": {"gate_shifts": [2]}}, {"kind": "evaluate"}]
    result = run(Experiment.from_mapping(mapping))
    assert result["network"]["positions"] == 1
    assert result["ledger"]["samples_clustered"] == result["ledger"]["samples_labelled"] == 120


def test_seed_changes_everything_random_and_nothing_else(small):
    first, again = run(small), run(small)
    other = run(small.with_options(seed=4))
    assert first["ledger"] == again["ledger"] != other["ledger"]
    assert other["seed"] == 4 and other["seeds"] != first["seeds"]


def test_each_stage_may_have_its_own_device(mapping):
    mapping["device"] = {"kind": "ideal", "step": 0.01,
                         "readout": {"kind": "ideal", "name": "stiff", "step": 0.02}}
    experiment = Experiment.from_mapping(mapping)
    clustering, readout = experiment.tables(experiment.network())
    assert (clustering.name, readout.name) == ("ideal", "stiff")
    assert max(readout.steps) == pytest.approx(2 * max(clustering.steps), abs=1)


def test_energy_takes_each_stage_from_its_own_device(mapping, small):
    mapping["device"] = {"kind": "ideal", "readout": {
        "kind": "ideal", "conductance_min": 1e-6, "conductance_max": 2e-6}}
    network, counters = small.network(), [1000] * len(Counter)
    mixed = Experiment.from_mapping(mapping).energy(counters, network).as_dict()["breakdown"]
    plain = small.energy(counters, network).as_dict()["breakdown"]
    assert mixed["clustering"] == plain["clustering"]
    assert mixed["readout"]["read"] == near(plain["readout"]["read"] / 60)


def test_files_are_complete_and_agree(small, tmp_path):
    out = tmp_path / "out"
    result = run(small, out=out, draw=True)
    assert {path.name for path in out.iterdir()} == {
        "result.json", "samples.npz", "snapshot.npz", "summary.png", "receptive_fields.png",
        "learning_curve.png", "confusion.png", "energy.png"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert json.loads((out / "result.json").read_text()) == result
    with np.load(out / "samples.npz") as samples:
        last = samples["phase"] == 2
        assert (samples["prediction"][last] == samples["label"][last]).mean() == result["accuracy"]
        assert samples["winners"].shape == (170, 9) and samples["scores"].shape == (170, 10)
    assert (out / "summary.png").read_bytes()[:4] == b"\x89PNG"


def test_result_lists_its_files_and_says_what_it_follows_from(small, tmp_path):
    result = run(small, out=tmp_path, draw=False)
    manifest = Manifest.read(tmp_path / "result.json")
    assert manifest.files.keys() == {"samples.npz", "snapshot.npz"}
    assert list(manifest.differences()) == []
    train, test = small.load_data()
    assert result["data"]["digest"] == data_digest(train, test) != data_digest(test, train)
    assert "files" not in run(small)


def test_result_names_the_data_that_were_read(mapping, tmp_path):
    (tmp_path / "data").mkdir()
    random = np.random.default_rng(1)
    x, y = random.integers(0, 255, (200, 8, 8), np.uint8), np.arange(200) % 10
    np.savez(tmp_path / "data" / "mine.npz", x=x, y=y)
    named = run(Experiment.from_mapping(mapping))["data"]
    given = run(Experiment.from_mapping(mapping).with_options(
        data=str(tmp_path / "data" / "mine.npz")))["data"]
    mapping["data"]["source"] = "data/mine.npz"
    own = run(Experiment.from_mapping(mapping, folder=tmp_path))["data"]
    assert named["source"] == "digits"
    assert given["source"] == own["source"] == str(tmp_path / "data" / "mine.npz")
    assert given["digest"] == own["digest"] != named["digest"]


def test_earlier_result_is_replaced_if_forced(small, tmp_path):
    out = tmp_path / "out"
    before = run(small, out=out, draw=True)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds results already; add --force"):
        run(small.with_options(seed=9), out=out, draw=False)
    assert json.loads((out / "result.json").read_text()) == before
    result = run(small.with_options(seed=9), out=out, draw=False, force=True)
    assert json.loads((out / "result.json").read_text()) == result
    assert {path.name for path in out.iterdir()} == {
        "notes.txt", "result.json", "samples.npz", "snapshot.npz"}


def test_folder_with_other_files_is_refused_before_the_run_and_left_alone(small, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="is not empty"):
        run(small, out=tmp_path, on_event=pytest.fail)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_file_in_place_of_the_folder_is_refused(small, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        run(small, out=tmp_path / "out")


def test_failure_of_plots_is_a_notice_and_the_result_stays(small, tmp_path, monkeypatch):
    def draw(folder, *_):
        (folder / "summary.png").write_bytes(b"half")
        raise RuntimeError("no such font")

    monkeypatch.setattr(api.plots, "draw", draw)
    said = []
    result = run(small, out=tmp_path, draw=True, notice=said.append)
    assert said == ["no plots, the results are complete: no such font"]
    assert json.loads((tmp_path / "result.json").read_text()) == result
    assert {path.name for path in tmp_path.iterdir()} == {
        "result.json", "samples.npz", "snapshot.npz"}


def test_full_disk_at_the_end_leaves_the_earlier_result_and_a_run_to_go_on_with(
        small, tmp_path, monkeypatch):
    out = tmp_path / "out"
    before = run(small, out=out, draw=False)
    whole = run(small.with_options(seed=9))
    monkeypatch.setattr(folders, "_write_samples", full)
    with pytest.raises(HostError, match="No space left.*the run was saved.*--resume"):
        run(small.with_options(seed=9), out=out, force=True)
    assert json.loads((out / "result.json").read_text()) == before
    assert list(Manifest.read(out / "result.json").differences()) == []
    monkeypatch.undo()
    assert api.resume(out, draw=False)["ledger"] == whole["ledger"]
    assert {path.name for path in out.iterdir()} == {"result.json", "samples.npz", "snapshot.npz"}


def test_full_disk_throughout_leaves_nothing(small, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_write_samples", full)
    monkeypatch.setattr(folders.np, "savez", full)
    with pytest.raises(HostError) as caught:
        run(small, out=tmp_path / "out")
    assert "No space left" in str(caught.value) and "--resume" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(HostError, match="stopped after 0 of 170 samples, which could not be saved"):
        run(small, out=tmp_path / "out", stop=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_checkpoint_that_cannot_be_written_is_a_notice(small, tmp_path, quick, monkeypatch):
    monkeypatch.setattr(runner, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(folders.np, "savez", full)
    said = []
    result = run(small, out=tmp_path, draw=False, notice=said.append)
    assert "the run goes on, but could not be saved" in said[0] and "No space left" in said[0]
    assert json.loads((tmp_path / "result.json").read_text()) == result


def full(path, *_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("limit", [0, 1, 37, 60, 100, 150, 151, 165])
def test_interrupted_run_goes_on_to_the_same_result(small, tmp_path, quick, limit):
    whole = run(small, out=tmp_path / "whole", draw=False)
    stop = Stopper(limit)
    with pytest.raises(Interrupted, match="--resume"):
        run(small, out=tmp_path / "part", draw=False, on_event=stop.listen, stop=stop)
    assert {path.name for path in (tmp_path / "part").iterdir()} == {"unfinished.npz"}
    resumed = api.resume(tmp_path / "part", draw=False)
    assert {path.name for path in (tmp_path / "part").iterdir()} == {
        "result.json", "samples.npz", "snapshot.npz"}
    timed = {"seconds", "samples_per_second", "phases", "files"}
    assert {key: value for key, value in resumed.items() if key not in timed} \
        == {key: value for key, value in whole.items() if key not in timed}
    for name in ("samples.npz", "snapshot.npz"):
        with np.load(tmp_path / "whole" / name) as one, np.load(tmp_path / "part" / name) as other:
            assert one.files == other.files
            assert all((one[key] == other[key]).all() for key in one.files)


@pytest.mark.parametrize("limit", [100, 160])
def test_accuracy_goes_on_where_an_interrupted_run_stood(small, tmp_path, quick, limit):
    def accuracies(events: list) -> dict[int, float | None]:
        return {event.number: event.accuracy for event in events
                if isinstance(event, runner.Advanced)}

    whole, resumed = [], []
    result = run(small, out=tmp_path / "whole", draw=False, on_event=whole.append)
    stop = Stopper(limit)  # in the second phase, of 90 samples, or in the third, of 20
    with pytest.raises(Interrupted):
        run(small, out=tmp_path / "part", draw=False, stop=stop, on_event=stop.listen)
    api.resume(tmp_path / "part", draw=False, on_event=resumed.append)
    expected = accuracies(whole)
    assert expected[0] is None, "clustering predicts nothing"
    assert expected[2] == result["accuracy"] != expected[1]
    assert accuracies(resumed) == {number: expected[number] for number in accuracies(resumed)}
    assert max(accuracies(resumed)) == 2 and min(accuracies(resumed)) == (1 if limit < 150 else 2)


@pytest.mark.parametrize("limit", [25, 60, 75, 110])
def test_interrupted_run_resumes_to_the_same_views_labels_and_walls(mapping, tmp_path, quick,
                                                                    limit):
    mapping["data"]["label_noise"] = 0.2
    mapping["rules"] = {"initial": "samples"}
    mapping["phases"] = [
        {"kind": "online", "shifts": 1, "mirror": True, "clustering": {"until": 30}},
        {"kind": "evaluate", "shifts": 1},
        {"kind": "teach", "permutation": 4, "portion": [0.5, 1.0]},
        {"kind": "evaluate", "permutation": 4}]
    experiment = Experiment.from_mapping(mapping)
    run(experiment, out=tmp_path / "whole", draw=False)
    stop = Stopper(limit)
    with pytest.raises(Interrupted):
        run(experiment, out=tmp_path / "part", draw=False, on_event=stop.listen, stop=stop)
    api.resume(tmp_path / "part", draw=False)
    for name in ("samples.npz", "snapshot.npz"):
        with np.load(tmp_path / "whole" / name) as one, np.load(tmp_path / "part" / name) as other:
            assert all((one[key] == other[key]).all() for key in one.files)


def test_run_may_be_interrupted_again_and_again(small, tmp_path, quick):
    whole = run(small)
    stop = Stopper(20)
    with pytest.raises(Interrupted):
        run(small, out=tmp_path / "part", draw=False, on_event=stop.listen, stop=stop)
    for limit in (50, 90, 155):
        stop = Stopper(limit)
        with pytest.raises(Interrupted):
            api.resume(tmp_path / "part", on_event=stop.listen, stop=stop)
    assert api.resume(tmp_path / "part", draw=False)["ledger"] == whole["ledger"]


def test_interrupted_run_without_a_folder_writes_nothing(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Interrupted):
        run(small, stop=lambda: True)
    assert list(tmp_path.iterdir()) == []


def interrupted(small, folder):
    with pytest.raises(Interrupted):
        run(small, out=folder, stop=lambda: True)
    return folder / "unfinished.npz"


def test_nothing_to_resume_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no interrupted run"):
        api.resume(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_run_is_not_started_anew_unless_forced(small, tmp_path):
    place = interrupted(small, tmp_path / "out")
    before = place.read_bytes()
    with pytest.raises(UsageError, match="holds an interrupted run; go on with --resume"):
        run(small.with_options(seed=9), out=tmp_path / "out", draw=False)
    assert place.read_bytes() == before
    run(small.with_options(seed=9), out=tmp_path / "out", draw=False, force=True)
    assert not place.exists()


def test_file_that_only_has_the_name_of_an_interrupted_run_stays(small, tmp_path):
    np.savez(tmp_path / "unfinished.npz", x=np.arange(3))
    before = (tmp_path / "unfinished.npz").read_bytes()
    with pytest.raises(UsageError, match="is not empty"):
        run(small, out=tmp_path)
    with pytest.raises(UsageError, match=r"unfinished.npz: is in the way"):
        run(small, out=tmp_path, force=True)
    with pytest.raises(DataError, match="cannot be read"):
        api.resume(tmp_path)
    assert (tmp_path / "unfinished.npz").read_bytes() == before


@pytest.mark.parametrize("damage", [
    lambda content: b"", lambda content: content[:len(content) // 2],
    lambda content: content[:3000] + bytes([content[3000] ^ 1]) + content[3001:]])
def test_damaged_interrupted_run_is_refused(small, tmp_path, damage):
    place = interrupted(small, tmp_path / "out")
    place.write_bytes(damage(place.read_bytes()))
    with pytest.raises(DataError, match=r"unfinished.npz: cannot be read"):
        api.resume(tmp_path / "out")


def changed(place, change):
    """Change what an interrupted run says of itself."""
    with np.load(place) as archive:
        arrays = dict(archive)
    about = json.loads(str(arrays["run"]))
    change(about)
    np.savez(place, **arrays | {"run": np.array(json.dumps(about))})


def test_resume_after_the_experiment_was_edited_is_refused(small, tmp_path):
    place = interrupted(small, tmp_path / "out")
    changed(place, lambda about: about["experiment"]["experiment"].update(seed=4))
    with pytest.raises(DataError, match="unfinished.npz: experiment of the run changed since"):
        api.resume(tmp_path / "out")


def test_resume_after_a_device_table_was_corrected_is_refused(mapping, tmp_path):
    write_pair(tmp_path / "device")
    mapping["device"] = {"kind": "table", "path": str(tmp_path / "device")}
    interrupted(Experiment.from_mapping(mapping), tmp_path / "out")
    write_pair(tmp_path / "device", scale=2)  # in siemens: the integer table is the same
    with pytest.raises(DataError, match="devices of the run changed since"):
        api.resume(tmp_path / "out")


def test_lost_board_leaves_the_last_checkpoint_to_go_on_from(small, tmp_path, quick, monkeypatch):
    monkeypatch.setattr(runner, "CHECKPOINT_SECONDS", 0.0)
    whole, streams = run(small), []

    class Flaky(TwinBoard):
        def stream(self, *arguments, **options):
            streams.append(1)
            if len(streams) == 7:
                raise LinkError("lost the board: it was unplugged")
            return super().stream(*arguments, **options)

    monkeypatch.setattr(api, "open_board", lambda machine, **_: Flaky(machine))
    with pytest.raises(LinkError, match="unplugged.*--resume"):
        run(small, out=tmp_path / "out", draw=False)
    assert api.resume(tmp_path / "out", draw=False)["ledger"] == whole["ledger"]


def test_device_of_one_pulse_is_given_single_pulses_and_it_is_said(small, monkeypatch):
    model = dataclasses.replace(devices.ideal(step=0.04), scalable_pulses=False)
    monkeypatch.setattr(devices, "load", lambda source, limit: model)
    said = []
    result = run(small.with_options(device="measured"), notice=said.append)
    assert result["devices"]["pulse_scales"]["readout"] == {"octaves": 3, "scalable": False}
    assert "one pulse" in said[0]
    ledger = result["ledger"]
    assert ledger["clustering_potentiations"] == ledger["clustering_potentiation_length"] > 0


def test_images_are_needed_for_receptive_fields(mapping):
    mapping["data"] = {"source": "wine"}
    with pytest.raises(ExperimentError, match="expected images"):
        Plan.make(Experiment.from_mapping(mapping))


def test_table_of_values_runs_as_whole_image(mapping):
    mapping["data"] = {"source": "wine"}
    mapping["geometry"] = {"kind": "whole-image", "neurons": 8}
    assert run(Experiment.from_mapping(mapping))["network"]["pixels"] == 13


@pytest.mark.parametrize("view", [{"shifts": 1}, {"mirror": True}])
def test_views_of_images_are_refused_for_tables(mapping, view):
    mapping["data"] = {"source": "wine"}
    mapping["geometry"] = {"kind": "whole-image", "neurons": 8}
    mapping["phases"][0] |= view
    (key,) = view
    with pytest.raises(ExperimentError, match=rf"phases\[0\].{key} = .*: expected images"):
        Plan.make(Experiment.from_mapping(mapping))


def test_class_beyond_the_data_is_refused_where_the_file_does_not_say(mapping):
    del mapping["data"]["classes"]
    mapping["phases"][0]["classes"] = [12]
    with pytest.raises(ExperimentError, match=r"classes\[0\] = 12: expected a class .*0 to 9"):
        Plan.make(Experiment.from_mapping(mapping))


@pytest.fixture
def table(mapping):
    """Wine in triangles, in groups of four features."""
    mapping["data"] = {"source": "wine", "features": 13, "classes": 3, "test_fraction": 0.3,
                       "encoding": {"kind": "triangular", "fields": 3}}
    mapping["geometry"] = {"kind": "groups", "group": 4, "step": 3, "neurons": 8}
    mapping["rules"] = {"initial": "samples"}
    return mapping


def test_groups_of_features_follow_the_encoding(table):
    experiment = Experiment.from_mapping(table)
    network = experiment.network()
    assert network == experiment.network(experiment.load_data()[0])
    assert (network.pixels, network.fan_in) == (39, 12)
    assert network.origin == (0, 9, 18, 27) and network.crossbars == network.regions == 4
    result = run(experiment)
    assert result["data"]["train"] == 124 and result["accuracy"] > 0.5


def test_other_number_of_features_than_declared_is_refused(table):
    table["data"]["features"] = 12
    with pytest.raises(ExperimentError, match="data.features = 12: .* wine have 13 features"):
        Plan.make(Experiment.from_mapping(table))


def test_walls_start_as_the_codes_of_training_samples(table):
    plan = Plan.make(Experiment.from_mapping(table))
    network, state = plan.network, plan.initial_state()
    random = plan.machine.initial_state()
    for crossbar in range(network.crossbars):
        codes = set()
        for pixels in plan.train.samples:
            values = [int(value) for value in pixels[9 * crossbar:9 * crossbar + 12]]
            shift = max(0, max(values).bit_length() - 4)
            codes.add(tuple((value >> shift) * 17 for value in values))
        columns = {tuple(column) for column in
                   (state.clustering_walls[crossbar] >> network.conductance_shift).T.tolist()}
        assert columns <= codes and len(columns) > 1
    assert (state.readout_walls == random.readout_walls).all()
    assert (state.clustering_walls == plan.initial_state().clustering_walls).all()


def test_walls_keep_their_random_places_where_all_is_silent(table):
    table["rules"]["silence"] = 256
    plan = Plan.make(Experiment.from_mapping(table))
    assert list(plan.initial_state().differences(plan.machine.initial_state())) == []


@pytest.mark.parametrize("key", ["train", "test"])
def test_more_samples_than_there_are_is_refused(mapping, key):
    mapping["data"][key] = 99999
    with pytest.raises(ExperimentError, match=f"data.{key} = 99999: expected at most"):
        Plan.make(Experiment.from_mapping(mapping))


def test_limited_data_is_a_sample_of_all_classes(mapping):
    mapping["data"] |= {"train": 300}
    train, _ = Experiment.from_mapping(mapping).load_data()
    assert len(train) == 300 and set(train.labels) == set(range(10))


def test_relative_paths_count_from_the_experiment_file(mapping, tmp_path):
    np.savez(tmp_path / "own.npz", x=np.arange(2560).reshape(40, 8, 8), y=np.arange(40) % 10)
    mapping["data"] = {"source": "own.npz"}
    experiment = Experiment.from_mapping(mapping, "some.toml", tmp_path)
    assert experiment.load_data()[0].name == "own"


def test_twin_is_a_board(small):
    plan = Plan.make(small)
    board: Board = TwinBoard(plan.machine)
    assert board.identify().network_digest == plan.network.digest()
