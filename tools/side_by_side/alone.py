"""What a process of its own shows once: how it starts, and what it holds when it has worked.

A cold start is timed inside a fresh interpreter, from before the first import to the first answer,
with modules kept compiled as an installed package has them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from seqrt.bench.work import Work
from seqrt.bench.worker import resident
from side_by_side.turns import Pair, Player

ROWS, STEPS = 64, 50
GIANT_ROWS, GIANT_STEPS = 16, 20_000

COLD = """
import time
began = time.perf_counter()
{imports}
x = np.ones(({rows}, {steps}, 1), np.float32)
{load}
{ask}
print(time.perf_counter() - began)
"""
SEQRT = ("import numpy as np, seqrt", "model = seqrt.load({path!r})", "model.predict(x)")
BARE = (
    "import numpy as np, onnxruntime as ort",
    "session = ort.InferenceSession({path!r}, providers=['CPUExecutionProvider'])",
    "session.run(['y'], {{'x': x, 'lengths': np.full(len(x), x.shape[1], np.int32),"
    " 'state': np.zeros((len(x), {state}), np.float32)}})",
)


def cold_starts(work: Work, rounds: int) -> Iterator[Pair]:
    """Yield the seconds in which seqrt and bare onnxruntime import, load and predict once.

    Each round the other one begins; the first round, which compiles modules, is not told.
    """
    for number in range(rounds + 1):
        order = (SEQRT, BARE) if number % 2 else (BARE, SEQRT)
        taken = {who: _cold(who, work) for who in order}
        if number:
            yield taken[SEQRT], taken[BARE]


def _cold(who: tuple[str, str, str], work: Work) -> float:
    imports, load, ask = (line.format(path=work.path, state=work.state) for line in who)
    code = COLD.format(imports=imports, load=load, ask=ask, rows=work.sequences, steps=work.steps)
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept
    )
    return float(done.stdout)


def memories(work: Work, runs: int, rounds: int) -> Iterator[Pair]:
    """Yield the megabytes that a fresh process holds after the work, and before it."""
    for _ in range(rounds):
        with Player(grow, work.job("seqrt"), runs) as player:
            yield player.said


def grow(pipe: Connection, job: dict[str, Any], runs: int) -> None:
    """Tell how many megabytes are held after one giant run and many varied ones, and before.

    Before: the model is loaded, has predicted once, and what it will read is drawn.
    """
    from seqrt.runtime import load

    work, rng = Work.from_job(job), np.random.default_rng(0)
    giant, x = work.draw(GIANT_ROWS, GIANT_STEPS), work.draw(ROWS, STEPS)
    model = load(work.path)
    model.predict(x)
    before = resident()
    model.predict(giant)
    for number in range(runs):
        batch, time = int(rng.integers(1, ROWS + 1)), int(rng.integers(1, STEPS + 1))
        if number % 3 == 0:
            model.predict(x[:batch, :time])
        elif number % 3 == 1:
            lengths = rng.integers(1, time + 1, batch)
            model.predict([row[:steps] for row, steps in zip(x, lengths, strict=False)])
        else:
            model.run(x[:batch, :time])
    after = resident()
    if before is None or after is None:
        raise OSError("this system does not say how much memory a process holds")
    pipe.send((after / 1e6, before / 1e6))
