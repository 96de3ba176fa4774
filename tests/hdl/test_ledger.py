"""The ledger adds tallies to 64-bit counters and captures them at once."""

from pathlib import Path

import pytest
from bench import run_bench
from cases import random_case

from crosswall.spec.network import Neuron
from crosswall_hdl.ledger import Ledger


@pytest.mark.parametrize(("seed", "neuron", "word_bits", "simulator"), [
    (0, Neuron.ARGMAX, 8, "icarus"), (1, Neuron.RACE, 8, "verilator"),
    (0, Neuron.ARGMAX, 32, "verilator"), (1, Neuron.RACE, 32, "icarus"),
    (0, Neuron.ARGMAX, 16, "icarus")])
def test_counters_add_tallies_and_are_captured(seed, neuron, word_bits, simulator, tmp_path):
    run_bench(Ledger(random_case(seed, "U", neuron=neuron).network, word_bits=word_bits),
              Path(__file__).with_name("ledger_bench.py"), simulator=simulator,
              build_dir=tmp_path,
              parameters={"seed": seed, "neuron": neuron, "word_bits": word_bits})


def test_words_of_another_length_are_refused():
    with pytest.raises(ValueError, match="`word_bits` must be one of 8, 16, 32: got 64"):
        Ledger(random_case(0, "U").network, word_bits=64)
