"""Measure the memory of training on one long sequence, from reading the data to the pictures.

    python tools/long_sequence.py [--steps N] [--tbptt N] [--cell CELL] [--units SIZES] [--epochs N]

Writes an .npz with one sequence of `--steps` steps, four features and a target at every step: the
running mean of the first feature. Trains on it with `seqrt train --tbptt` in a process of its own,
and prints the peak resident memory, beside that of training on a hundredth of the steps.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FEATURES = 4


def main() -> None:
    """Print a line for the sequence and one for a hundredth of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--tbptt", type=int, default=1000)
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--units", default="64,32")
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    options = ["--cell", given.cell, "--units", given.units, "--epochs", str(given.epochs)]
    options += ["--tbptt", str(given.tbptt), "--val", "0"]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for steps in (given.steps // 100, given.steps):
            write(Path("long.npz"), steps)
            began = time.monotonic()
            resident = trained(["train", "long.npz", *options])
            seconds = time.monotonic() - began
            print(
                f"{steps:>9,} steps: {resident / 1e6:.0f} MB resident, {seconds:.0f} s", flush=True
            )


def write(path: Path, steps: int) -> None:
    """Write noise, and an exponential moving mean of its first feature over about 100 steps."""
    x = np.random.default_rng(0).standard_normal((steps, FEATURES)).astype(np.float32)
    y, mean = np.empty(steps, np.float32), 0.0
    for t, value in enumerate(x[:, 0].tolist()):
        mean += 0.01 * (value - mean)
        y[t] = mean
    np.savez(path, x=x, y=y, lengths=[steps])


def trained(words: list[str]) -> int:
    """Run `seqrt WORDS...`; return its peak resident memory in bytes."""
    line = [sys.executable, "-m", "seqrt", *words]
    process = os.posix_spawn(line[0], line, os.environ)
    _, status, usage = os.wait4(process, 0)
    if status:
        sys.exit(f"`seqrt {' '.join(words)}` failed with exit code {status >> 8}.")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
