"""The loss of each kind of answer, over the rows that count, and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from seqrt.contract.manifest import Activation

Loss = Callable[[Tensor, Tensor], Tensor]
Slope = Callable[[Tensor, Tensor], Tensor]

# logits (N, O), and y as Examples holds it: scaled targets, class numbers, or 0 and 1.
LOSSES: Final[dict[Activation, Loss]] = {
    "none": F.mse_loss,
    "softmax": F.cross_entropy,
    "sigmoid": F.binary_cross_entropy_with_logits,
}


def _of_squares(v: Tensor, y: Tensor) -> Tensor:
    return (v - y).mul_(2 / v.numel())


def _of_classes(v: Tensor, y: Tensor) -> Tensor:
    p = v.softmax(1)
    p[torch.arange(len(y)), y] -= 1
    return p.div_(len(y))


def _of_chances(v: Tensor, y: Tensor) -> Tensor:
    return v.sigmoid().sub_(y).div_(v.numel())


# The gradient of the loss in the logits, for who goes back without autograd.
SLOPES: Final[dict[Activation, Slope]] = {
    "none": _of_squares,
    "softmax": _of_classes,
    "sigmoid": _of_chances,
}
