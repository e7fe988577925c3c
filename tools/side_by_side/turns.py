"""Contenders that take turns at the same work on the same network, each in a process of its own.

Each lives in a long-lived process and does its work once whenever it is told to over a pipe; the
others sleep in a read. In one process they would disturb each other: the threads of onnxruntime's
default session, of OpenMP and of BLAS go on spinning for some 50 ms after a call, on whatever comes
next. So a turn is only over when its process has come to rest, which it sees by its own CPU time.
Before the first turn both answer once, and their answers must agree.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from seqrt.bench.contenders import Contender
from seqrt.bench.work import Work
from seqrt.bench.worker import product

BURST = 200
AGREE = 1e-5
_REST, _AT_REST, _PATIENCE = 0.01, 0.001, 2.0

Pair = tuple[float, float]
# What is done in a turn, and how many of what is measured are in it.
Call = tuple[Callable[[], Any], int]
Kind = Callable[[Contender, Work], Call]


def uniform(contender: Contender, work: Work) -> Call:
    """Return one predict of (sequences, steps)."""
    return partial(contender.predict, work.draw(work.sequences, work.steps)), 1


def small(contender: Contender, work: Work) -> Call:
    """Return a burst of predicts of (sequences, steps), and of how many."""
    predict, count = uniform(contender, work)[0], max(20, BURST // work.sequences)
    return lambda: [predict() for _ in range(count)][-1], count


def ragged(contender: Contender, work: Work) -> Call:
    """Return one predict of sequences of exponential lengths, as they come."""
    return partial(contender.ragged, work.ragged()), 1


def steps(contender: Contender, work: Work) -> Call:
    """Return a burst of steps of live sequences, and of how many."""
    inputs = contender.inputs(work.draw(BURST))

    def burst() -> Any:
        for x in inputs:
            y = contender.step(x)
        return y

    return burst, BURST


def serve(
    pipe: Connection,
    contender: Callable[[dict[str, Any]], Contender],
    kind: Kind,
    job: dict[str, Any],
) -> None:
    """Answer once, then tell the seconds of each turn; a burst is done once more before it."""
    player = contender(job)
    call, count = kind(player, Work.from_job(job))
    player.reset()
    player.warm(call)
    player.reset()
    answer = call()
    parts = answer.values() if isinstance(answer, dict) else answer
    _settle()
    pipe.send(np.concatenate([np.ravel(part) for part in parts]))

    def turn() -> float:
        if count > 1:
            call()
        return _seconds(call) / count

    _take_turns(pipe, turn)


def serve_products(pipe: Connection, seconds: float) -> None:
    """Tell, each turn, the best rate of large float32 products for so long, in GFLOP/s."""
    pipe.send(None)
    _take_turns(pipe, lambda: product({"seconds": seconds})["figures"]["product_gflops"])


def _take_turns(pipe: Connection, turn: Callable[[], float]) -> None:
    with suppress(EOFError):
        while pipe.recv():
            taken = turn()
            _settle()
            pipe.send(taken)


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _settle() -> None:
    """Return when this process has come to rest: no thread of it spins any more."""
    end = time.perf_counter() + _PATIENCE
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(_REST)
        if time.process_time() - before < _AT_REST:
            return


class Player:
    """A process of its own that serves turns; `said` is what it said when it was ready."""

    def __init__(self, target: Callable[..., None], *args: Any) -> None:
        fresh = multiprocessing.get_context("spawn")
        self._pipe, end = fresh.Pipe()
        self._process = fresh.Process(target=target, args=(end, *args), daemon=True)
        self._process.start()
        end.close()
        self.said: Any = self._pipe.recv()

    def turn(self) -> float:
        """Have it take a turn; return what it measured."""
        self._pipe.send(True)
        measured: float = self._pipe.recv()
        return measured

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join()


def race(own: Callable[[], Player], other: Callable[[], Player], rounds: int) -> Iterator[Pair]:
    """Yield what both measured in each round; each round the other one begins."""
    with ExitStack() as stack:
        players = [stack.enter_context(make()) for make in (own, other)]
        answers = [player.said for player in players if player.said is not None]
        np.testing.assert_allclose(answers[0], answers[-1], rtol=AGREE, atol=AGREE)
        for number in range(rounds):
            order = players if number % 2 else players[::-1]
            taken = {player: player.turn() for player in order}
            yield taken[players[0]], taken[players[1]]
