"""Check that memory grows by at most 10 MB over 20,000 runs of random shapes and 5 giant ones.

    python tools/memory.py [--runs 20000] [--seed 0] [--anew]

Loads a model and warms it up, then predicts batches of 0 to 40 rows of 0 to 120 steps, padded,
ragged and streamed, with five of 2,000 x 1,000 in between. Compares the resident memory after with
that before. Exit code 1 if it grew by more than 10 MB.

The giant input of 8 MB belongs to the caller: it is made first, and counts on both sides. With
--anew it is made for each giant run and dropped, and the bound is missed: after freeing so large a
block, glibc serves similar ones from its heap and keeps up to twice as much there, no matter who
asked for it.
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
    """Print the memory before and after; return 1 if it grew too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--anew", action="store_true")
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    model = seqrt.load(MODEL)
    stream = model.stream()
    giant = np.ones((2000, 1000, 1), np.float32)
    for _ in range(50):
        predict(model, stream, rng)
    before = resident()
    for number in range(given.runs):
        predict(model, stream, rng)
        if number % (given.runs // 5) == 0:
            model.predict(giant.copy() if given.anew else giant)
    gc.collect()
    grown = resident() - before
    print(f"{given.runs:,} runs and 5 giant ones: {before:.1f} MB before, {grown:+.1f} MB after")
    return 0 if grown <= MOST else 1


def predict(model: seqrt.Model, stream: seqrt.Stream, rng: np.random.Generator) -> None:
    """Predict once, in a random way and shape."""
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
