"""Cutting a batch into blocks that suit the kernels, and sharing them among threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from threading import Event

    from seqrt.runtime.compute.workers import Workers
    from seqrt.runtime.types import Lengths, Rows

# The matrix kernels below take 12 rows at a time (AVX-512) or 6 (AVX2); past 24 nothing is gained,
# and smaller blocks are spread over threads more evenly and padded less.
ROWS = 24

# In operations. Handing work to a thread costs about as much as a tenth of so much arithmetic, and
# asking for a block at a time about a hundredth.
WORTH_A_THREAD = 10_000_000
_WORTH_A_BLOCK = 50_000_000

# What a run takes besides its arithmetic, and a step of a row besides its products; in operations.
_A_RUN = 1_000_000
_A_STEP = 15_000

# Fewer rows at a time run slower, by up to half: so much padding, for a step, is no loss yet.
_PADDING = 0.25


def blocks(lengths: Lengths, threads: int, operations: int) -> Iterator[Rows]:
    """Yield the row numbers of each block, longest rows first, so that little is padded.

    A step of a row takes `operations`. A block holds 24 rows, or as many times 24 as make it worth
    asking for, but no more than leave each thread one, and none that are so much shorter
    than its first that padding them takes longer than another run.
    """
    order = np.argsort(-lengths, kind="stable")
    share = -(-len(order) // threads)
    start = 0
    while start < len(order):
        row = operations * max(1, int(lengths[order[start]]))
        size = min(share, -(-_WORTH_A_BLOCK // (row * ROWS)) * ROWS)
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
    lengths: Lengths, workers: Workers, operations: int, work: Callable[[Rows, Event], object]
) -> None:
    """Call `work` with the rows of each block, on as many threads as pay; see Workers.share."""
    total = operations * int(lengths.sum(dtype=np.int64))
    threads = min(workers.threads, max(1, total // WORTH_A_THREAD))
    workers.share(list(blocks(lengths, threads, operations)), work, threads)
