"""Dense batches of sequences of similar length, padded by their own last step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from seqrt.training.door import Data, sequences
from seqrt.training.examples import Examples, unlabelled
from seqrt.training.stack import Stack


@dataclass(frozen=True)
class Batch:
    """A few sequences, padded to the longest.

    x (B, T, D); lengths (B,), or None where all are T long, because a dense batch is fastest;
    y holds the answers that count and no padding; rows tells where in `Examples.y` they stand.
    """

    x: Tensor
    lengths: Tensor | None
    y: Tensor
    rows: Tensor

    def blurred(self, size: Tensor) -> Batch:
        """Return the batch with noise on x, normal, of `size` (D,)."""
        return replace(self, x=self.x + size * torch.randn_like(self.x)) if size.any() else self

    def logits(self, net: Stack) -> Tensor:
        """Return what `net` says, one row for each of y: (·, O)."""
        v = net.logits(self.x, self.lengths)
        if v.ndim == 2:
            return v
        return v.flatten(0, 1) if self.lengths is None else v[_valid(v, self.lengths)]


def shuffled(data: Examples, size: int) -> Iterator[Batch]:
    """Yield every sequence once, in batches of similar length, drawn by torch's own generator.

    The lengths are sorted with a tenth of jitter, so that neighbours change from pass to pass.
    """
    jitter = 0.9 + 0.2 * torch.rand(len(data), device=data.lengths.device)
    groups = (data.lengths * jitter).argsort().split(size)
    for i in torch.randperm(len(groups)).tolist():
        yield _batch(data, groups[i])


@torch.no_grad()
def all_logits(net: Stack, data: Examples, size: int = 256) -> Tensor:
    """Return what `net` says of every example, in their order: (B, O), or (N, O) per step."""
    was_training = net.training
    net.eval()
    logits = data.x.new_empty(len(data.y), len(net.about.outputs))
    for group in data.lengths.argsort(stable=True).split(size):
        batch = _batch(data, group)
        logits[batch.rows] = batch.logits(net)
    net.train(was_training)
    return logits


def answers(net: Stack, x: Data, lengths: ArrayLike | None = None) -> NDArray[np.float32]:
    """Return the network's answers to x in raw units or probabilities: (B, O), or (N, O) per step.

    N counts the steps of all sequences together, without padding.
    """
    rows = sequences(x, lengths, len(net.about.features))
    data = unlabelled(rows, net.head).to(net.x_mean.device)
    y: NDArray[np.float32] = net.answer(all_logits(net, data)).detach().cpu().numpy()
    return y


def _batch(data: Examples, group: Tensor) -> Batch:
    lengths = data.lengths[group]
    step = torch.arange(int(lengths.max()), device=lengths.device)
    index = data.starts[group, None] + torch.minimum(step, lengths[:, None] - 1)
    x = data.x[index]
    dense = bool((lengths == len(step)).all())
    rows = index[_valid(x, lengths)] if data.per_step else group
    return Batch(x, None if dense else lengths, data.y[rows], rows)


def _valid(x: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(x.shape[1], device=x.device) < lengths[:, None]
