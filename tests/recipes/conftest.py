"""The recipes are run by the tests beside them, if their hosts are installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

NETS = Path(__file__).parents[1] / "runtime" / "nets"

collect_ignore = ["ray_data.py"]  # importing it needs Ray


@pytest.fixture
def lstm(tmp_path) -> Path:
    """A net with one prediction per sequence, in a file that a test may delete."""
    return Path(shutil.copy(NETS / "lstm-last.onnx", tmp_path))


@pytest.fixture
def tagger(tmp_path) -> Path:
    """A net with a prediction at every step, in a file that a test may delete."""
    return Path(shutil.copy(NETS / "gru-sequence.onnx", tmp_path))


@pytest.fixture
def x() -> np.ndarray:
    """3,000 windows of 19 steps of 2 features, in the raw units of the nets."""
    noise = np.random.default_rng(0).random((3000, 19, 2))
    return (noise * [30.0, 3.0] - [0.0, 2.5]).astype(np.float32)


@pytest.fixture
def ragged(x) -> list[np.ndarray]:
    """300 sequences of 0 to 19 steps."""
    return [sequence[: i % 20] for i, sequence in enumerate(x[:300])]
