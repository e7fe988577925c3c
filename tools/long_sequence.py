"""Measure the memory of training on one long sequence, whole run: data, passes, figures, pictures.

    tools/long_sequence.py [--steps 1000000] [--tbptt 1000] [--cell lstm] [--units 64,32]

Writes an .npz with one sequence of so many steps, four features and an answer at every step: the
running mean of the first feature. Trains on it for two epochs with `seqrt train --tbptt`, in a
process of its own, and prints the most memory that was resident in it, beside that of a process
that trains on a hundredth of the steps.
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
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--steps", type=int, default=1_000_000)
    words.add_argument("--tbptt", type=int, default=1000)
    words.add_argument("--cell", default="lstm")
    words.add_argument("--units", default="64,32")
    words.add_argument("--epochs", type=int, default=2)
    given = words.parse_args()
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
    """Write noise, and the mean of the last hundred steps or so of its first feature."""
    x = np.random.default_rng(0).standard_normal((steps, FEATURES)).astype(np.float32)
    y, mean = np.empty(steps, np.float32), 0.0
    for t, value in enumerate(x[:, 0].tolist()):
        mean += 0.01 * (value - mean)
        y[t] = mean
    np.savez(path, x=x, y=y, lengths=[steps])


def trained(words: list[str]) -> int:
    """Run `seqrt WORDS...`; return the most bytes that were resident in its process."""
    line = [sys.executable, "-m", "seqrt", *words]
    process = os.posix_spawn(line[0], line, os.environ)
    _, status, usage = os.wait4(process, 0)
    if status:
        sys.exit(f"`seqrt {' '.join(words)}` must end well, and left with {status >> 8}.")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
