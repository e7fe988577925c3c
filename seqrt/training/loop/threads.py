"""The number of threads that torch computes with during training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import torch

from seqrt.training.kernels import TrainedCell

# How many numbers per unit a layer computes in a time step. The gates of a minGRU are computed
# before the first step, all at once.
_GATES: Final[dict[TrainedCell, int]] = {"rnn": 1, "mingru": 1, "gru": 3, "lstm": 4}

# One more thread pays off for every 128 of these numbers, but a fifth never does.
_PER_THREAD = 128
_MOST_THREADS = 4


def threads_that_pay(cell: TrainedCell, units: Sequence[int]) -> int:
    """Return the number of threads that train layers of these sizes fastest.

    Small layers lose more to synchronisation than they gain: a training step is a sequence of many
    matrix products, each too small to split.
    """
    busy = 1 + _GATES[cell] * max(units) // _PER_THREAD
    return min(busy, _MOST_THREADS, torch.get_num_threads())


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run torch with `count` threads inside the block; restore their number after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
