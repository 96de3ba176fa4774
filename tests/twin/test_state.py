"""Machine states: initial values, snapshots, differences."""

import tracemalloc

import numpy as np
import pytest

from crosswall.errors import DataError
from crosswall.spec.network import receptive_fields
from crosswall.twin import MachineState

NETWORK = receptive_fields(8, 8, 10, 16, field=3, stride=1, regions=3)
OTHER = receptive_fields(8, 8, 10, 16, field=3, stride=1, regions=2)


def test_initial_walls_fill_the_track_and_pairs_start_in_the_middle():
    state = MachineState.initial(NETWORK, seed=3)
    assert abs(state.clustering_walls.mean() - 2047.5) < 100
    assert state.readout_walls.min() >= 2048 - 128 and state.readout_walls.max() < 2048 + 128
    assert not state.thresholds.any() and not state.ledger.any()


def test_a_snapshot_restores_the_same_state(tmp_path):
    state = MachineState.initial(NETWORK, seed=3)
    state.ledger[4] = 2**63 + 1
    state.next_sample = 77
    state.save(tmp_path / "state.npz", NETWORK)
    assert list(state.differences(MachineState.load(tmp_path / "state.npz", NETWORK))) == []
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


def test_differences_name_array_index_and_both_values():
    state, other = MachineState.initial(NETWORK, 3), MachineState.initial(NETWORK, 3)
    other.thresholds[0, 5] = 9
    assert list(state.differences(other)) == [("thresholds", 5, 0, 9)]


def test_a_snapshot_of_another_network_is_refused(tmp_path):
    MachineState.initial(NETWORK, 3).save(tmp_path / "state.npz", NETWORK)
    with pytest.raises(DataError, match="snapshot of another network"):
        MachineState.load(tmp_path / "state.npz", OTHER)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04broken"])
def test_a_file_that_is_no_snapshot_is_refused(tmp_path, content):
    (tmp_path / "state.npz").write_bytes(content)
    with pytest.raises(DataError, match="not a snapshot"):
        MachineState.load(tmp_path / "state.npz", NETWORK)


def test_an_archive_without_state_is_refused(tmp_path):
    np.savez(tmp_path / "state.npz", x=1)
    with pytest.raises(DataError, match="no array `network_digest`"):
        MachineState.load(tmp_path / "state.npz", NETWORK)


def saved_with(path, **changed):
    """A snapshot of which some arrays are others."""
    MachineState.initial(NETWORK, 3).save(path, NETWORK)
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez_compressed(path, **arrays | changed)
    return path


@pytest.mark.parametrize(("changed", "words"), [
    ({"thresholds": np.zeros((36, 15), np.uint32)}, r"`thresholds` is uint32 \[36, 15\]; expected"),
    ({"thresholds": np.zeros((36, 16))}, "`thresholds` is float64"),
    ({"next_sample": np.int64(-1)}, "`next_sample` is -1; expected 0 to 4294967295"),
    ({"next_sample": np.int64(1 << 32)}, "`next_sample` is 4294967296; expected 0 to 4294967295"),
    ({"next_sample": np.zeros(2, np.int64)}, r"`next_sample` is int64 \[2\]; expected int64 \[\]"),
    ({"readout_walls": np.full((144, 10, 2), 4096, np.uint16)}, "holds 4096"),
])
def test_a_snapshot_of_other_arrays_is_refused(tmp_path, changed, words):
    path = saved_with(tmp_path / "state.npz", **changed)
    with pytest.raises(DataError, match=f"state.npz: .*{words}"):
        MachineState.load(path, NETWORK)


def test_a_snapshot_in_another_byte_order_is_the_same(tmp_path):
    state = MachineState.initial(NETWORK, 3)
    path = saved_with(tmp_path / "state.npz", clustering_walls=np.asfortranarray(
        state.clustering_walls.astype(">u2")), next_sample=np.array(7, ">i8"))
    state.next_sample = 7
    assert list(state.differences(MachineState.load(path, NETWORK))) == []


def test_a_snapshot_that_unpacks_to_gigabytes_is_refused_without_them(tmp_path):
    path = saved_with(tmp_path / "state.npz", clustering_walls=np.zeros(64 << 20, np.uint8))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"`clustering_walls` is uint8 \[67108864\]; expected"):
        MachineState.load(path, NETWORK)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
