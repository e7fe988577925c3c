"""The loss of each output activation, over the rows that count, and its gradient by hand.

With `balance`, a target of class c counts N / (C n_c) times, where n_c of the N training targets
are of that class and C classes occur: each class then weighs the same, and the mean weight is 1.
The sum over a batch is divided by its number of targets, not by their weights, so that the
gradients of micro-batches, chunks and processes add up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from seqrt.contract.manifest import Activation
from seqrt.errors import UsageError
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.stack import Stack

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


class MeanLoss(Protocol):
    """A loss that training minimises."""

    def mean(self, v: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of logits v and targets y, rows of each other."""


@dataclass(frozen=True)
class Objective:
    """The loss that training minimises: that of the activation, with or without class weights.

    `weights` are (C,) for softmax, one for each class, and (2, O) for sigmoid, those of 0 and of 1
    for each output.
    """

    activation: Activation
    weights: Tensor | None = None

    @classmethod
    def of(cls, activation: Activation, y: Tensor, outputs: int, *, balance: bool) -> Objective:
        """Return the loss for training targets `y`, as in Examples; `balance` weighs classes."""
        if not balance:
            return cls(activation)
        check_balance(activation)
        if activation == "softmax":
            counts = torch.bincount(y.cpu(), minlength=outputs)
        else:
            ones = y.cpu().sum(0)
            counts = torch.stack([len(y) - ones, ones])
        # on the device of y already: the recording of a CUDA graph may not copy from the CPU
        return cls(activation, _balanced(counts).to(y.device))

    def mean(self, v: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of logits v (N, O), in a form that autograd can follow."""
        if self.weights is None:
            return LOSSES[self.activation](v, y)
        weights = self.weights.to(v)
        if self.activation == "softmax":
            return F.cross_entropy(v, y, weight=weights, reduction="sum") / len(y)
        return F.binary_cross_entropy_with_logits(v, y, weight=_chosen(weights, y))

    def gradient(self, v: Tensor, y: Tensor, share: float) -> tuple[float, Tensor]:
        """Return `share` of the mean loss, and its gradient in v by hand; v is overwritten."""
        if self.weights is None:
            return GRADIENTS[self.activation](v, y, share)
        loss = share * self.mean(v, y).item()
        _, dv = GRADIENTS[self.activation](v, y, share)
        weights = self.weights.to(v)
        if self.activation == "softmax":
            return loss, dv.mul_(weights[y][:, None])
        return loss, dv.mul_(_chosen(weights, y))


@dataclass(frozen=True)
class PinballLoss:
    """The mean pinball loss of quantiles, each row in units of a scale of its own.

    For logits v (N, H Q) and targets y (N, H + 1), whose last column is the scale of each row:

        L = 2 mean max(q e, (q - 1) e),   e = (y - v) / scale

    over the Q `quantiles` and the targets that are not NaN. Koenker & Bassett 1978,
    doi:10.2307/1913643.
    """

    quantiles: tuple[float, ...]

    def mean(self, v: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss; 0 if all targets are missing."""
        q = v.new_tensor(self.quantiles)
        truth, scale = y[:, :-1, None], y[:, -1:, None]
        known = ~truth.isnan()
        e = torch.where(known, truth - v.unflatten(1, (-1, len(q))), 0) / scale
        return 2 * torch.maximum(q * e, (q - 1) * e).mean(-1).sum() / known.sum().clamp(min=1)


def loss_of(net: Stack, y: Tensor, *, balance: bool) -> MeanLoss:
    """Return the loss that trains `net` on targets `y`, as in Examples."""
    if isinstance(net, Forecaster):
        return PinballLoss(net.architecture.quantiles)
    return Objective.of(net.activation, y, len(net.metadata.outputs), balance=balance)


def check_balance(activation: Activation) -> None:
    """Raise UsageError unless the outputs are probabilities of classes, which can be weighed."""
    if activation == "none":
        raise UsageError(
            "balance weighs classes, but the targets here are numbers. Drop --balance, or use"
            " --task classify or --task tag."
        )


def _balanced(counts: Tensor) -> Tensor:
    """Return the weights for class counts (C,), or (C, O) for each output; 1 for an absent class.

    scikit-learn calls these "balanced".
    """
    present = (counts > 0).sum(0)
    weights = counts.sum(0) / (present * counts.clamp(min=1))
    return torch.where(counts > 0, weights, torch.ones_like(weights))


def _chosen(weights: Tensor, y: Tensor) -> Tensor:
    """Return the weight of each flag in y (N, O), from weights (2, O)."""
    return torch.where(y > 0, weights[1], weights[0])
