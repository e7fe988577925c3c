"""Dropout that draws for a whole batch, also where a process reads a share of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Share:
    """The `places` of rows among `count` of them, of which the longest has `steps` steps."""

    places: slice | Tensor
    count: int
    steps: int

    def of(self, drawn: Tensor, x: Tensor) -> Tensor:
        """Return what was drawn for x, out of `drawn` (count, steps, ·) for all rows."""
        return drawn[self.places, : x.shape[1]]


class Dropout(nn.Dropout):
    """torch's Dropout for x (B, T, H), with the same draws however a batch is shared out."""

    share: Share | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return x with some numbers set to zero, and the others as much larger, in training."""
        if not self.training or not self.p:
            return x
        share = self.share or Share(slice(None), *x.shape[:2])
        # torch draws in the order of memory, and that of x changes with the kernel and the share
        whole = x.new_ones(share.count, share.steps, x.shape[2])
        return x * share.of(F.dropout(whole, self.p), x)


@contextmanager
def sharing(net: nn.Module, share: Share | None) -> Iterator[None]:
    """Have all dropout of `net` draw for the batch that `share` is of."""
    found = [m for m in net.modules() if isinstance(m, Dropout) and m.p] if share else []
    for dropout in found:
        dropout.share = share
    try:
        yield
    finally:
        for dropout in found:
            dropout.share = None
