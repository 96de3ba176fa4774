"""A small study of the small experiment: four points, two seeds, a second or so."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosswall.study import Study
from tests.cli.conftest import SMALL

EXPERIMENT = SMALL + """
[device]
kind = "ideal"
"""

STUDY = """
[study]
name = "small-noise"
title = "Noise"
description = "Noise for two rules."
base = "small.toml"
seeds = 2

[[axes]]
name = "rule"
key = "rules.clustering_rule"
values = ["match", "stdp"]

[[axes]]
name = "noise"
label = "noise (relative)"
key = "device.noise"
values = [0.0, 0.5]

[[figures]]
name = "accuracy"
x = "noise"
lines = "rule"

[corners]
budget = 1e-8

[corners.set]
write_energy = ["nominal", 2e-15]
periphery_energy = [0.0]
"""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """The study's file, beside its experiment's, in a folder of their own."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "small.toml").write_text(EXPERIMENT)
    path = folder / "study.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def study(study_file: Path) -> Study:
    """The small study."""
    return Study.load(str(study_file))
