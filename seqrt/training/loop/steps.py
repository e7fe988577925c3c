"""The optimiser steps of one pass over the data, each in parts that are computed one by one.

The gradients of several batches are gathered into one step (`accumulate`), and long sequences are
cut in time (`tbptt`): what is held at once grows with the piece, not with the sequence.

Truncated back-propagation through time: Williams & Peng 1990, doi:10.1162/neco.1990.2.4.490.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from seqrt.training.inputs.batches import Batch, batch, extents, groups, padded_batch
from seqrt.training.inputs.examples import Examples
from seqrt.training.loop.distributed import ALONE, World
from seqrt.training.loop.recipe import Recipe
from seqrt.training.networks.dropout import Share
from seqrt.training.networks.stack import Stack

Carried = dict[int, Tensor]
"""States (·, S) between the pieces of a step, one for each of its batches, without gradient."""

Places = slice | Tensor
"""Which of some rows a process reads."""


@dataclass(frozen=True)
class Part:
    """Sequences that are read and learnt from whole, by all processes of `world` together."""

    data: Examples
    rows: Tensor
    noise: float
    world: World = field(default=ALONE, kw_only=True)

    def __len__(self) -> int:
        """Return the number of answers."""
        return self._answers(self.rows)

    def own(self) -> int:
        """Return the number of answers that this process learns from."""
        return self._answers(self.world.own(self.rows))

    def answer(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return what `net` says and what is true, row by row; without any `own`, of one more."""
        read = self.read(net)
        return read.logits(net), read.y

    def read(self, net: Stack) -> Batch:
        """Return what this process reads of the rows; without any `own`, one more."""
        return self._read(net, self.rows, self.world.places(len(self.rows)))

    def _answers(self, rows: Tensor) -> int:
        if not self.data.per_step:
            return len(rows)
        length = self.data.length
        return len(rows) * length if length else int(self.data.lengths[rows].sum())

    def _read(
        self,
        net: Stack,
        rows: Tensor,
        places: Places,
        begin: Tensor | int = 0,
        end: Tensor | int | None = None,
    ) -> Batch:
        """Return of `rows`, from `begin` to `end`, those at `places`, with the noise of all."""
        first = begin[places] if isinstance(begin, Tensor) else begin
        last = end[places] if isinstance(end, Tensor) else end
        read = batch(self.data, rows[places], first, last)
        if not self.world.alone:
            longest = int(extents(self.data, rows, begin, end).max())
            read = replace(read, share=Share(places, len(rows), longest))
        return read.blurred(self.noise * net.x_scale) if self.noise else read


@dataclass(frozen=True)
class Padded(Part):
    """Sequences with one answer, all padded to so many `steps`: any of them have one shape."""

    steps: int

    def answer(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return what `net` says and what is true, row by row."""
        read = padded_batch(self.data, self.rows, self.steps)
        if self.noise:
            read = read.blurred(self.noise * net.x_scale)
        return read.logits(net), read.y


@dataclass(frozen=True)
class Tail(Part):
    """Sequences with one answer, learnt from through their last `steps` steps only."""

    steps: int

    def answer(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return what `net` says and what is true; the steps before the last are only read."""
        lead = (self.data.lengths[self.rows] - self.steps).clamp(min=0)
        state, places = self._state_after(net, lead), self.world.places(len(self.rows))
        tail = self._read(net, self.rows, places, begin=lead)
        return tail.advance(net, state[places])[0], tail.y

    @torch.no_grad()
    def _state_after(self, net: Stack, lead: Tensor) -> Tensor:
        """Return the state of each row after `lead` of its steps, read a piece at a time.

        The pieces are counted from the end, so that all rows end with the last of them; only a
        piece in which a row begins late has rows of several lengths.
        """
        state = self.data.x.new_zeros(len(self.rows), net.state_size)
        for left in reversed(range(0, int(lead.max()), self.steps)):
            reading = (lead > left).nonzero()[:, 0]
            end = lead[reading] - left
            begin = (end - self.steps).clamp(min=0)
            places = self._places_among(reading)
            piece = self._read(net, self.rows[reading], places, begin, end)
            own = reading[places]
            state[own] = piece.read(net, state[own])
        return state

    def _places_among(self, reading: Tensor) -> Places:
        """Return where among the rows `reading` this process finds its own, or else the first."""
        if self.world.alone:
            return slice(None)
        own = (reading % self.world.size == self.world.rank).nonzero()[:, 0]
        return own if len(own) else slice(1)


@dataclass(frozen=True)
class Piece(Part):
    """Some steps of sequences with an answer at every step, longest first.

    Their state before `begin` is in `carried`, number `place`, and goes on to the next piece there.
    """

    begin: int
    end: int
    carried: Carried
    place: int

    def answer(self, net: Stack) -> tuple[Tensor, Tensor]:
        """Return what `net` says and what is true, and carry the state on."""
        going = self.rows[self.data.lengths[self.rows] > self.begin]
        places, own = self.world.places(len(going)), len(self.world.own(going))
        piece = self._read(net, going, places, self.begin, self.end)
        state = self.data.x.new_zeros(len(piece.x), net.state_size)
        if self.begin and own:
            state = self.carried[self.place][:own]
        logits, state = piece.advance(net, state)
        self.carried[self.place] = state[:own].detach()
        return logits, piece.y

    def _answers(self, rows: Tensor) -> int:
        return int(extents(self.data, rows, self.begin, self.end).clamp(min=0).sum())


def steps(
    data: Examples, recipe: Recipe, carried: Carried, world: World = ALONE
) -> Iterator[tuple[float, list[Part]]]:
    """Yield the steps of one pass: the share of the pass that is then done, and the parts.

    The order is drawn by torch's own generator before the first step.
    """
    found = groups(data, recipe.batch_size * recipe.accumulate)
    for number, group in enumerate(found):
        batches = group.split(recipe.batch_size)
        if recipe.tbptt and data.per_step:
            for share, parts in _cut(data, batches, recipe, recipe.tbptt, carried, world):
                yield (number + share) / len(found), parts
        elif recipe.tbptt:
            tails = [Tail(data, rows, recipe.noise, recipe.tbptt, world=world) for rows in batches]
            yield (number + 1) / len(found), list(tails)
        else:
            parts = [Part(data, rows, recipe.noise, world=world) for rows in batches]
            yield (number + 1) / len(found), parts


def _cut(
    data: Examples,
    batches: tuple[Tensor, ...],
    recipe: Recipe,
    size: int,
    carried: Carried,
    world: World,
) -> Iterator[tuple[float, list[Part]]]:
    """Yield a step for each `size` steps in time."""
    ordered = [rows[data.lengths[rows].argsort(descending=True, stable=True)] for rows in batches]
    longest = [int(data.lengths[rows[0]]) for rows in ordered]
    count = math.ceil(max(longest) / size)
    for number in range(count):
        begin = number * size
        parts = [
            Piece(data, rows, recipe.noise, begin, begin + size, carried, place, world=world)
            for place, rows in enumerate(ordered)
            if longest[place] > begin
        ]
        yield (number + 1) / count, list(parts)
