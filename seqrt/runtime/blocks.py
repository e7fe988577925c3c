"""Cutting a batch into blocks that suit the kernels, and running them on several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from seqrt.runtime.kinds import Lengths, Rows

Answer = TypeVar("Answer")

# The matrix kernels below take 12 rows at a time (AVX-512) or 6 (AVX2); past 24 nothing is gained,
# and smaller blocks are spread over threads more evenly and padded less.
ROWS = 24

# Handing a block to a thread costs about as much as a tenth of this much arithmetic, in operations.
WORTH_A_THREAD = 50_000_000

# What a run takes besides its arithmetic, and a step of a row besides its products; in operations.
_A_RUN = 1_000_000
_A_STEP = 15_000

# Fewer rows at a time run slower, by up to half: so much padding, for a step, is no loss yet.
_PADDING = 0.25


def blocks(lengths: Lengths, threads: int, operations: int) -> Iterator[Rows]:
    """Yield the row numbers of each block, longest rows first, so that little is padded.

    A step of a row takes `operations`. A block holds 24 rows, or as many times 24 as make it worth
    handing to a thread, but no more than leave each thread one, and none that are so much shorter
    than its first that padding them takes longer than another run.
    """
    order = np.argsort(-lengths, kind="stable")
    share = -(-len(order) // threads)
    start = 0
    while start < len(order):
        row = operations * max(1, int(lengths[order[start]]))
        size = min(share, -(-WORTH_A_THREAD // (row * ROWS)) * ROWS)
        size = _alike(lengths[order[start : start + size]], operations)
        yield order[start : start + size]
        start += size


def _alike(lengths: Lengths, operations: int) -> int:
    """Return how many of the first of `lengths`, which fall, are worth running together."""
    if lengths[0] == lengths[-1]:
        return len(lengths)
    steps = np.cumsum(lengths, dtype=np.int64)
    padded = np.arange(1, len(lengths) + 1) * int(lengths[0]) - steps
    worth = padded <= _A_RUN / (operations + _A_STEP) + _PADDING * steps
    return int(worth.argmin()) or len(lengths)


def run_blocks(
    lengths: Lengths, threads: int, operations: int, run: Callable[[Rows, Event], Answer]
) -> Iterator[tuple[Rows, Answer]]:
    """Yield each block of rows with what `run` answers for it, in order; threads work ahead.

    When the caller breaks off, or an interrupt does, no block is begun any more and `run` finds its
    event set.
    """
    stopped = Event()
    work = operations * int(lengths.sum(dtype=np.int64))
    threads = threads if work > WORTH_A_THREAD else 1
    parts = list(blocks(lengths, threads, operations))
    if threads == 1 or len(parts) < 2:
        yield from ((rows, run(rows, stopped)) for rows in parts)
        return
    # Importing it takes longer than many a program's only prediction.
    from concurrent.futures import CancelledError, ThreadPoolExecutor

    # Blocks begin in order: all that are left when one has failed come after it, and nobody reads
    # their answers.
    failed = Event()

    def answer(rows: Rows) -> Answer:
        if failed.is_set():
            raise CancelledError
        try:
            return run(rows, stopped)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from zip(parts, pool.map(answer, parts), strict=True)
        finally:
            # An interrupt must not wait for the blocks that nobody will read.
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
