"""Numbered places for every number that a step reads or writes, so that copies need no code.

A value of the graph that is known only at run time is an array of places. Whatever only moves
numbers (Transpose, Split, Concat, Slice, ...) is then the same operation on the array of places,
and costs nothing in C.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Places = NDArray[np.int64]
Kind = Literal["x", "state", "constant", "work"]

# A place is the number of its buffer, shifted by this, plus the offset inside the buffer.
_SHIFT: Final = 32


@dataclass(eq=False)
class Buffer:
    """A run of float32 numbers: the input, the state, a constant or a part of the workspace.

    `values` and `name` are those of a constant.
    """

    kind: Kind
    number: int
    size: int
    values: Array | None = None
    name: str = ""

    @property
    def first(self) -> int:
        """The place of the first number."""
        return self.number << _SHIFT

    @property
    def places(self) -> Places:
        """The places of all numbers, in order."""
        return self.first + np.arange(self.size, dtype=np.int64)


@dataclass(eq=False)
class Live:
    """A value that is known only at run time: the place of each of its numbers."""

    places: Places

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value, for a single row and a single step."""
        return self.places.shape


class Buffers:
    """All buffers of a step."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self._constants: dict[bytes, Buffer] = {}

    def buffer(self, kind: Kind, size: int) -> Buffer:
        """Add a buffer of `size` numbers."""
        buffer = Buffer(kind, len(self.buffers), size)
        self.buffers.append(buffer)
        return buffer

    def constant(self, values: Array, name: str) -> Buffer:
        """Return the constant with these values, which is added unless it is there."""
        flat = np.ascontiguousarray(values, np.float32).ravel()
        key = flat.tobytes()
        if key not in self._constants:
            buffer = self.buffer("constant", len(flat))
            buffer.values, buffer.name = flat, name
            self._constants[key] = buffer
        return self._constants[key]

    def find(self, place: int) -> tuple[Buffer, int]:
        """Return the buffer that a place is in, and the offset there."""
        return self.buffers[place >> _SHIFT], place & ((1 << _SHIFT) - 1)

    def buffers_of(self, places: Places) -> list[Buffer]:
        """Return the buffers that some places are in."""
        return [self.buffers[number] for number in np.unique(places >> _SHIFT)]


def in_one_buffer(places: Places) -> bool:
    """Return whether all places are in the same buffer."""
    return bool((places >> _SHIFT == places.flat[0] >> _SHIFT).all())


def is_run(places: Places) -> bool:
    """Return whether flat places follow each other."""
    return bool((np.diff(places) == 1).all())


def runs(places: Places) -> list[tuple[int, int, int]]:
    """Return the runs of flat places as (offset in `places`, first place, length)."""
    cuts = np.flatnonzero(np.diff(places) != 1) + 1
    bounds = [0, *map(int, cuts), len(places)]
    return [(a, int(places[a]), b - a) for a, b in pairwise(bounds) if b > a]
