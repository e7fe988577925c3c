"""Small data sets and small networks, so that training takes only a moment in every test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from seqrt.training import Network


@pytest.fixture(autouse=True)
def _as_on_the_command_line(one_thread):
    """`seqrt train` takes one thread for networks as small as these."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def network():
    """Make a network with weights drawn from a seed."""

    def make(cell="gru", features=1, units=(8,), outputs=1, *, seed=0, **choices) -> Network:
        torch.manual_seed(seed)
        return Network(cell, features, units, outputs, **choices)

    return make


@pytest.fixture
def waves() -> tuple[np.ndarray, np.ndarray]:
    """Two hundred windows of a wave, far from zero, and the value that comes next."""
    wave = 300 + 50 * np.sin(np.arange(212) / 3.0)
    windows = np.lib.stride_tricks.sliding_window_view(wave, 13)
    return windows[:, :12, None].astype(np.float32), windows[:, 12].astype(np.float32)


@pytest.fixture
def ragged(rng) -> tuple[list[np.ndarray], np.ndarray]:
    """Sixty sequences of 1 to 20 steps, and whether their first feature adds up above zero."""
    x = [rng.standard_normal((steps, 2)).astype(np.float32) for steps in rng.integers(1, 21, 60)]
    return x, np.array(["up" if row[:, 0].sum() > 0 else "down" for row in x])


@pytest.fixture
def series_csv(tmp_path) -> Path:
    """A hundred years of a wave, its direction in words, and a second number."""
    wave = 10 * np.sin(np.arange(100) / 4.0)
    rows = [
        f"{1900 + i},{value:.4f},{'up' if step > 0 else 'down'},{i % 7}"
        for i, (value, step) in enumerate(zip(wave, np.gradient(wave), strict=True))
    ]
    path = tmp_path / "wave.csv"
    path.write_text("\n".join(["year,height,way,weekday", *rows]) + "\n")
    return path
