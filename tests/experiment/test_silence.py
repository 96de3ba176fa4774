"""Data that the machine does not see are said."""

import numpy as np
import pytest

from crosswall.experiment import Experiment, Plan, config
from crosswall.experiment.silence import note_silence
from crosswall.spec.network import whole_image


@pytest.mark.parametrize(("peak", "silent"), [(11, True), (12, False)])
def test_silent_positions_are_said(peak, silent):
    network = whole_image(4, 2, 2, winners=1)
    samples = np.zeros((6, 4), np.uint8)
    samples[:, 1] = peak
    lines = []
    note_silence(network, 12, samples, lines.append)
    expected = ["6 of 6 positions of training samples are silent: their peaks are below "
                "rules.silence = 12, and they teach nothing; see `data.value_range`, or lower "
                "rules.silence"]
    assert lines == (expected if silent else [])


BUILT_IN = [name for name in config.preset_names()
            if Experiment.load(name).file.data.source in ("digits", "iris", "wine",
                                                          "breast-cancer")]


@pytest.mark.parametrize("name", BUILT_IN)
def test_nothing_is_said_of_a_preset(name):
    lines = []
    Plan.make(Experiment.load(name).with_options(train=60, test=20), notice=lines.append)
    assert lines == []
