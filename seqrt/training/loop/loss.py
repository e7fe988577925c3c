"""The loss of each output activation, over the rows that count, and its gradient by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from seqrt.contract.manifest import Activation

Loss = Callable[[Tensor, Tensor], Tensor]
LossGradient = Callable[[Tensor, Tensor, float], tuple[float, Tensor]]

# logits v (N, O), and y as in Examples: scaled targets, class numbers, or 0 and 1
LOSSES: Final[dict[Activation, Loss]] = {
    "none": F.mse_loss,
    "softmax": F.cross_entropy,
    "sigmoid": F.binary_cross_entropy_with_logits,
}


def _mean_squared_error(v: Tensor, y: Tensor, share: float) -> tuple[float, Tensor]:
    """L = mean (v - y)², dL/dv = 2 (v - y) / N."""
    error = (v - y).flatten()
    each = share / len(error)
    return each * error.dot(error).item(), error.mul_(2 * each).view_as(v)


def _cross_entropy(v: Tensor, y: Tensor, share: float) -> tuple[float, Tensor]:
    """L = mean -log softmax(v)_y, dL/dv = (softmax(v) - onehot(y)) / N."""
    log_p = v.log_softmax(1)
    loss = share * F.nll_loss(log_p, y).item()
    p = log_p.exp_()
    p[torch.arange(len(y)), y] -= 1
    return loss, p.mul_(share / len(y))


def _binary_cross_entropy(v: Tensor, y: Tensor, share: float) -> tuple[float, Tensor]:
    """L = mean -(y log σ(v) + (1 - y) log(1 - σ(v))), dL/dv = (σ(v) - y) / N."""
    loss = share * F.binary_cross_entropy_with_logits(v, y).item()
    return loss, v.sigmoid().sub_(y).mul_(share / v.numel())


# share · L and its gradient in the logits, for a backward pass without autograd
GRADIENTS: Final[dict[Activation, LossGradient]] = {
    "none": _mean_squared_error,
    "softmax": _cross_entropy,
    "sigmoid": _binary_cross_entropy,
}
