"""The work of a turn: a predict, a ragged predict, a burst of steps, or a matrix product."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from seqrt.bench.contenders import Contender
from seqrt.bench.work import Work
from seqrt.bench.worker import product
from side_by_side.race import Worker, race, settle, take_turns

BURST = 200
AGREE = 1e-5

Pair = tuple[float, float]
# What is done in a turn, and how many of the things measured it contains.
Call = tuple[Callable[[], Any], int]
Workload = Callable[[Contender, Work], Call]


def uniform(contender: Contender, work: Work) -> Call:
    """Return one predict of (sequences, steps)."""
    return partial(contender.predict, work.draw(work.sequences, work.steps)), 1


def small(contender: Contender, work: Work) -> Call:
    """Return a burst of predicts of (sequences, steps), and their number."""
    predict, count = uniform(contender, work)[0], max(20, BURST // work.sequences)
    return lambda: [predict() for _ in range(count)][-1], count


def ragged(contender: Contender, work: Work) -> Call:
    """Return one predict of sequences of exponential lengths, unsorted."""
    return partial(contender.ragged, work.ragged()), 1


def steps(contender: Contender, work: Work) -> Call:
    """Return a burst of steps of live sequences, and their number."""
    inputs = contender.inputs(work.draw(BURST))

    def burst() -> Any:
        for x in inputs:
            y = contender.step(x)
        return y

    return burst, BURST


def serve(
    pipe: Connection,
    make: Callable[[dict[str, Any]], Contender],
    workload: Workload,
    job: dict[str, Any],
) -> None:
    """Send the predictions once, then the seconds of each turn; a burst is warmed up by another."""
    contender = make(job)
    call, count = workload(contender, Work.from_job(job))
    contender.reset()
    contender.warm(call)
    contender.reset()
    y = call()
    parts = y.values() if isinstance(y, dict) else y
    settle()
    pipe.send(np.concatenate([np.ravel(part) for part in parts]))

    def turn() -> float:
        if count > 1:
            call()
        began = time.perf_counter()
        call()
        return (time.perf_counter() - began) / count

    take_turns(pipe, turn)


def serve_products(pipe: Connection, seconds: float) -> None:
    """Send, each turn, the best rate of large float32 products within `seconds`, in GFLOP/s."""
    pipe.send(None)
    take_turns(pipe, lambda: product({"seconds": seconds})["figures"]["product_gflops"])


def agreeing(own: Callable[[], Worker], other: Callable[[], Worker], rounds: int) -> Iterator[Pair]:
    """Race two workers whose predictions agree; yield what both measured in each round."""
    with ExitStack() as stack:
        workers = [stack.enter_context(make()) for make in (own, other)]
        predictions = [worker.ready for worker in workers if worker.ready is not None]
        np.testing.assert_allclose(predictions[0], predictions[-1], rtol=AGREE, atol=AGREE)
        yield from map(tuple, race({"own": workers[0], "other": workers[1]}, rounds))
