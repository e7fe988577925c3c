"""Fixtures for the tests of a race: the work for a net, a report, a turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqrt.bench.race import bench, run_turn
from seqrt.bench.work import Work
from seqrt.runtime import load

NETS = Path(__file__).parents[1] / "runtime" / "nets"


@pytest.fixture(scope="session")
def work():
    """Return the function that makes the quick work for a net, by the net's name."""

    def of(name, threads=None):
        path = str(NETS / f"{name}.onnx")
        return Work.of(load(path, threads=threads), path, quick=True, threads=threads)

    return of


@pytest.fixture(scope="session")
def report():
    """The report of a race of two quick rounds."""
    path = NETS / "lstm-last.onnx"
    return bench(load(path), path, quick=True, rounds=2)


@pytest.fixture(scope="session")
def bidirectional(work):
    """A turn of bare onnxruntime on a net that cannot stream."""
    return run_turn("onnxruntime", work("gru-bidirectional-last"))
