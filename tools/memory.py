"""Memory after 20,000 runs of random shapes and 5 giant ones: +10 MB at most.

    python tools/memory.py [--runs 20000] [--seed 0] [--anew]

Loads a model, runs it warm, and then asks for batches of 0 to 40 rows of 0 to 120 steps, padded,
ragged and streamed; between them five of 2,000 x 1,000. Compares the resident memory behind with
that before. Exit code 1 where it grew by more than 10 MB.

The giant input, 8 MB, is the caller's: it is made before, and counts on both sides. With --anew it
is made for each giant run and dropped, and the bound is missed: once so large a block was freed,
glibc takes the like of it from its heap and keeps up to twice as much there, whoever asked for it.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

import numpy as np

import seqrt

MODEL = Path(__file__).resolve().parent.parent / "models" / "tutorial-lstm.onnx"
MOST = 10.0


def main() -> int:
    """Print the memory before and after; return 1 where it grew too much."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--runs", type=int, default=20_000)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--anew", action="store_true")
    given = words.parse_args()
    rng = np.random.default_rng(given.seed)
    model = seqrt.load(MODEL)
    stream = model.stream()
    giant = np.ones((2000, 1000, 1), np.float32)
    for _ in range(50):
        ask(model, stream, rng)
    before = resident()
    for number in range(given.runs):
        ask(model, stream, rng)
        if number % (given.runs // 5) == 0:
            model.predict(giant.copy() if given.anew else giant)
    gc.collect()
    grown = resident() - before
    print(f"{given.runs:,} runs and 5 giant ones: {before:.1f} MB before, {grown:+.1f} MB after")
    return 0 if grown <= MOST else 1


def ask(model: seqrt.Model, stream: seqrt.Stream, rng: np.random.Generator) -> None:
    """Ask once, in a way and a shape that are drawn."""
    rows, steps = int(rng.integers(0, 41)), int(rng.integers(0, 121))
    way = int(rng.integers(4))
    x = rng.random((rows, steps, 1), dtype=np.float32)
    if way == 0:
        model.predict(x)
    elif way == 1:
        model.run(x, rng.integers(0, steps + 1, rows))
    elif way == 2:
        model.predict([row[: rng.integers(0, steps + 1)] for row in x])
    else:
        stream.push(x[0] if rows else np.zeros(1))


def resident() -> float:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.exit(main())
