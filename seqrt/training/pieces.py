"""The optimiser steps of one pass over the data, each in parts that are computed one by one.

The gradients of several batches are gathered into one step (`accumulate`), and long sequences are
cut in time (`tbptt`): what is held at once grows with the piece, not with the sequence.

Truncated back-propagation through time: Williams & Peng 1990, doi:10.1162/neco.1990.2.4.490.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from seqrt.training.batches import Batch, batch, groups
from seqrt.training.examples import Examples
from seqrt.training.recipe import Recipe
from seqrt.training.stack import Stack

Carried = dict[int, Tensor]
"""States (·, S) between the pieces of a step, one for each of its batches, without gradient."""


@dataclass(frozen=True)
class Part:
    """Sequences that are read and learnt from whole."""

    data: Examples
    rows: Tensor
    noise: float

    def __len__(self) -> int:
        """Return the number of answers."""
        return int(self.data.lengths[self.rows].sum()) if self.data.per_step else len(self.rows)

    def answer(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return what `net` says and what is true, row by row."""
        whole = self._read(net, self.rows)
        return whole.logits(net), whole.y

    def _read(
        self, net: Stack, rows: Tensor, begin: Tensor | int = 0, end: Tensor | int | None = None
    ) -> Batch:
        read = batch(self.data, rows, begin, end)
        return read.blurred(self.noise * net.x_scale) if self.noise else read


@dataclass(frozen=True)
class Tail(Part):
    """Sequences with one answer, learnt from through their last `steps` steps only."""

    steps: int

    def answer(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return what `net` says and what is true; the steps before the last are only read."""
        lead = (self.data.lengths[self.rows] - self.steps).clamp(min=0)
        state = self._state_after(net, lead)
        tail = self._read(net, self.rows, begin=lead)
        return tail.advance(net, state)[0], tail.y

    @torch.no_grad()
    def _state_after(self, net: Stack, lead: Tensor) -> Tensor:
        """Return the state of each row after `lead` of its steps, read a piece at a time.

        The pieces are counted from the end, so that all rows end with the last of them; only a
        piece in which a row begins late has rows of several lengths.
        """
        state = self.data.x.new_zeros(len(self.rows), net.state_size)
        for left in reversed(range(0, int(lead.max()), self.steps)):
            reading = lead > left
            end = lead[reading] - left
            begin = (end - self.steps).clamp(min=0)
            piece = self._read(net, self.rows[reading], begin, end)
            before = state[reading]
            if piece.lengths is None:
                state[reading] = net.advance(piece.x, None, before)[1]
            else:
                state[reading] = net.run(piece.x, piece.lengths, before)[1]
        return state


@dataclass(frozen=True)
class Piece(Part):
    """Some steps of sequences with an answer at every step, longest first.

    Their state before `begin` is in `carried`, number `place`, and goes on to the next piece there.
    """

    begin: int
    end: int
    carried: Carried
    place: int

    def __len__(self) -> int:
        """Return the number of answers."""
        lengths = self.data.lengths[self.rows].clamp(max=self.end) - self.begin
        return int(lengths.clamp(min=0).sum())

    def answer(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return what `net` says and what is true, and carry the state on."""
        going = self.rows[self.data.lengths[self.rows] > self.begin]
        state = self.data.x.new_zeros(len(going), net.state_size)
        if self.begin:
            state = self.carried[self.place][: len(going)]
        piece = self._read(net, going, self.begin, self.end)
        logits, state = piece.advance(net, state)
        self.carried[self.place] = state.detach()
        return logits, piece.y


def steps(data: Examples, recipe: Recipe, carried: Carried) -> Iterator[tuple[float, list[Part]]]:
    """Yield the steps of one pass: the share of the pass that is then done, and the parts.

    The order is drawn by torch's own generator before the first step.
    """
    found = groups(data, recipe.batch_size * recipe.accumulate)
    for number, group in enumerate(found):
        batches = group.split(recipe.batch_size)
        if recipe.tbptt and data.per_step:
            for share, parts in _cut(data, batches, recipe, recipe.tbptt, carried):
                yield (number + share) / len(found), parts
        elif recipe.tbptt:
            tails = [Tail(data, rows, recipe.noise, recipe.tbptt) for rows in batches]
            yield (number + 1) / len(found), list(tails)
        else:
            yield (number + 1) / len(found), [Part(data, rows, recipe.noise) for rows in batches]


def _cut(
    data: Examples, batches: tuple[Tensor, ...], recipe: Recipe, size: int, carried: Carried
) -> Iterator[tuple[float, list[Part]]]:
    """Yield a step for each `size` steps in time."""
    ordered = [rows[data.lengths[rows].argsort(descending=True, stable=True)] for rows in batches]
    longest = [int(data.lengths[rows[0]]) for rows in ordered]
    count = math.ceil(max(longest) / size)
    for number in range(count):
        begin = number * size
        parts = [
            Piece(data, rows, recipe.noise, begin, begin + size, carried, place)
            for place, rows in enumerate(ordered)
            if longest[place] > begin
        ]
        yield (number + 1) / count, list(parts)
