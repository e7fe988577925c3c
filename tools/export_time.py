"""Measure how long export with its proof takes, beside PyTorch's exporter.

    python tools/export_time.py [--repeats 5]

Exports the tutorial's networks. Exit code 1 if seqrt takes over a second. PyTorch's exporter is
timed if its dependency onnxscript is installed; it proves nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from seqrt.export import export
from seqrt.training import Network

BOUND = 1.0


def median(call: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of `call`."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def by_torch(net: Network, path: Path) -> None:
    """Export with torch's default exporter."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(  # noqa: TID251 - the contender
            net.eval(), (torch.zeros(2, 10, 1),), path, dynamo=True
        )


def main() -> int:
    """Print the table; return 1 if an export takes over a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    other = importlib.util.find_spec("onnxscript") is not None
    slowest = 0.0
    print(f"{'network':14}{'seqrt, s':>10}{'torch, s':>15}")
    with tempfile.TemporaryDirectory() as folder:
        for cell in ("rnn", "lstm", "gru"):
            net, path = Network(cell, 1, (64, 32), 1), Path(folder) / "net.onnx"
            export(net, path)
            own = median(lambda net=net, path=path: export(net, path), repeats)
            theirs = median(lambda net=net, path=path: by_torch(net, path), 1) if other else None
            slowest = max(slowest, own)
            shown = "not installed" if theirs is None else f"{theirs:.2f}"
            print(f"{cell + ' 64-32-1':14}{own:10.2f}{shown:>15}")
    print(f"the slowest took {slowest:.2f} s; the bound is {BOUND:g} s")
    return 0 if slowest <= BOUND else 1


if __name__ == "__main__":
    raise SystemExit(main())
