"""Chunks that are pushed to many streams: checked, and joined into one array."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqrt.errors import InputError
from seqrt.runtime.inputs.arrays import as_floats, check_shape, inside
from seqrt.runtime.inputs.layout import Layout
from seqrt.runtime.inputs.nonfinite import Nonfinite, all_fit, separate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats, Lengths, Mask, Rows


# Mapped over the arrays of every push: twice as fast as a comprehension.
_dtype, _shape = attrgetter("dtype"), attrgetter("shape")


class Chunks(NamedTuple):
    """Checked chunks, concatenated: x (sum of lengths, D), or tokens (sum of lengths,).

    `time` is the length of the chunks if they all have the same. `steps` marks those given as a
    single step (D,). `masks` has a mask of NaN and Inf for each chunk that contains any.
    """

    x: Floats
    lengths: Lengths
    time: int | None
    steps: list[bool]
    masks: list[Mask | None]

    def take(self, rows: Rows, starts: NDArray[np.int64]) -> Floats:
        """Return the chunks of some rows as one batch (N, T', D), padded with zeros."""
        lengths = self.lengths[rows]
        within = inside(lengths, int(lengths.max()))
        batch = np.zeros((*within.shape, *self.x.shape[1:]), self.x.dtype)
        ends = np.cumsum(lengths, dtype=np.int64)
        shifts = starts[rows] - ends + lengths.astype(np.int64)
        batch[within] = self.x[np.repeat(shifts, lengths) + np.arange(ends[-1])]
        return batch

    def starts(self) -> NDArray[np.int64]:
        """Return the row of x at which each chunk begins."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths


def as_chunks(
    keys: Sequence[Hashable],
    values: Sequence[Any],
    layout: Layout,
    nonfinite: Nonfinite,
    *,
    missing: bool,
) -> Chunks:
    """Return the chunk of each key as float32; raise InputError that names the key."""
    together = None if layout.tokens else _all_at_once(values, *layout.step, missing=missing)
    if together is not None:
        return together
    arrays: list[NDArray[Any]] = []
    steps: list[bool] = []
    masks: list[Mask | None] = []
    for key, value in zip(keys, values, strict=True):
        name = f"x[{key!r:.60}]"
        array = layout.read_all(value, name)
        steps.append(array.ndim == len(layout.step))
        if steps[-1]:
            check_shape(name, array, layout.step, "One step, or a chunk (time, features).")
        else:
            array = layout.sequence(array)
            check_shape(name, array, layout.axes)
        array = array.reshape(-1, *layout.step)
        array, bad = separate(name, array, nonfinite, missing=missing)
        arrays.append(array)
        masks.append(bad)
    lengths = np.array([len(array) for array in arrays], np.int32)
    time = int(lengths[0]) if (lengths == lengths[0]).all() else None
    return Chunks(np.concatenate(arrays), lengths, time, steps, masks)


def _all_at_once(values: Sequence[Any], features: int, *, missing: bool) -> Chunks | None:
    """Return plain arrays of the right shapes as chunks, or None where each has to be checked.

    Checking each array takes longer than running it, and rarely finds anything.
    """
    if set(map(type, values)) != {np.ndarray}:
        return None
    shapes = set(map(_shape, values))
    if not all(len(shape) in (1, 2) and shape[-1] == features for shape in shapes):
        return None
    x = _joined(values, features, mixed=len({len(shape) for shape in shapes}) > 1)
    if x is None or not all_fit(x, missing=missing):
        return None
    count = len(values)
    no_masks: list[Mask | None] = [None] * count
    if len(shapes) == 1:
        time = len(x) // count
        single = values[0].ndim == 1
        return Chunks(x, np.full(count, time, np.int32), time, [single] * count, no_masks)
    steps = [value.ndim == 1 for value in values]
    lengths = [1 if step else len(value) for step, value in zip(steps, values, strict=True)]
    return Chunks(x, np.array(lengths, np.int32), None, steps, no_masks)


def _joined(values: Sequence[Any], features: int, *, mixed: bool) -> Floats | None:
    """Return a concatenated copy of the arrays, or None where one may not fit float32.

    Where numpy's common dtype of several is float32, float32 holds the values of all exactly.
    """
    try:
        joined = np.concatenate([np.atleast_2d(v) for v in values] if mixed else values)
        if joined.dtype != np.float32 and len(set(map(_dtype, values))) > 1:
            return None
        return as_floats(joined, "x").reshape(-1, features)
    except (InputError, TypeError):
        return None
