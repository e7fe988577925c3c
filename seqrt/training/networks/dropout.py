"""Dropout that draws for a whole batch, even where a process computes only a share of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEVELS: Final = 1 << 16


@dataclass(frozen=True)
class BatchShare:
    """The rows at `positions` of a batch of `count` rows, the longest with `steps` steps."""

    positions: slice | Tensor
    count: int
    steps: int

    def of(self, drawn: Tensor, x: Tensor) -> Tensor:
        """Return the part for x of what was `drawn` (count, steps, ·) for all rows."""
        return drawn[self.positions, : x.shape[1]]


class Dropout(nn.Dropout):
    """torch's Dropout for x (B, T, H) or (B, H), the same however a batch is shared out.

    With `quick`, 16 random bits are drawn for each number instead of a double, in a ninth of the
    time: of a language model, torch's dropout takes an eighth of a step. `p` is then rounded to
    multiples of 2^-16.
    """

    share: BatchShare | None = None

    def __init__(self, p: float, *, quick: bool = False) -> None:
        """Set a number to zero with probability `p`."""
        super().__init__(p)
        self.quick = quick

    def forward(self, x: Tensor) -> Tensor:
        """Return x; in training, some values are set to zero and the others scaled up."""
        if not self.training or not self.p:
            return x
        # torch draws in memory order, and the memory order of x varies with kernel and share
        share = self.share or BatchShare(slice(None), *x.shape[:2])
        steps = (share.steps,) if x.ndim == 3 else ()
        shape = (share.count, *steps, x.shape[-1])
        if self.quick:
            return x.contiguous() * share.of(_quick_factors(x, shape, self.p), x)
        return x * share.of(F.dropout(x.new_ones(shape), self.p), x)


def _quick_factors(x: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    """Return a tensor of a shape, in the format of x: 0 with probability p, and else 1 / (1 - p).

    All is drawn 64 bits at a time, four numbers from each.
    """
    dropped = min(round(p * _LEVELS), _LEVELS - 1)
    count = math.prod(shape)
    drawn = torch.empty(-(-count // 4), dtype=torch.int64, device=x.device).random_(-(2**63), None)
    kept = drawn.view(torch.int16)[:count].view(shape) >= dropped - _LEVELS // 2
    return kept.to(x.dtype).mul_(_LEVELS / (_LEVELS - dropped))


@contextmanager
def dropout_for_share(net: nn.Module, share: BatchShare | None) -> Iterator[None]:
    """Let the dropout of `net` draw for the whole batch of `share` inside the block."""
    found = [m for m in net.modules() if isinstance(m, Dropout) and m.p] if share else []
    for dropout in found:
        dropout.share = share
    try:
        yield
    finally:
        for dropout in found:
            dropout.share = None
