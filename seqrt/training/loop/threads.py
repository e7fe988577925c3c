"""How many threads torch computes with, for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from seqrt.contract.manifest import GATES, Cell

# From so many numbers on another thread finds enough to do, and a fifth never does.
_ANOTHER = 128
_MOST = 4


def threads_that_pay(cell: Cell, units: Sequence[int]) -> int:
    """Return how many threads pay for layers of so many units.

    Small layers lose more by waiting than they gain: a step of training is many products one after
    the other, each too small to share.
    """
    busy = 1 + GATES[cell] * max(units) // _ANOTHER
    return min(busy, _MOST, torch.get_num_threads())


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Have torch compute with `count` threads inside, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
