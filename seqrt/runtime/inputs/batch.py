"""Batches as `predict` gets them, padded or ragged, read a few rows at a time.

Rows are converted and padded when their block runs, so that an array may be mapped from a file
larger than memory, and so that each thread converts its own rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import attrgetter
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.numbers import check_finite
from seqrt.runtime.inputs.arrays import as_array, as_floats, as_lengths, check_shape
from seqrt.runtime.inputs.layout import Layout
from seqrt.runtime.inputs.nonfinite import FIX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Lengths, Rows

_dtype, _shape = attrgetter("dtype"), attrgetter("shape")


class PaddedBatch:
    """An array (B, T, D) of numbers of any dtype, or of tokens (B, T), with its rows' lengths."""

    def __init__(self, x: Any, lengths: Any, layout: Layout) -> None:
        """Raise InputError for an x of another shape or dtype, and for lengths that do not fit."""
        self._x = as_array(x, "x")
        self._read = layout.read
        shape = self._x.shape
        if len(shape) != 2 + len(layout.step) or shape[2:] != layout.step:
            self._x = _fitted(self._x, layout)
        self._read(self._x[:0], "x")
        self.time = shape[1]
        self.full = lengths is None
        self.lengths: Lengths = (
            np.full(shape[0], shape[1], np.int32)
            if lengths is None
            else as_lengths(lengths, *shape[:2])
        )
        layout.check_lengths(self.lengths)
        if layout.tokens:
            self._x = self._read(self._x, "x")
            layout.check_ids(self._x, self.lengths)

    def whole(self) -> NDArray[Any]:
        """Return x as float32 (B, T, D), or as int64 (B, T)."""
        return self._read(self._x, "x")

    def take(self, rows: Rows) -> NDArray[Any]:
        """Return some rows as float32 (N, T', D), where T' is the length of the longest."""
        first, longest = int(rows[0]), int(self.lengths[rows].max())
        if (rows == np.arange(first, first + len(rows))).all():
            # a view: even a copy of two rows may not fit into memory
            return self._read(self._x[first : first + len(rows), :longest], "x")
        return self._read(self._x[rows, :longest], "x")

    def item(self, i: int) -> NDArray[Any]:
        """Return row i up to its length, (T_i, D), in the dtype of the caller."""
        return self._x[i, : self.lengths[i]]


class RaggedBatch:
    """A list of sequences (T_i, D), or of tokens (T_i,)."""

    full = False

    def __init__(self, items: Sequence[Any], layout: Layout) -> None:
        """Raise InputError that names the first item of another shape or dtype."""
        self._items = items if _all_float32(items, layout) else _converted(items, layout)
        self._layout = layout
        self._buffers = local()
        self.lengths: Lengths = np.fromiter(map(len, self._items), np.int32, len(items))
        layout.check_lengths(self.lengths)
        self.time = int(self.lengths.max(initial=0))

    def take(self, rows: Rows) -> NDArray[Any]:
        """Return some items, padded with zeros, as (N, T', D), where T' is the longest length.

        The array lies in a buffer that the next call from the same thread reuses.
        """
        if len(rows) == 1:
            return self._layout.read(self._items[rows[0]], "x")[None]
        lengths = self.lengths[rows].tolist()
        shape = (len(rows), max(lengths), *self._layout.step)
        x = self._buffer(prod(shape)).reshape(shape)
        for row, i, length in zip(x, rows.tolist(), lengths, strict=True):
            row[:length] = self._items[i]
            row[length:] = 0
        return x

    def item(self, i: int) -> NDArray[Any]:
        """Return item i, (T_i, D)."""
        item: NDArray[Any] = self._items[i]
        return item

    def _buffer(self, size: int) -> NDArray[Any]:
        """Return memory for `size` numbers that belongs to this thread."""
        buffer: NDArray[Any] | None = getattr(self._buffers, "buffer", None)
        if buffer is None or buffer.size < size:
            kind = np.int64 if self._layout.tokens else np.float32
            buffer = self._buffers.buffer = np.empty(size, kind)
        return buffer[:size]


def raise_for_first_item(batch: PaddedBatch | RaggedBatch, *, missing: bool) -> None:
    """Raise InputError at the first value that does not fit float32, or else is not finite.

    Blocks are checked longest first, but the message has to name the first item that is wrong.
    """
    items = [batch.item(i) for i in range(len(batch.lengths))]
    if items and items[0].ndim < len("TD"):
        return  # tokens, which were checked at first
    for i, item in enumerate(items):
        as_floats(item, f"x[item {i}]")
    check_finite("x", items, fix=FIX, missing=missing)


def _all_float32(items: Sequence[Any], layout: Layout) -> bool:
    """Return whether all are float32 arrays (T_i, D), without a look at each one: that is slow."""
    return (
        not layout.tokens
        and set(map(type, items)) == {np.ndarray}
        and set(map(_dtype, items)) == {np.dtype(np.float32)}
        and all(
            len(shape) == len("TD") and shape[1:] == layout.step for shape in map(_shape, items)
        )
    )


def _converted(items: Sequence[Any], layout: Layout) -> list[NDArray[Any]]:
    arrays = []
    for i, item in enumerate(items):
        name = f"x[item {i}]"
        array = layout.sequence(layout.read(item, name))
        check_shape(name, array, layout.axes)
        arrays.append(layout.read_all(array, name) if layout.tokens else array)
    return arrays


def _fitted(x: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Return tokens (B, T, 1) as (B, T); raise InputError for any other x that does not fit."""
    if layout.tokens and x.shape[2:] == (1,):
        return x[:, :, 0]
    fix = "Pass one id for each step." if layout.tokens else _hint(x.shape, layout.step[0])
    check_shape("x", x, ("batch", *layout.axes), fix)
    return x


def _hint(shape: tuple[int, ...], features: int) -> str:
    """Return the most likely fix for an x of this shape."""
    if len(shape) == len("BT") and features == 1:
        return "Try x[..., None]."
    if len(shape) == len("TD") and shape[1] == features:
        return "Try x[None] for one sequence."
    return "Did you swap axes?" if len(shape) == len("BTD") and features in shape else ""
