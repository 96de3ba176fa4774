"""Studies that are run: what is written, kept, reused, interrupted."""

import csv
import errno
import io
import json
import multiprocessing.synchronize
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from crosswall import experiment as experiments
from crosswall.device import EnergyCoefficients
from crosswall.errors import DataError, HostError, Interrupted, UsageError
from crosswall.experiment import Experiment
from crosswall.files import Manifest
from crosswall.study import Options, Study, api, run
from crosswall.study import runner as runners
from crosswall.study.store import Store, Surveyor
from tests.device.tables import DECREASING, INCREASING, table_text, write_pair
from tests.near import near
from tests.study.conftest import STUDY


def rows(path) -> list[dict[str, str]]:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# crosswall study ")
    return list(csv.DictReader(io.StringIO("\n".join(lines[1:]))))


def planned(events) -> api.Planned:
    return next(event for event in events if isinstance(event, api.Planned))


def test_table_has_what_single_runs_find(study, study_file, tmp_path):
    outcome = run(study, out=tmp_path / "out", jobs=1)
    table = rows(tmp_path / "out" / "small-noise" / "table.csv")
    assert [(row["rule"], row["noise"]) for row in table] == [
        ("match", "0"), ("match", "0.5"), ("stdp", "0"), ("stdp", "0.5")]
    base = Experiment.load(str(study_file.parent / "small.toml")).as_mapping()
    base["rules"] = {"clustering_rule": "stdp"}
    base["device"] = {"kind": "ideal", "noise": 0.5}
    found = [experiments.run(Experiment.from_mapping(base).with_options(seed=seed), board="twin")
             for seed in (1, 2)]
    accuracies = [result["accuracy"] for result in found]
    energies = [result["energy_joules"]["learning"]["device"] for result in found]
    last = table[-1]
    assert float(last["accuracy"]) == near(statistics.median(accuracies))
    assert [float(last[f"accuracy_seed_{seed}"]) for seed in (1, 2)] == near(accuracies)
    assert float(last["accuracy_lowest"]) == near(min(accuracies))
    assert float(last["energy_device_highest"]) == near(max(energies), rel=1e-8)
    assert last["seeds"] == "1 2"
    assert float(last["learned_samples"]) == 60 + 90
    assert outcome.table.as_dict()["rows"][-1]["accuracy"]["values"] == near(accuracies)


def test_devices_of_a_folder_are_told_once(study, study_file, tmp_path):
    folder = study_file.parent / "two"
    folder.mkdir()
    for number in range(2):
        for word, rows_of in (("increasing", INCREASING), ("decreasing", DECREASING)):
            (folder / f"dG_{word}{number}.txt").write_text(table_text(rows_of))
    text = study_file.read_text().replace('key = "device.noise"\nvalues = [0.0, 0.5]', """points = [
    { label = "both", set = { device = { kind = "table", path = "two" } } },
    { label = "one", set = { device = { kind = "table", path = "two" },
                             "formats.variant_bits" = 0 } },
]""".replace("\n                            ", ""))
    study_file.write_text(text)
    lines: list[str] = []
    run(Study.load(str(study_file)), out=tmp_path / "out", options=Options(seeds=1), jobs=1,
        draw=False, notice=lines.append)
    told = [line.partition(": ")[2] for line in lines if line.startswith("device ")]
    assert told == ["each synapse is one of its 2 devices",
                    "only the first of its 2 devices is used; --variants all takes all"]


def test_files_are_there_and_say_the_command_that_makes_them(study, study_file, tmp_path):
    run(study, out=tmp_path / "out", options=Options(seeds=1), jobs=1)
    folder = tmp_path / "out" / "small-noise"
    command = f"crosswall study {study_file} --seeds 1"
    assert {path.name for path in folder.iterdir()} == {
        "table.md", "table.csv", "accuracy.png", "accuracy.csv", "corners.md", "corners.csv",
        "study.json"}
    manifest = Manifest.read(folder / "study.json")
    assert manifest.names == {path.name for path in folder.iterdir()}
    assert list(manifest.differences()) == []
    for path in folder.iterdir():
        assert command.encode() in path.read_bytes(), path.name
    figure = rows(folder / "accuracy.csv")
    assert [(row["line"], row["noise"]) for row in figure] == [
        ("match", "0"), ("match", "0.5"), ("stdp", "0"), ("stdp", "0.5")]


def test_corners_are_the_energies_at_their_coefficients(study, tmp_path):
    run(study, out=tmp_path / "out", options=Options(seeds=1), jobs=1, draw=False)
    corners = rows(tmp_path / "out" / "small-noise" / "corners.csv")
    assert len(corners) == 2 * 4
    points, _ = study.points(Options(seeds=1))
    for row, point in zip(corners[4:], points, strict=True):
        mapping = point.experiments[0].as_mapping()
        mapping["energy"] = {"write_energy": 2e-15, "periphery_energy": 0.0}
        total = experiments.run(Experiment.from_mapping(mapping), board="twin")["energy_joules"]
        assert float(row["energy"]) == near(total["with_periphery"], rel=1e-8)
        assert row["within_budget"] == str(total["with_periphery"] <= 1e-8).lower()


def test_known_points_are_not_run_again(study, tmp_path):
    events: list[api.Event] = []
    run(study, out=tmp_path / "out", options=Options(seeds=1), jobs=1, draw=False)
    first = (tmp_path / "out/small-noise/table.md").read_bytes()
    run(study, out=tmp_path / "out", options=Options(seeds=1), jobs=1, draw=False,
        on_event=events.append)
    assert planned(events) == api.Planned(0, 4)
    assert (tmp_path / "out/small-noise/table.md").read_bytes() == first
    events.clear()
    run(study, out=tmp_path / "out", options=Options(seeds=2), jobs=1, draw=False,
        on_event=events.append)
    assert planned(events) == api.Planned(4, 4)


def test_damaged_result_is_run_again(study, tmp_path):
    run(study, out=tmp_path / "out", options=Options(seeds=1), jobs=1, draw=False)
    damaged = sorted((tmp_path / "out" / "points").iterdir())[0]
    damaged.write_text(damaged.read_text()[:100])
    events: list[api.Event] = []
    run(study, out=tmp_path / "out", options=Options(seeds=1), jobs=1, draw=False,
        on_event=events.append)
    assert planned(events) == api.Planned(1, 3)


def test_key_is_that_of_the_experiment_and_its_seed(study):
    point = study.points(Options(seeds=2))[0][0]
    key = Surveyor().key(point.experiments[0])
    assert key == Surveyor().key(study.points(Options(seeds=2))[0][0].experiments[0])
    assert key != Surveyor().key(point.experiments[1])


def test_corrected_device_is_run_again(study_file, tmp_path):
    folder = write_pair(study_file.parent / "device")
    (folder / "provenance.json").write_text(json.dumps(
        {"name": "mine", "provenance": "measured", "write_energy": 1e-15}))
    small = study_file.parent / "small.toml"
    small.write_text(small.read_text().replace('kind = "ideal"',
                                               'kind = "table"\npath = "device"'))
    study_file.write_text(STUDY.replace('key = "device.noise"', 'key = "rules.silence"')
                          .replace("[0.0, 0.5]", "[12]").replace('["match", "stdp"]', '["match"]'))

    def found() -> tuple[api.Planned, float]:
        events: list[api.Event] = []
        outcome = run(str(study_file), out=tmp_path / "out", options=Options(seeds=1), jobs=1,
                      draw=False, on_event=events.append)
        return planned(events), outcome.table.as_dict()["rows"][0]["energy_device"]["values"][0]

    first, energy = found()
    assert first.experiments == 1 and found() == (api.Planned(0, 1), energy)
    write_pair(folder, scale=1000)  # as from milli: the integer table is the same
    again, corrected = found()
    assert again.experiments == 1 and corrected > 100 * energy
    (folder / "provenance.json").write_text(json.dumps(
        {"name": "mine", "provenance": "measured", "write_energy": 1e-11}))
    last, dear = found()
    assert last.experiments == 1 and dear > 2 * corrected


def test_data_changed_while_the_study_ran_is_no_result(study, tmp_path, monkeypatch):
    right = runners.run_point

    def run_point(experiment, **options):
        result = right(experiment, **options)
        return result | {"data": result["data"] | {"digest": "of other data"}}

    monkeypatch.setattr(runners, "run_point", run_point)
    with pytest.raises(DataError, match="the data were changed while the study ran"):
        run(study, out=tmp_path / "out", options=Options(seeds=1), jobs=1, draw=False)
    assert not (tmp_path / "out" / "points").exists()


def test_folder_of_others_is_refused_before_anything_runs(study, tmp_path):
    folder = tmp_path / "out" / "small-noise"
    folder.mkdir(parents=True)
    (folder / "table.md").write_text("mine")
    for force, why in ((False, "is not empty"), (True, "table.md: is in the way")):
        with pytest.raises(UsageError, match=why):
            run(study, out=tmp_path / "out", force=force, on_event=pytest.fail)
    assert [path.name for path in folder.iterdir()] == ["table.md"]
    assert not (tmp_path / "out" / "points").exists()


def test_edited_table_is_replaced_only_if_forced(study, tmp_path):
    options = Options(seeds=1)
    run(study, out=tmp_path / "out", options=options, jobs=1, draw=True)
    folder = tmp_path / "out" / "small-noise"
    (folder / "notes.txt").write_text("mine")
    table = (folder / "table.md").read_text()
    (folder / "table.md").write_text(table + "as we see, …")
    with pytest.raises(UsageError, match="table.md: was changed since crosswall wrote it"):
        run(study, out=tmp_path / "out", options=options, jobs=1, draw=False)
    run(study, out=tmp_path / "out", options=options, jobs=1, draw=False, force=True)
    assert (folder / "table.md").read_text() == table
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "accuracy.png").exists()


def test_failure_of_figures_is_a_notice_and_the_tables_stay(study, tmp_path, monkeypatch):
    def picture(*_):
        raise RuntimeError("no such font")

    monkeypatch.setattr(api.figures, "picture", picture)
    said: list[str] = []
    run(study, out=tmp_path / "out", options=Options(seeds=1), jobs=1, draw=True,
        notice=said.append)
    assert said == ["no plots, tables and data are complete: no such font"]
    assert (tmp_path / "out" / "small-noise" / "table.md").exists()


def test_key_holds_values_that_the_file_leaves_to_their_defaults(study):
    experiment = study.points(Options(seeds=1))[0][0].experiments[0]
    rules = experiment.file.rules
    assert "silence" not in rules.model_fields_set

    def key(**values) -> str:
        """Of the same file read by a program with other defaults."""
        read = type(rules).model_construct(rules.model_fields_set, **dict(rules) | values)
        return Surveyor().key(replace(experiment, file=experiment.file.model_copy(
            update={"rules": read})))

    assert key() == Surveyor().key(experiment)
    assert key(silence=rules.silence + 1) != Surveyor().key(experiment)


def test_processes_find_what_one_process_finds(study, tmp_path):
    options = Options(seeds=1)
    events: list[api.Event] = []
    alone = run(study, out=tmp_path / "one", options=options, jobs=1, draw=False)
    several = run(study, out=tmp_path / "two", options=options, jobs=2, draw=False,
                  on_event=events.append)
    assert several.table.as_dict() == alone.table.as_dict()
    finished = [event for event in events if isinstance(event, api.PointFinished)]
    assert {event.label for event in finished} == {
        "match, 0", "match, 0.5", "stdp, 0", "stdp, 0.5"}
    shares = [event.share for event in events if isinstance(event, api.Advanced)]
    assert shares == sorted(shares) and shares[-1] <= 1


def test_without_shared_memory_experiments_run_one_at_a_time(study, tmp_path, monkeypatch):
    def no_semaphores(*arguments, **options):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    options = Options(seeds=1, train=20)
    expected = run(study, out=tmp_path / "one", options=options, jobs=1, draw=False)
    monkeypatch.setattr(multiprocessing.synchronize.SemLock, "__init__", no_semaphores)
    told = []
    found = run(study, out=tmp_path / "two", options=options, jobs=2, draw=False,
                notice=told.append)
    assert found.table.csv() == expected.table.csv()
    assert told == ["processes cannot share memory (No such file or directory; is there a /dev/shm "
                    "that can be written?), so experiments run one at a time"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_stopped_study_keeps_what_is_finished(study, tmp_path, jobs):
    finished = 0

    def count(event: api.Event) -> None:
        nonlocal finished
        finished += isinstance(event, api.PointFinished)

    with pytest.raises(Interrupted, match="the same command goes on"):
        run(study, out=tmp_path / "out", jobs=jobs, on_event=count, stop=lambda: finished >= 2)
    assert 2 <= finished < 8
    assert len(list((tmp_path / "out" / "points").iterdir())) == finished
    assert not (tmp_path / "out" / "small-noise").exists()
    events: list[api.Event] = []
    run(study, out=tmp_path / "out", jobs=1, draw=False, on_event=events.append)
    assert planned(events) == api.Planned(8 - finished, finished)


def test_failed_point_is_one_line_and_the_others_are_written(study, tmp_path, monkeypatch):
    right = runners.run_point

    def run_point(experiment, **options):
        if experiment.file.rules.clustering_rule == "stdp":
            raise DataError("the disk is on fire")
        return right(experiment, **options)

    monkeypatch.setattr(runners, "run_point", run_point)
    events: list[api.Event] = []
    with pytest.raises(DataError, match="2 of 4 experiments failed.*the disk is on fire"):
        run(study, out=tmp_path / "out", options=Options(seeds=1), jobs=1, on_event=events.append)
    assert sum(isinstance(event, api.PointFinished) and event.error is not None
               for event in events) == 2
    text = (tmp_path / "out" / "small-noise" / "table.md").read_text()
    assert text.count("| failed |") == 2
    table = rows(tmp_path / "out" / "small-noise" / "table.csv")
    assert table[0]["accuracy"] and not table[3]["accuracy"]


def test_experiments_in_common_are_run_once(study_file, tmp_path):
    study_file.write_text(STUDY.replace("[0.0, 0.5]", "[0, 0.0001]").replace(
        'key = "device.noise"', 'key = "rules.silence"').replace("[0, 0.0001]", "[12, 13]"))
    first = Study.load(str(study_file))
    run(first, out=tmp_path / "out", options=Options(seeds=1), jobs=1, draw=False)
    study_file.write_text(study_file.read_text().replace("[12, 13]", "[13, 14]")
                          .replace("small-noise", "other"))
    events: list[api.Event] = []
    run(str(study_file), out=tmp_path / "out", options=Options(seeds=1), jobs=1, draw=False,
        on_event=events.append)
    assert planned(events) == api.Planned(2, 2)


def test_place_that_is_a_file_is_refused_before_anything_runs(study, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        run(study, out=tmp_path / "out")


def test_no_point_left_is_an_error(study_file, tmp_path):
    study_file.write_text(STUDY.replace('"device.noise"', '"phases.teach.subset"')
                          .replace("[0.0, 0.5]", "[40, 50]"))
    with pytest.raises(UsageError, match="every point needs more training samples than --train"):
        run(str(study_file), out=tmp_path / "out", options=Options(train=30))


def test_store_writes_whole_files_only(tmp_path, monkeypatch):
    store = Store(tmp_path / "points")
    store.save("a", {"accuracy": 1.0})
    assert store.load("a") == {"accuracy": 1.0}
    assert json.loads(store.path("a").read_text())["key"] == "a"

    def full(path, *arguments, **options):
        path.write_bytes(b"{")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(HostError, match="No space left on device.*call the study again"):
        store.save("a", {"accuracy": 0.0})
    assert [path.name for path in (tmp_path / "points").iterdir()] == ["a.json"]
    assert store.load("a") == {"accuracy": 1.0}
    assert store.load("b") is None


def test_default_coefficients_give_the_energy_of_the_result(study, tmp_path):
    """A corner at the defaults is what result.json says."""
    default = EnergyCoefficients(1e-6, 2e-6)
    changed = study.file.model_copy(update={"corners": study.file.corners.model_copy(
        update={"set": {"fire_energy": [default.fire_energy]}})})
    outcome = run(Study(changed, study.where, study.folder, study.source), out=tmp_path / "out",
                  options=Options(seeds=1), jobs=1, draw=False)
    assert outcome.corners is not None
    assert list(outcome.corners.energies[0]) == near([
        row.results[0]["energy_joules"]["with_periphery"] for row in outcome.table.rows])
