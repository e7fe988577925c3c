"""Dense batches of sequences of similar length, padded by repeating their last step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from seqrt.training.inputs.check import Data
from seqrt.training.inputs.examples import Examples, sequences_for, unlabelled
from seqrt.training.networks.dropout import BatchShare, dropout_for_share
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.stack import Stack


@dataclass(frozen=True)
class Batch:
    """Sequences, padded to the longest.

    x (B, T, D); `lengths` (B,), or None if all have T steps, which is fastest to compute; y holds
    the targets without padding, and `target_rows` their indices in `Examples.y`. With a `share`,
    noise and dropout are drawn for the whole batch that these sequences are a share of.
    """

    x: Tensor
    lengths: Tensor | None
    y: Tensor
    target_rows: Tensor
    share: BatchShare | None = None

    def with_noise(self, scale: Tensor) -> Batch:
        """Return the batch with normal noise of standard deviation `scale` (D,) added to x."""
        if self.share is None:
            return replace(self, x=self.x + scale * torch.randn_like(self.x))
        whole = self.x.new_empty(self.share.count, self.share.steps, len(scale))
        return replace(self, x=self.x + scale * self.share.of(torch.randn_like(whole), self.x))

    def logits(self, net: Stack) -> Tensor:
        """Return the logits of `net`, one row per row of y: (·, O)."""
        with dropout_for_share(net, self.share):
            return self._rows_of(net.logits(self.x, self.lengths))

    def learnt(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return the logits and the targets to learn from, row by row; most nets use all of y."""
        if not isinstance(net, Forecaster) or not net.architecture.one_chain:
            return self.logits(net), self.y
        season = net.architecture.season
        first = int(torch.randint(season, ())) if net.training else 0
        return self.chain(net, torch.arange(first, self.x.shape[1], season))

    def chain(self, net: Forecaster, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits and the targets at `steps`, a season apart, row by row."""
        inside = torch.ones(self.x.shape[:2], dtype=torch.bool, device=self.x.device)
        if self.lengths is not None:
            inside = self.valid()
        steps = steps.to(self.x.device)
        rows = (inside.flatten().cumsum(0) - 1).view_as(inside)[:, steps]
        chosen = inside[:, steps]
        return net.logits_of_chain(self.x, steps)[chosen], self.y[rows[chosen]]

    def advance(self, net: Stack, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits from initial `state` (B, S), and the state after the last step of x."""
        with dropout_for_share(net, self.share):
            v, end = net.advance(self.x, self.lengths, state)
        return self._rows_of(v), end

    def final_state(self, net: Stack, state: Tensor) -> Tensor:
        """Return the state of each row after its own last step, from initial `state` (B, S)."""
        with dropout_for_share(net, self.share):
            if self.lengths is None:
                return net.advance(self.x, None, state)[1]
            return net.run(self.x, self.lengths, state)[1]

    def _rows_of(self, v: Tensor) -> Tensor:
        if v.ndim == 2:
            return v
        return v.flatten(0, 1) if self.lengths is None else v[self.valid()]

    def valid(self) -> Tensor:
        """Return a mask (B, T) of the steps that are not padding; needs `lengths`."""
        assert self.lengths is not None
        return _valid(self.x, self.lengths)


def shuffled_groups(data: Examples, size: int) -> list[Tensor]:
    """Return the indices of all sequences in groups of similar length, in random order.

    Lengths are sorted with a jitter of 10 %, so that groups differ from epoch to epoch. Everything
    is drawn by torch on the CPU, so the order is the same on every device.
    """
    jitter = 0.9 + 0.2 * torch.rand(len(data))
    order = (data.lengths.cpu() * jitter).argsort()
    parts = order.to(data.lengths.device).split(size)
    return [parts[i] for i in torch.randperm(len(parts)).tolist()]


@torch.no_grad()
def all_logits(net: Stack, data: Examples, size: int = 256, numbers: int = 2**22) -> Tensor:
    """Return the logits of `net` for every example, in order: (B, O), or (N, O) per step.

    A causal network reads long sequences in chunks, with at most `numbers` numbers in the output of
    a layer, so that memory does not grow with the length.
    """
    was_training = net.training
    net.eval()
    logits = net.x_mean.new_empty(len(data.y), net.logit_size)
    for group in data.lengths.argsort(stable=True).split(size):
        steps = max(1, numbers // (net.widest * len(group)))
        if net.state_size and int(data.lengths[group].max()) > steps:
            _fill_in_chunks(net, data, group.flip(0), steps, logits)
        else:
            whole = batch(data, group)
            logits[whole.target_rows] = whole.logits(net)
    net.train(was_training)
    return logits


@torch.no_grad()
def chain_logits(net: Forecaster, data: Examples, size: int = 256) -> tuple[Tensor, Tensor]:
    """Return the logits and the targets at the first step of every sequence and a season apart."""
    was_training = net.training
    net.eval()
    groups = data.lengths.argsort(stable=True).split(size)
    found = [batch(data, group).learnt(net) for group in groups]
    net.train(was_training)
    logits, targets = zip(*found, strict=True)
    return torch.cat(logits), torch.cat(targets)


def _fill_in_chunks(net: Stack, data: Examples, rows: Tensor, steps: int, logits: Tensor) -> None:
    """Fill in the logits of `rows`, sorted longest first, reading `steps` steps at a time."""
    lengths = data.lengths[rows]
    state = net.zero_state(len(rows))
    for begin in range(0, int(lengths[0]), steps):
        active = int((lengths > begin).sum())
        chunk = batch(data, rows[:active], begin, begin + steps)
        v, state = chunk.advance(net, state[:active])
        if data.per_step:
            logits[chunk.target_rows] = v
        else:
            ending = lengths[:active] <= begin + steps
            logits[rows[:active][ending]] = v[ending]


def predict(net: Stack, x: Data, lengths: ArrayLike | None = None) -> NDArray[np.float32]:
    """Return the network's outputs for x in raw units or probabilities: (B, O), or (N, O) per step.

    N is the number of steps of all sequences together, without padding.
    """
    rows = sequences_for(net, x, lengths)
    data = unlabelled(rows, net.head).to(net.x_mean.device)
    y: NDArray[np.float32] = net.output(all_logits(net, data)).detach().cpu().numpy()
    return y


def batch(
    data: Examples, rows: Tensor, begin: Tensor | int = 0, end: Tensor | int | None = None
) -> Batch:
    """Return the sequences `rows`, or only their steps from `begin` to `end` (at least one)."""
    whole = isinstance(begin, int) and not begin and end is None
    if whole and data.length:
        return _of_one_length(data, rows, data.length)
    lengths = step_counts(data, rows, begin, end)
    longest = int(lengths.max())
    x = _gather(data.x, data.starts[rows] + begin, lengths, longest)
    dense = bool((lengths == longest).all())
    targets = rows
    if data.per_step:
        indices = _indices(data.first_targets[rows] + begin, lengths, longest)
        targets = indices[_valid(x, lengths)]
    return Batch(x, None if dense else lengths, _targets(data, targets), targets)


def padded_batch(data: Examples, rows: Tensor, steps: int) -> Batch:
    """Return the sequences `rows`, which have one target each, padded to `steps` steps."""
    lengths = data.lengths[rows]
    x = _gather(data.x, data.starts[rows], lengths, steps)
    return Batch(x, lengths, _targets(data, rows), rows)


def step_counts(
    data: Examples, rows: Tensor, begin: Tensor | int = 0, end: Tensor | int | None = None
) -> Tensor:
    """Return the number of steps from `begin` to `end` of each of `rows`."""
    lengths = data.lengths[rows]
    return (lengths if end is None else lengths.clamp(max=end)) - begin


def _of_one_length(data: Examples, rows: Tensor, length: int) -> Batch:
    """Return the sequences `rows` of data with a single length, each copied as one block."""
    x = data.windows.index_select(0, data.starts[rows])
    targets = rows
    if data.per_step:
        steps = torch.arange(length, device=rows.device)
        targets = (data.first_targets[rows][:, None] + steps).flatten()
    return Batch(x, None, _targets(data, targets), targets)


def _targets(data: Examples, index: Tensor) -> Tensor:
    return as_targets(data.y.index_select(0, index))


def as_targets(y: Tensor) -> Tensor:
    """Return targets in the form that torch's losses take: classes as int64."""
    return y if y.is_floating_point() else y.long()


def _gather(x: Tensor, first: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """Return the rows of x at `_indices`: (B, `steps`, D)."""
    index = _indices(first, lengths, steps)
    return x.index_select(0, index.flatten()).view(*index.shape, -1)


def _indices(first: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """Return the indices (B, `steps`) of steps from `first` on, repeating each row's last one."""
    step = torch.arange(steps, device=lengths.device)
    return first[:, None] + torch.minimum(step, lengths[:, None] - 1)


def _valid(x: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(x.shape[1], device=x.device) < lengths[:, None]
