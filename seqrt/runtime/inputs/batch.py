"""What `predict` is given, padded or ragged, as its blocks take it: a few rows at a time.

Rows are converted and padded as late as that, so that an array may be mapped from a file larger
than memory, and so that every thread does its own share.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.numbers import check_finite
from seqrt.runtime.inputs.arrays import as_array, as_floats, as_lengths, check_shape
from seqrt.runtime.inputs.nonfinite import FIX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats, Lengths, Rows

_dtype, _shape = attrgetter("dtype"), attrgetter("shape")


class Padded:
    """An array (B, T, D) of any numbers, with the lengths of its rows."""

    def __init__(self, x: Any, lengths: Any, features: int) -> None:
        """Raise InputError for an x that is no array of that shape, or lengths that do not fit."""
        self._x = as_array(x, "x")
        shape = self._x.shape
        if len(shape) != len("BTD") or shape[2] != features:
            check_shape("x", self._x, ("batch", "time", features), _hint(shape, features))
        as_floats(self._x[:0], "x")
        self.time = shape[1]
        self.full = lengths is None
        self.lengths: Lengths = (
            np.full(shape[0], shape[1], np.int32)
            if lengths is None
            else as_lengths(lengths, *shape[:2])
        )

    def whole(self) -> Floats:
        """Return x as float32 (B, T, D)."""
        return as_floats(self._x, "x")

    def take(self, rows: Rows) -> Floats:
        """Return some rows as float32 (N, longest of them, D)."""
        first, longest = int(rows[0]), int(self.lengths[rows].max())
        if (rows == np.arange(first, first + len(rows))).all():
            # no copy yet: two rows may be more than memory holds
            return as_floats(self._x[first : first + len(rows), :longest], "x")
        return as_floats(self._x[rows, :longest], "x")

    def item(self, i: int) -> NDArray[Any]:
        """Return row i to its end, (T_i, D), as it was given."""
        return self._x[i, : self.lengths[i]]


class Ragged:
    """A list of (T_i, D)."""

    full = False

    def __init__(self, items: Sequence[Any], features: int) -> None:
        """Raise InputError that names the item that is no array of that shape."""
        self._items = items if _alike(items, features) else _each(items, features)
        self._features = features
        self._spare = local()
        self.lengths: Lengths = np.fromiter(map(len, self._items), np.int32, len(items))
        self.time = int(self.lengths.max(initial=0))

    def take(self, rows: Rows) -> Floats:
        """Return some items, padded with zeros, as (N, longest of them, D).

        It lies in memory that the same thread's next call uses again.
        """
        if len(rows) == 1:
            return as_floats(self._items[rows[0]], "x")[None]
        lengths = self.lengths[rows].tolist()
        shape = (len(rows), max(lengths), self._features)
        x = self._room(shape[0] * shape[1] * shape[2]).reshape(shape)
        for row, i, length in zip(x, rows.tolist(), lengths, strict=True):
            row[:length] = self._items[i]
            row[length:] = 0
        return x

    def item(self, i: int) -> NDArray[Any]:
        """Return item i, (T_i, D)."""
        item: NDArray[Any] = self._items[i]
        return item

    def _room(self, size: int) -> Floats:
        """Return memory for `size` numbers, this thread's own."""
        room: Floats | None = getattr(self._spare, "room", None)
        if room is None or room.size < size:
            room = self._spare.room = np.empty(size, np.float32)
        return room[:size]


def refuse_first(batch: Padded | Ragged, *, missing: bool) -> None:
    """Raise InputError at the first value of all that float32 cannot hold, or that is not finite.

    Blocks are looked at longest first; who reads the message counts from the first item.
    """
    items = [batch.item(i) for i in range(len(batch.lengths))]
    for i, item in enumerate(items):
        as_floats(item, f"x[item {i}]")
    check_finite("x", items, fix=FIX, missing=missing)


def _alike(items: Sequence[Any], features: int) -> bool:
    """Whether all are float32 arrays of the right shape: looking at each takes long."""
    return (
        set(map(type, items)) == {np.ndarray}
        and set(map(_dtype, items)) == {np.dtype(np.float32)}
        and all(len(shape) == len("TD") and shape[1] == features for shape in map(_shape, items))
    )


def _each(items: Sequence[Any], features: int) -> list[Floats]:
    arrays = []
    for i, item in enumerate(items):
        array = as_floats(item, f"x[item {i}]")
        check_shape(f"x[item {i}]", array, ("time", features))
        arrays.append(array)
    return arrays


def _hint(shape: tuple[int, ...], features: int) -> str:
    """Return what a caller with an x of this shape most likely has to do."""
    if len(shape) == len("BT") and features == 1:
        return "Try x[..., None]."
    if len(shape) == len("TD") and shape[1] == features:
        return "Try x[None] for one sequence."
    return "Did you swap axes?" if len(shape) == len("BTD") and features in shape else ""
