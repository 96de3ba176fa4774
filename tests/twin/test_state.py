"""Machine states: initial values, snapshots, differences."""

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
    with pytest.raises(DataError, match="no `clustering_walls`"):
        MachineState.load(tmp_path / "state.npz", NETWORK)
