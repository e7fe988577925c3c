"""The optimiser steps of one epoch, each a list of micro-batches computed one after another.

The gradients of several batches can be accumulated into one step (`accumulate`), and long sequences
can be cut in time (`tbptt`): memory then grows with the chunk and not with the sequence.

Truncated back-propagation through time: Williams & Peng 1990, doi:10.1162/neco.1990.2.4.490.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from seqrt.training.inputs.batches import Batch, batch, padded_batch, shuffled_groups, step_counts
from seqrt.training.inputs.examples import Examples
from seqrt.training.inputs.side_by_side import USUAL_SPAN, training_rows
from seqrt.training.loop.distributed import SINGLE_PROCESS, ProcessGroup
from seqrt.training.loop.recipe import Recipe
from seqrt.training.networks.dropout import BatchShare
from seqrt.training.networks.stack import Stack

Carried = dict[int, Tensor]
"""Recurrent states (·, S) passed from chunk to chunk without gradient, one per batch of a step."""

Positions = slice | Tensor
"""Which of some rows one process computes, as positions among them."""


@dataclass(frozen=True)
class MicroBatch:
    """Whole sequences, the `rows` of `data`, shared out among the processes of `group`."""

    data: Examples
    rows: Tensor
    noise: float
    group: ProcessGroup = field(default=SINGLE_PROCESS, kw_only=True)

    def __len__(self) -> int:
        """Return the number of targets."""
        return self._count(self.rows)

    def own_count(self) -> int:
        """Return the number of targets that this process learns from."""
        return self._count(self.group.own_rows(self.rows))

    def forward(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return the logits of `net` and the targets, row by row, of this process's `batch`."""
        return self.batch(net).learnt(net)

    def batch(self, net: Stack) -> Batch:
        """Return the rows that this process computes: its share, or one row if that is empty."""
        return self._batch(net, self.rows, self.group.positions(len(self.rows)))

    def _count(self, rows: Tensor) -> int:
        if not self.data.per_step:
            return len(rows)
        length = self.data.length
        return len(rows) * length if length else int(self.data.lengths[rows].sum())

    def _batch(
        self,
        net: Stack,
        rows: Tensor,
        positions: Positions,
        begin: Tensor | int = 0,
        end: Tensor | int | None = None,
    ) -> Batch:
        """Return steps `begin` to `end` of the `rows` at `positions`; draw noise for all rows."""
        first = begin[positions] if isinstance(begin, Tensor) else begin
        last = end[positions] if isinstance(end, Tensor) else end
        own = batch(self.data, rows[positions], first, last)
        if not self.group.is_single:
            longest = int(step_counts(self.data, rows, begin, end).max())
            own = replace(own, share=BatchShare(positions, len(rows), longest))
        return own.with_noise(self.noise * net.x_scale) if self.noise else own


@dataclass(frozen=True)
class PaddedMicroBatch(MicroBatch):
    """Sequences with one target each, padded to `steps` steps: any such batch has one shape."""

    steps: int

    def forward(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return the logits of `net` and the targets, row by row."""
        whole = padded_batch(self.data, self.rows, self.steps)
        if self.noise:
            whole = whole.with_noise(self.noise * net.x_scale)
        return whole.logits(net), whole.y


@dataclass(frozen=True)
class TailMicroBatch(MicroBatch):
    """Sequences with one target each; the gradient goes back through their last `steps` steps."""

    steps: int

    def forward(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return logits and targets; the steps before the tail only advance the state."""
        lead = (self.data.lengths[self.rows] - self.steps).clamp(min=0)
        state, positions = self._state_after(net, lead), self.group.positions(len(self.rows))
        tail = self._batch(net, self.rows, positions, begin=lead)
        return tail.advance(net, state[positions])[0], tail.y

    @torch.no_grad()
    def _state_after(self, net: Stack, lead: Tensor) -> Tensor:
        """Return the state of each row after its first `lead` steps, computed chunk by chunk.

        Chunks are counted from the end, so that all rows end with the last one; lengths differ
        only within a chunk in which some row begins late.
        """
        state = net.zero_state(len(self.rows))
        for left in reversed(range(0, int(lead.max()), self.steps)):
            active = (lead > left).nonzero()[:, 0]
            end = lead[active] - left
            begin = (end - self.steps).clamp(min=0)
            positions = self._positions_among(active)
            chunk = self._batch(net, self.rows[active], positions, begin, end)
            own = active[positions]
            state[own] = chunk.final_state(net, state[own])
        return state

    def _positions_among(self, active: Tensor) -> Positions:
        """Return the positions of this process's rows among `active`, or the first without any."""
        if self.group.is_single:
            return slice(None)
        own = (active % self.group.size == self.group.rank).nonzero()[:, 0]
        return own if len(own) else slice(1)


@dataclass(frozen=True)
class Chunk(MicroBatch):
    """Steps `begin` to `end` of sequences with a target at every step, longest first.

    `carried[slot]` is the state before `begin`; the state after the chunk replaces it.
    """

    begin: int
    end: int
    carried: Carried
    slot: int

    def forward(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return logits and targets, and carry the state on to the next chunk."""
        active = self.rows[self.data.lengths[self.rows] > self.begin]
        positions, own = self.group.positions(len(active)), len(self.group.own_rows(active))
        chunk = self._batch(net, active, positions, self.begin, self.end)
        state = net.zero_state(len(chunk.x))
        if self.begin and own:
            state = self.carried[self.slot][:own]
        logits, state = chunk.advance(net, state)
        self.carried[self.slot] = state[:own].detach()
        return logits, chunk.y

    def _count(self, rows: Tensor) -> int:
        return int(step_counts(self.data, rows, self.begin, self.end).clamp(min=0).sum())


def epoch_steps(
    data: Examples, recipe: Recipe, carried: Carried, group: ProcessGroup = SINGLE_PROCESS
) -> Iterator[tuple[float, list[MicroBatch]]]:
    """Yield for each step the share of the epoch done after it, up to 1, and its micro-batches.

    torch's default generator draws the order before the first step. A text is cut into rows, which
    make one batch, or as many as accumulate.
    """
    if data.text:
        data = _rows_of_text(data, recipe)
    groups = shuffled_groups(data, recipe.batch_size * recipe.accumulate)
    noise, size = recipe.noise, recipe.tbptt
    for number, rows_of_step in enumerate(groups):
        batches = rows_of_step.split(recipe.batch_size)
        if size and data.per_step:
            for share, chunks in _chunks(data, batches, noise, size, carried, group):
                yield (number + share) / len(groups), chunks
        elif size:
            yield (
                (number + 1) / len(groups),
                [TailMicroBatch(data, rows, noise, size, group=group) for rows in batches],
            )
        else:
            yield (
                (number + 1) / len(groups),
                [MicroBatch(data, rows, noise, group=group) for rows in batches],
            )


def epoch_targets(data: Examples, recipe: Recipe) -> int:
    """Return the number of targets that an epoch learns from."""
    return int(_rows_of_text(data, recipe, 0).lengths.sum()) if data.text else len(data.y)


def _rows_of_text(data: Examples, recipe: Recipe, first: int | None = None) -> Examples:
    return training_rows(
        data, recipe.batch_size * recipe.accumulate, recipe.tbptt or USUAL_SPAN, first
    )


def _chunks(
    data: Examples,
    batches: tuple[Tensor, ...],
    noise: float,
    size: int,
    carried: Carried,
    group: ProcessGroup,
) -> Iterator[tuple[float, list[MicroBatch]]]:
    """Yield for each `size` time steps the share of `batches` done after them, and the chunks."""
    ordered = [rows[data.lengths[rows].argsort(descending=True, stable=True)] for rows in batches]
    longest = [int(data.lengths[rows[0]]) for rows in ordered]
    count = math.ceil(max(longest) / size)
    for number in range(count):
        begin = number * size
        chunks: list[MicroBatch] = [
            Chunk(data, rows, noise, begin, begin + size, carried, slot, group=group)
            for slot, rows in enumerate(ordered)
            if longest[slot] > begin
        ]
        yield (number + 1) / count, chunks
