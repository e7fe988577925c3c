"""What seqrt costs on top of bare onnxruntime doing the same: import, load, predict.

    python tools/overhead.py [--rounds 15]

Every figure is taken in fresh processes of its own, both contenders in turn, because the threads of
onnxruntime's default session go on spinning after a call, on whatever comes next. Prints medians
and ratios, and fails where importing, loading and predicting takes over 15 % more. The rows below
are for reading: on a call of 50 us the checks at the door are seen.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

BOUND = 1.15
MODEL = Path(__file__).parent.parent / "models" / "tutorial-lstm.onnx"
SHAPES = ((1, 10), (32, 10), (1024, 10), (1024, 100))

# Each contender: how it is imported, opened and asked.
BARE = (
    "import numpy as np, onnxruntime as ort",
    f"session = ort.InferenceSession({str(MODEL)!r}, providers=['CPUExecutionProvider'])",
    "session.run(['y'], {'x': x, 'lengths': np.full(len(x), x.shape[1], np.int32),"
    " 'state': np.zeros((len(x), 192), np.float32)})",
)
SEQRT = ("import numpy as np, seqrt", f"model = seqrt.load({str(MODEL)!r})", "model.predict(x)")

COLD = """
import time
began = time.perf_counter()
{imports}
x = np.ones(({rows}, {steps}, 1), np.float32)
{load}
{ask}
print(time.perf_counter() - began)
"""
WARM = """
import time, statistics
{imports}
x = np.random.default_rng(0).random(({rows}, {steps}, 1), dtype=np.float32)
{load}
taken = []
for _ in range(60):
    began = time.perf_counter()
    {ask}
    taken.append(time.perf_counter() - began)
print(statistics.median(taken))
"""


def timed(code: str, contender: tuple[str, str, str], rows: int, steps: int) -> float:
    """Return the seconds that a fresh process prints."""
    imports, load, ask = contender
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            code.format(imports=imports, load=load, ask=ask, rows=rows, steps=steps),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        | {"ORT_DISABLE_TELEMETRY": "1"},
    )
    return float(done.stdout)


def compare(work: str, code: str, rows: int, steps: int, rounds: int) -> float:
    """Print one row, medians of both contenders in turn; return the ratio."""
    pairs = [
        (timed(code, BARE, rows, steps), timed(code, SEQRT, rows, steps)) for _ in range(rounds)
    ]
    bare, own = (statistics.median(values) for values in zip(*pairs, strict=True))
    print(f"{work:28}{1e3 * bare:12.3f}{1e3 * own:12.3f}{own / bare:10.2f}", flush=True)
    return own / bare


def main() -> int:
    """Print the table; return 1 where the bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"{'LSTM 64-32-1':28}{'bare, ms':>12}{'seqrt, ms':>12}{'ratio':>10}")
    ratios = [
        compare("import, load, predict once", COLD, 32, 10, 2 * rounds),
        compare("the same, 1024 x 100", COLD, 1024, 100, rounds),
    ]
    for rows, steps in SHAPES:
        compare(f"predict {rows} x {steps}", WARM, rows, steps, max(3, rounds // 3))
    kept = all(ratio <= BOUND for ratio in ratios)
    print(f"loading and predicting: {'at most' if kept else 'above'} {BOUND} of bare onnxruntime")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
