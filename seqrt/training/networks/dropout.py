"""Dropout that draws for a whole batch, even where a process computes only a share of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F


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
    """torch's Dropout for x (B, T, H) or (B, H), the same however a batch is shared out."""

    share: BatchShare | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return x; in training, some values are set to zero and the others scaled up."""
        if not self.training or not self.p:
            return x
        # torch draws in memory order, and the memory order of x varies with kernel and share
        share = self.share or BatchShare(slice(None), *x.shape[:2])
        steps = (share.steps,) if x.ndim == 3 else ()
        whole = x.new_ones(share.count, *steps, x.shape[-1])
        return x * share.of(F.dropout(whole, self.p), x)


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
