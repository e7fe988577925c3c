"""The race: contenders take turns at the same work, and each round yields one ratio.

Timing one contender after the other would compare a quiet minute of the machine with a busy one.
So they alternate, a different one goes first in each round, and a ratio is taken within a round. A
contender is anything with a `turn()` that does the work once and returns what it measured. Those
that start threads run in a process of their own, because the threads of onnxruntime's default
session, OpenMP and BLAS keep spinning for some 50 ms after a call, on top of whatever runs next.
"""

from __future__ import annotations

import multiprocessing
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Protocol

_POLL, _IDLE, _PATIENCE = 0.01, 0.001, 2.0
_PAUSE = 0.15  # seconds in which the threads of the contender before stop spinning


class Contender(Protocol):
    """One side of a race."""

    def turn(self) -> float:
        """Do the work once; return what was measured."""


def race(contenders: Mapping[str, Contender], rounds: int, warm: int = 0) -> Iterator[list[float]]:
    """Yield what each contender measured in a round, in the order of `contenders`.

    The order of the turns is reversed from round to round. The first `warm` rounds are discarded.
    """
    names = list(contenders)
    for number in range(warm + rounds):
        order = names if number % 2 else names[::-1]
        measured = {name: contenders[name].turn() for name in order}
        if number >= warm:
            yield [measured[name] for name in names]


class Quartiles(NamedTuple):
    """The lower quartile, the median and the upper quartile of a ratio over the rounds."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:5.2f} ({self.low:.2f}-{self.high:.2f})"


def speedup(ours: Sequence[float], theirs: Sequence[float]) -> Quartiles:
    """Return how many times as long theirs took, round by round; above 1 we are faster."""
    return Quartiles(*statistics.quantiles(map(float.__truediv__, theirs, ours), n=4))


class Worker:
    """A contender in a spawned process; `ready` is what it sent before its first turn."""

    def __init__(self, target: Callable[..., None], *args: Any) -> None:
        """Start a process that calls `target(pipe, *args)`."""
        fresh = multiprocessing.get_context("spawn")
        self._pipe, end = fresh.Pipe()
        self._process = fresh.Process(target=target, args=(end, *args), daemon=True)
        self._process.start()
        end.close()
        self.ready: Any = self._pipe.recv()

    def turn(self) -> float:
        self._pipe.send(True)
        measured: float = self._pipe.recv()
        return measured

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join()


def take_turns(pipe: Connection, turn: Callable[[], float]) -> None:
    """Serve turns in a Worker's process; one is over when the process has come to rest."""
    with suppress(EOFError):
        while pipe.recv():
            measured = turn()
            settle()
            pipe.send(measured)


def settle() -> None:
    """Return when no thread of this process spins any more, judged by its own CPU time."""
    end = time.perf_counter() + _PATIENCE
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(_POLL)
        if time.process_time() - before < _IDLE:
            return


class Command:
    """A contender that is a program, perhaps of another Python: a line in, a number out."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def turn(self) -> float:
        """Raise SystemExit with the program's stderr where it has died."""
        time.sleep(_PAUSE)
        try:
            print(file=self._process.stdin, flush=True)
            return float(self._process.stdout.readline())
        except (OSError, ValueError):
            raise SystemExit(self._process.communicate()[1]) from None

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
