"""Cutting a batch into blocks that suit the kernels, and sharing them among threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqrt.runtime.compute.cost import LIMITS, ROWS, RUN_OVERHEAD, Limits, step_cost

if TYPE_CHECKING:
    from threading import Event

    from seqrt.runtime.compute.workers import Workers
    from seqrt.runtime.types import Lengths, Rows

# A run over fewer rows is slower by up to half, so padding this share of the steps costs nothing.
_PADDING = 0.25


def blocks(
    lengths: Lengths, threads: int, operations: int, limits: Limits = LIMITS
) -> Iterator[Rows]:
    """Yield the row numbers of each block, longest rows first, so that little is padded.

    A step of a row takes `operations`. A block has 24 rows, or the multiple of 24 that makes it
    worth starting, but at most its share of the rows, so that each thread gets a block. Rows of one
    length are cut into as many blocks for each thread. A block ends before rows so much shorter
    than its first that padding them would cost more than another run.
    """
    order = np.argsort(-lengths, kind="stable")
    share = -(-len(order) // threads)
    alike = len(order) > 0 and lengths[order[0]] == lengths[order[-1]]
    start = 0
    while start < len(order):
        row = operations * max(1, int(lengths[order[start]]))
        size = min(share, -(-limits.block // (row * ROWS)) * ROWS)
        if alike and size > ROWS:
            count = -(-len(order) // (size * threads)) * threads
            size = -(-len(order) // count)
        size = _similar(lengths[order[start : start + size]], operations)
        yield order[start : start + size]
        start += size


def _similar(lengths: Lengths, operations: int) -> int:
    """Return how many of the descending `lengths`, from the first, should run together."""
    if lengths[0] == lengths[-1]:
        return len(lengths)
    steps = np.cumsum(lengths, dtype=np.int64)
    padded = np.arange(1, len(lengths) + 1) * int(lengths[0]) - steps
    worth = padded <= RUN_OVERHEAD / step_cost(operations) + _PADDING * steps
    return int(worth.argmin()) or len(lengths)


def run_blocks(
    lengths: Lengths,
    workers: Workers,
    operations: int,
    work: Callable[[Rows, Event], object],
    limits: Limits = LIMITS,
) -> None:
    """Call `work` with the rows of each block, on as many threads as are worth starting."""
    total = operations * int(lengths.sum(dtype=np.int64))
    threads = min(workers.threads, max(1, total // limits.thread))
    workers.share(list(blocks(lengths, threads, operations, limits)), work, threads)
