"""Verification finds every kind of difference and names the first."""

import numpy as np
import pytest

from crosswall.board import RemoteBoard, TwinBoard
from crosswall.errors import LinkError
from crosswall.experiment import Experiment, Plan, verification
from crosswall.link import BoardTransport
from crosswall.spec.build import Build
from crosswall.spec.ledger import Counter
from tests.board.fake_board import FakeBoard


@pytest.fixture
def plan(small) -> Plan:
    return Plan.make(small, limit=75)


class Faulty(TwinBoard):
    """A twin that spoils something once sample `at` is reached."""

    def __init__(self, machine, at: int, spoil) -> None:
        super().__init__(machine)
        self._at, self._spoil = at, spoil

    def stream(self, headers, pixels, **options):
        results = super().stream(headers, pixels, **options)
        place = self._at - int(headers.numbers[0])
        if 0 <= place < len(headers):
            self._spoil(self._twin.state, results, place)
        return results


def test_equal_boards_have_no_mismatch(plan):
    found = verification.verify(plan, TwinBoard(plan.machine))
    assert found.mismatches == 0 and found.first is None and found.samples == 75
    network = plan.network
    assert found.compared["winners"] == 75 * network.positions
    assert found.compared["readout_walls"] == 4 * network.readout_synapses
    about = found.as_dict()
    assert about["compared"] == sum(about["compared_by_quantity"].values())


def test_remote_board_has_no_mismatch(plan):
    fake = FakeBoard(plan.network, Build(lanes=4, readout_lanes=2))
    found = verification.verify(plan, RemoteBoard(BoardTransport(fake.model)))
    assert found.mismatches == 0 and found.board == "fake" and fake.samples == 75


def test_remote_board_starts_from_walls_of_samples_and_sees_the_same_views(mapping):
    mapping["rules"] = {"initial": "samples"}
    mapping["data"]["label_noise"] = 0.3
    mapping["phases"] = [
        {"kind": "online", "shifts": 2, "mirror": True, "clustering": {"until": 5}},
        {"kind": "evaluate", "permutation": 3}]
    plan = Plan.make(Experiment.from_mapping(mapping), limit=40)
    fake = FakeBoard(plan.network, Build(lanes=4, readout_lanes=2))
    found = verification.verify(plan, RemoteBoard(BoardTransport(fake.model)))
    assert found.mismatches == 0 and found.samples == 40
    assert (plan.initial_state().clustering_walls
            != plan.machine.initial_state().clustering_walls).any()


@pytest.mark.parametrize("quantity", ["predictions", "result_flags", "winners", "scores"])
def test_difference_in_a_result_is_named(plan, quantity):
    def spoil(state, results, place):
        values = getattr(results, quantity)
        values[place] = values[place] ^ 1 if values.ndim == 1 else np.append(
            values[place][:-1], values[place][-1] ^ 1)

    found = verification.verify(plan, Faulty(plan.machine, 40, spoil))
    assert found.mismatches == 1 and found.first.sample == 40
    assert found.first.quantity.startswith(quantity)
    assert found.first.got == found.first.expected ^ 1


@pytest.mark.parametrize(("quantity", "index"), [
    ("clustering_walls", (0, 3, 5)), ("thresholds", (0, 2)), ("readout_walls", (7, 4, 1))])
def test_difference_in_the_state_is_named_after_its_phase(plan, quantity, index):
    def spoil(state, results, place):
        getattr(state, quantity)[index] ^= 1

    # The evaluation learns nothing, so that the difference stays the only one.
    found = verification.verify(plan, Faulty(plan.machine, 74, spoil))
    assert found.mismatches == 1 and found.first.sample == 74
    assert found.first.quantity == quantity + "".join(f"[{each}]" for each in index)


def test_difference_in_the_ledger_is_named_by_its_counter(plan):
    def spoil(state, results, place):
        state.ledger[Counter.READOUT_READS] += np.uint64(5)

    found = verification.verify(plan, Faulty(plan.machine, 60, spoil))
    assert found.first.quantity == "ledger.readout_reads"
    assert found.first.got - found.first.expected == 5


def test_state_may_be_compared_more_often(plan):
    def spoil(state, results, place):
        state.thresholds[0, 0] += 1

    often = verification.verify(plan, Faulty(plan.machine, 3, spoil), state_every=8)
    assert often.first.sample <= 7


def test_fault_of_a_remote_board_is_found(plan):
    fake = FakeBoard(plan.network, Build(lanes=4, readout_lanes=2))
    fake.fault = 30
    found = verification.verify(plan, RemoteBoard(BoardTransport(fake.model)))
    assert found.mismatches and found.first.sample >= 24


def test_lost_board_is_no_difference(plan):
    class Lost(TwinBoard):
        def stream(self, *arguments, **options):
            raise LinkError("unplugged")

    with pytest.raises(LinkError):
        verification.verify(plan, Lost(plan.machine))
