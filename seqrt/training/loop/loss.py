"""The loss of each kind of answer, over the rows that count, and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from seqrt.contract.manifest import Activation

Loss = Callable[[Tensor, Tensor], Tensor]
Slope = Callable[[Tensor, Tensor, float], tuple[float, Tensor]]

# logits (N, O), and y as Examples holds it: scaled targets, class numbers, or 0 and 1.
LOSSES: Final[dict[Activation, Loss]] = {
    "none": F.mse_loss,
    "softmax": F.cross_entropy,
    "sigmoid": F.binary_cross_entropy_with_logits,
}


def _of_squares(v: Tensor, y: Tensor, share: float) -> tuple[float, Tensor]:
    error = (v - y).flatten()
    each = share / len(error)
    return each * error.dot(error).item(), error.mul_(2 * each).view_as(v)


def _of_classes(v: Tensor, y: Tensor, share: float) -> tuple[float, Tensor]:
    log_p = v.log_softmax(1)
    loss = share * F.nll_loss(log_p, y).item()
    p = log_p.exp_()
    p[torch.arange(len(y)), y] -= 1
    return loss, p.mul_(share / len(y))


def _of_chances(v: Tensor, y: Tensor, share: float) -> tuple[float, Tensor]:
    loss = share * F.binary_cross_entropy_with_logits(v, y).item()
    return loss, v.sigmoid().sub_(y).mul_(share / v.numel())


# So much of the loss, and of its gradient in the logits, for who goes back without autograd.
SLOPES: Final[dict[Activation, Slope]] = {
    "none": _of_squares,
    "softmax": _of_classes,
    "sigmoid": _of_chances,
}
