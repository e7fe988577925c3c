"""Dense batches of sequences of similar length, padded by their own last step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from seqrt.training.inputs.check import Data, as_ragged
from seqrt.training.inputs.examples import Examples, unlabelled
from seqrt.training.networks.dropout import Share, sharing
from seqrt.training.networks.stack import Stack


@dataclass(frozen=True)
class Batch:
    """A few sequences, padded to the longest.

    x (B, T, D); lengths (B,), or None where all are T long, because a dense batch is fastest;
    y holds the answers that count and no padding; rows tells where in `Examples.y` they stand.
    What is drawn is drawn for the whole batch that these are the `share` of, if any.
    """

    x: Tensor
    lengths: Tensor | None
    y: Tensor
    rows: Tensor
    share: Share | None = None

    def blurred(self, size: Tensor) -> Batch:
        """Return the batch with noise on x, normal, of `size` (D,)."""
        if self.share is None:
            return replace(self, x=self.x + size * torch.randn_like(self.x))
        whole = self.x.new_empty(self.share.count, self.share.steps, len(size))
        return replace(self, x=self.x + size * self.share.of(torch.randn_like(whole), self.x))

    def logits(self, net: Stack) -> Tensor:
        """Return what `net` says, one row for each of y: (·, O)."""
        with sharing(net, self.share):
            return self._rows_of(net.logits(self.x, self.lengths))

    def advance(self, net: Stack, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same from `state` (B, S) instead of zero, and the state after all of x."""
        with sharing(net, self.share):
            v, end = net.advance(self.x, self.lengths, state)
        return self._rows_of(v), end

    def read(self, net: Stack, state: Tensor) -> Tensor:
        """Return the state of each row after its own last step, from `state` (B, S)."""
        with sharing(net, self.share):
            if self.lengths is None:
                return net.advance(self.x, None, state)[1]
            return net.run(self.x, self.lengths, state)[1]

    def _rows_of(self, v: Tensor) -> Tensor:
        if v.ndim == 2:
            return v
        return v.flatten(0, 1) if self.lengths is None else v[self.valid()]

    def valid(self) -> Tensor:
        """Say of every step (B, T) whether it is one, or padding, where there are lengths."""
        assert self.lengths is not None
        return _valid(self.x, self.lengths)


def groups(data: Examples, size: int) -> list[Tensor]:
    """Return the numbers of all sequences, in groups of similar length, in an order drawn by torch.

    The lengths are sorted with a tenth of jitter, so that neighbours change from pass to pass. All
    is drawn on the CPU: the order is the same on every device.
    """
    jitter = 0.9 + 0.2 * torch.rand(len(data))
    order = (data.lengths.cpu() * jitter).argsort()
    parts = order.to(data.lengths.device).split(size)
    return [parts[i] for i in torch.randperm(len(parts)).tolist()]


@torch.no_grad()
def all_logits(net: Stack, data: Examples, size: int = 256, numbers: int = 2**22) -> Tensor:
    """Return what `net` says of every example, in their order: (B, O), or (N, O) per step.

    A causal network reads long sequences a piece at a time, so that a layer's answers to a piece
    are at most so many `numbers`: memory does not grow with the length.
    """
    was_training = net.training
    net.eval()
    logits = data.x.new_empty(len(data.y), len(net.metadata.outputs))
    widest = max(layer.layer.units for layer in net.recurrent())
    for group in data.lengths.argsort(stable=True).split(size):
        steps = max(1, numbers // (widest * len(group)))
        if net.state_size and int(data.lengths[group].max()) > steps:
            _in_pieces(net, data, group.flip(0), steps, logits)
        else:
            whole = batch(data, group)
            logits[whole.rows] = whole.logits(net)
    net.train(was_training)
    return logits


def _in_pieces(net: Stack, data: Examples, rows: Tensor, steps: int, logits: Tensor) -> None:
    """Fill in the logits of `rows`, longest first, reading so many steps at a time."""
    lengths = data.lengths[rows]
    state = data.x.new_zeros(len(rows), net.state_size)
    for begin in range(0, int(lengths[0]), steps):
        going = int((lengths > begin).sum())
        piece = batch(data, rows[:going], begin, begin + steps)
        v, state = piece.advance(net, state[:going])
        if data.per_step:
            logits[piece.rows] = v
        else:
            ending = lengths[:going] <= begin + steps
            logits[rows[:going][ending]] = v[ending]


def predict(net: Stack, x: Data, lengths: ArrayLike | None = None) -> NDArray[np.float32]:
    """Return the network's answers to x in raw units or probabilities: (B, O), or (N, O) per step.

    N counts the steps of all sequences together, without padding.
    """
    missing = net.missing != "error"
    rows = as_ragged(x, lengths, len(net.metadata.features), missing=missing)
    data = unlabelled(rows, net.head).to(net.x_mean.device)
    y: NDArray[np.float32] = net.output(all_logits(net, data)).detach().cpu().numpy()
    return y


def batch(
    data: Examples, rows: Tensor, begin: Tensor | int = 0, end: Tensor | int | None = None
) -> Batch:
    """Return the sequences `rows`, or of each the steps from `begin` to `end`, at least one."""
    whole = isinstance(begin, int) and not begin and end is None
    if whole and data.length:
        return _of_one_length(data, rows, data.length)
    lengths = extents(data, rows, begin, end)
    longest = int(lengths.max())
    x = _looked_up(data.x, data.starts[rows] + begin, lengths, longest)
    dense = bool((lengths == longest).all())
    counted = rows
    if data.per_step:
        places = _places(data.answers[rows] + begin, lengths, longest)
        counted = places[_valid(x, lengths)]
    return Batch(x, None if dense else lengths, data.y[counted], counted)


def padded_batch(data: Examples, rows: Tensor, steps: int) -> Batch:
    """Return the sequences `rows` with one answer each, padded to so many `steps`."""
    lengths = data.lengths[rows]
    x = _looked_up(data.x, data.starts[rows], lengths, steps)
    return Batch(x, lengths, data.y[rows], rows)


def extents(
    data: Examples, rows: Tensor, begin: Tensor | int = 0, end: Tensor | int | None = None
) -> Tensor:
    """Return how many steps there are of each of `rows` from `begin` to `end`."""
    lengths = data.lengths[rows]
    return (lengths if end is None else lengths.clamp(max=end)) - begin


def _of_one_length(data: Examples, rows: Tensor, length: int) -> Batch:
    """Return the same for sequences of one length: one look-up each."""
    x = data.windows.index_select(0, data.starts[rows])
    if not data.per_step:
        return Batch(x, None, data.y.index_select(0, rows), rows)
    counted = (rows[:, None] * length + torch.arange(length, device=rows.device)).flatten()
    return Batch(x, None, data.y[counted], counted)


def _looked_up(x: Tensor, first: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """Return the rows of x at `_places`: (B, `steps`, D)."""
    index = _places(first, lengths, steps)
    return x.index_select(0, index.flatten()).view(*index.shape, -1)


def _places(first: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """Return where steps stand (B, `steps`) that begin at `first`, each row's last one repeated."""
    step = torch.arange(steps, device=lengths.device)
    return first[:, None] + torch.minimum(step, lengths[:, None] - 1)


def _valid(x: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(x.shape[1], device=x.device) < lengths[:, None]
