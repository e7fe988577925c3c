"""Pools: how the steps of a sequence become one value, where the head reads more than the last."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from seqrt.contract import Carry
from seqrt.contract.idioms.fixed_node import LOWEST
from seqrt.errors import UsageError
from seqrt.training.networks.time_layer import TimeLayer, valid_steps


class Pooling(TimeLayer):
    """A layer that reduces the steps of each row to one value: h (B, T, W) → p (B, W)."""

    def __init__(self, width: int) -> None:
        """Make a pool of `width` numbers."""
        super().__init__()
        self.width = self.widest = width


class MeanPool(Pooling):
    """The mean of all steps of a row, n in number.

        p = (h_1 + ... + h_n) / n

    The state is the sum so far (W), then the number of steps so far.
    """

    def __init__(self, width: int) -> None:
        """Make a pool of `width` numbers."""
        super().__init__(width)
        self.carries = (Carry("sum", width), Carry("steps", 1))

    def run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, W + 1) over x; return the mean so far and the next state."""
        total, steps = state.split([self.width, 1], dim=1)
        total = total + torch.where(valid_steps(x, lengths), x, 0).sum(dim=1)
        steps = steps + lengths[:, None]
        return total / steps, torch.cat([total, steps], dim=1)


class MaxPool(Pooling):
    """The largest value of each number over all steps of a row.

        p = max(h_1, ..., h_n)

    The state is the maximum so far (W), then the number of steps so far.
    """

    def __init__(self, width: int) -> None:
        """Make a pool of `width` numbers."""
        super().__init__(width)
        self.carries = (Carry("max", width), Carry("steps", 1))

    def run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, W + 1) over x; return the maximum so far and the next state."""
        most, steps = state.split([self.width, 1], dim=1)
        here = torch.where(valid_steps(x, lengths), x, LOWEST).amax(dim=1)
        most = torch.maximum(torch.where(steps > 0, most, LOWEST), here)
        return most, torch.cat([most, steps + lengths[:, None]], dim=1)


class AttentionPool(Pooling):
    """A weighted mean of all steps of a row, whose weights are computed from the steps.

        e_t = V tanh(U h_t + b)
        a_t = exp(e_t) / (exp(e_1) + ... + exp(e_n))
        p = a_1 h_1 + ... + a_n h_n

    With several heads, e and a have one number each, and weigh their own share of h.

    Bahdanau, Cho & Bengio 2015, arXiv:1409.0473; Yang et al. 2016, doi:10.18653/v1/N16-1174.
    """

    not_streamable = "attention pooling weighs the steps of a whole sequence against each other"

    def __init__(self, width: int, heads: int = 1) -> None:
        """Make a pool of `width` numbers, of which each of `heads` weighs as many."""
        super().__init__(width)
        if width % heads:
            raise UsageError(
                f"the heads of attention must share the {width} outputs of the last layer evenly,"
                f" got {heads} heads."
            )
        self.heads = heads
        self.hidden = nn.Linear(width, width)
        self.score = nn.Linear(width, heads, bias=False)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map h (B, T, W) to p (B, W); ignore steps past `lengths`."""
        scores = self.score(torch.tanh(self.hidden(x)))
        if lengths is not None:
            valid = valid_steps(x, lengths)
            scores, x = scores.masked_fill(~valid, -torch.inf), torch.where(valid, x, 0)
        weights = scores.softmax(dim=1).repeat_interleave(self.width // self.heads, dim=2)
        pooled: Tensor = (weights * x).sum(dim=1)
        return pooled


_KINDS: Final[dict[str, type[Pooling] | None]] = {
    "last": None,
    "mean": MeanPool,
    "max": MaxPool,
    "attention": AttentionPool,
}
_HEADS: Final = re.compile(r"attention:([1-9][0-9]{0,4})")


def parse_pool(text: str) -> Callable[[int], Pooling | None]:
    """Return a function that makes the pool for its width; UsageError if `text` names none.

    last            none: the head reads the last step
    mean, max       of all steps
    attention       weights that the network learns
    attention:H     the same with H heads
    """
    heads = _HEADS.fullmatch(text)
    if not heads and text not in _KINDS:
        raise UsageError(
            f"pool must be one of {', '.join(_KINDS)} or attention:HEADS, got {text!r:.60}."
        )
    kind = _KINDS.get(text)
    return lambda width: (
        AttentionPool(width, int(heads[1])) if heads else kind(width) if kind else None
    )
