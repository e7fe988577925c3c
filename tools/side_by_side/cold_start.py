"""What only a fresh process can show: its cold start, and the memory it gains by working.

A cold start is timed inside a new interpreter, from before the first import to the first
prediction, with compiled modules cached, as an installed package has them.
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
from side_by_side.race import Worker
from side_by_side.workloads import Pair

ROWS, STEPS = 64, 50
GIANT_ROWS, GIANT_STEPS = 16, 20_000

COLD = """
import time
began = time.perf_counter()
{imports}
x = np.ones(({rows}, {steps}, 1), np.float32)
{load}
{predict}
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

    They alternate in going first; the first round, which compiles modules, is discarded.
    """
    for number in range(rounds + 1):
        order = (SEQRT, BARE) if number % 2 else (BARE, SEQRT)
        seconds = {who: _cold(who, work) for who in order}
        if number:
            yield seconds[SEQRT], seconds[BARE]


def _cold(who: tuple[str, str, str], work: Work) -> float:
    imports, load, predict = (line.format(path=work.path, state=work.state) for line in who)
    code = COLD.format(
        imports=imports, load=load, predict=predict, rows=work.sequences, steps=work.steps
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return float(done.stdout)


def memories(work: Work, runs: int, rounds: int) -> Iterator[Pair]:
    """Yield the resident megabytes of a fresh process after the work, and before it."""
    for _ in range(rounds):
        with Worker(grow, work.job("seqrt"), runs) as worker:
            yield worker.ready


def grow(pipe: Connection, job: dict[str, Any], runs: int) -> None:
    """Send the resident megabytes after one giant run and many varied ones, and before.

    Before: the model is loaded, has predicted once, and its inputs are drawn.
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
        raise OSError("this system does not report the resident memory of a process")
    pipe.send((after / 1e6, before / 1e6))
