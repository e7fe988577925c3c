"""Small exported files of every kind, from tools/build_test_nets.py; no torch, onnx or typer."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt.runtime.compute import pool
from seqrt.runtime.compute.cost import Limits
from seqrt.runtime.compute.engine import Engine

# As in tests/conftest.py, which is not read where the runtime is tested alone.
signal.signal(signal.SIGINT, signal.default_int_handler)

NETS = Path(__file__).parent / "nets"
ALL = sorted(path.stem for path in NETS.glob("*.onnx"))
CAUSAL = [name for name in ALL if "bidirectional" not in name]
BIDIRECTIONAL = [name for name in ALL if "bidirectional" in name]


@pytest.fixture(params=ALL)
def model(request, load) -> seqrt.Model:
    return load(request.param)


@pytest.fixture(params=CAUSAL)
def causal(request, load) -> seqrt.Model:
    return load(request.param)


@pytest.fixture(params=BIDIRECTIONAL)
def bidirectional(request, load) -> seqrt.Model:
    return load(request.param)


@pytest.fixture
def lstm(load) -> seqrt.Model:
    return load("lstm-last")


@pytest.fixture
def tagger(load) -> seqrt.Model:
    return load("gru-sequence")


@pytest.fixture
def load():
    """Open a test net by its name."""
    return lambda name, **options: seqrt.load(NETS / f"{name}.onnx", **options)


@pytest.fixture
def engine_of():
    """Build an engine for a model with given limits."""

    def build(model: seqrt.Model, **limits: int) -> Engine:
        return Engine(model._file.content, model.manifest, "cpu", limits=Limits(**limits))

    return build


@pytest.fixture
def threads_alive(monkeypatch):
    """Count the threads of pools that this test has started and that have not ended."""
    start, started = pool.start_new_thread, []

    def noted(function, arguments):
        started.append(arguments[1])
        return start(function, arguments)

    monkeypatch.setattr(pool, "start_new_thread", noted)
    return lambda: sum(lock in pool._in_call for lock in started)


@pytest.fixture
def x() -> np.ndarray:
    """Seven sequences of 19 steps of 2 features, in the raw units of the nets."""
    noise = np.random.default_rng(0).random((7, 19, 2))
    return (noise * [30.0, 3.0] - [0.0, 2.5]).astype(np.float32)
