"""Sequences of any lengths as row ranges of one array, which all of them share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from seqrt.data.limits import DEFAULT_LIMITS, ReadLimits
from seqrt.data.windows import count_windows
from seqrt.numbers import check_finite, nonfinite_mask

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ragged(Sequence[Floats]):
    """B sequences (T_i, D): rows `starts` to `starts + lengths` (B,) of the array `values`.

    `values` (N, D) holds float32, or int32 ids of tokens; it is C-contiguous and may be mapped from
    a file. Sequences may overlap, as windows do, and rows may lie between them, as padding does.
    One index gives a view of one sequence; a slice or an array of indices gives a Ragged over the
    same `values`. `nan` says whether a sequence may contain NaN; it is None until `checked` has
    looked.
    """

    values: Floats
    starts: Numbers
    lengths: Numbers
    nan: bool | None = None

    @classmethod
    def of(cls, rows: Sequence[Floats]) -> Ragged:
        """Take arrays (T_i, D), at least one; they are copied unless they share one block."""
        if isinstance(rows, Ragged):
            return rows
        lengths = np.array([len(row) for row in rows], np.int64)
        return _within_one_block(rows, lengths) or cls.of_flat(np.concatenate(rows), lengths)

    @classmethod
    def of_flat(cls, values: Floats, lengths: Numbers) -> Ragged:
        """Cut values (sum of lengths, D) into consecutive sequences."""
        return cls(np.ascontiguousarray(values), lengths.cumsum() - lengths, lengths)

    @classmethod
    def of_batch(cls, x: Floats, lengths: Numbers | None = None) -> Ragged:
        """Take x (B, T, D), padded after `lengths` where they are given.

        A view whose rows lie one after the other in memory is not copied: a batch, some of its
        items, or the windows of a series.
        """
        batch, steps, features = x.shape
        if lengths is None:
            lengths = np.full(batch, steps)
        if x.flags.c_contiguous or not x.size:
            return cls(x.reshape(batch * steps, features), np.arange(batch) * steps, lengths)
        row = features * x.itemsize
        # the stride of an axis of size 1 is arbitrary
        to_next, to_step, to_feature = (
            stride if size > 1 else usual
            for size, stride, usual in zip(x.shape, x.strides, (0, row, x.itemsize), strict=True)
        )
        plain = to_step == row and to_feature == x.itemsize and to_next >= 0
        if not plain or to_next % row:
            return cls.of([item[:length] for item, length in zip(x, lengths, strict=True)])
        starts = np.arange(batch) * (to_next // row)
        shape = (int(starts[-1]) + steps, features)
        values = np.lib.stride_tricks.as_strided(x, shape, (row, x.itemsize), writeable=False)
        return cls(values, starts, lengths)

    @classmethod
    def of_windows(cls, values: Floats, window: int, rows: range | None = None) -> Ragged:
        """Return every window of values (T, D), or of some consecutive `rows` of them."""
        rows = range(len(values)) if rows is None else rows
        starts = rows.start + np.arange(count_windows(len(rows), window))
        return cls(np.ascontiguousarray(values), starts, np.full(len(starts), window))

    @classmethod
    def joined(cls, parts: Sequence[Ragged]) -> Ragged:
        """Return the sequences of several parts; they are copied unless all share `values`."""
        values = parts[0].values
        if any(part.values is not values for part in parts):
            return cls.of([row for part in parts for row in part])
        starts = np.concatenate([part.starts for part in parts])
        lengths = np.concatenate([part.lengths for part in parts])
        unknown = any(part.nan is None for part in parts)
        return cls(values, starts, lengths, None if unknown else any(part.nan for part in parts))

    def __len__(self) -> int:
        """The number of sequences, B."""
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> Floats: ...

    @overload
    def __getitem__(self, place: slice | NDArray[np.intp]) -> Ragged: ...

    def __getitem__(self, place: int | slice | NDArray[np.intp]) -> Floats | Ragged:
        """Return one sequence, or several."""
        if isinstance(place, (slice, np.ndarray)):
            return replace(self, starts=self.starts[place], lengths=self.lengths[place])
        start = self.starts[place]
        return self.values[start : start + self.lengths[place]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return sequences of one length as an array (B, T, D)."""
        if not self._of_one_length():
            raise ValueError("sequences of different lengths cannot form one array: use list(x).")
        batch = self._as_view()
        if batch is None and copy is False:
            raise ValueError("these sequences cannot form one array without a copy.")
        if batch is None:
            batch = self.values[self.starts[:, None] + np.arange(self.longest)]
        return np.array(batch, dtype, copy=copy)

    @property
    def longest(self) -> int:
        """The length of the longest sequence; 0 if there are no sequences."""
        return int(self.lengths.max(initial=0))

    def arrays(self) -> Floats | list[Floats]:
        """Return views, as `Model.predict` takes them: (B, T, D) where possible, else a list."""
        batch = self._as_view() if self._of_one_length() else None
        return list(self) if batch is None else batch

    def checked(self, *, missing: bool, limits: ReadLimits = DEFAULT_LIMITS) -> Ragged:
        """Return the same sequences, known to be finite or, with `missing`, finite or NaN.

        Raises InputError (E_INPUT_NONFINITE) for the first value that is not. Rows between
        sequences, such as padding, may contain anything.
        """
        if self.nan is False or (self.nan and missing):
            return self
        pieces = _cut(self.values, limits.numbers)
        if any(nonfinite_mask(piece, missing=missing).any() for piece in pieces):
            check_finite("x", self, missing=missing)
        return replace(self, nan=missing)

    def pieces(self, limits: ReadLimits = DEFAULT_LIMITS) -> Iterator[Floats]:
        """Yield the steps of all sequences in order, a bounded number at a time: (n, D)."""
        rows: list[Floats] = []
        steps = 0
        for sequence in self:
            for piece in _cut(sequence, limits.numbers):
                rows.append(piece)
                steps += len(piece)
                if piece.shape[1] * steps >= limits.numbers:
                    yield np.concatenate(rows)
                    rows, steps = [], 0
        if rows:
            yield np.concatenate(rows)

    def _of_one_length(self) -> bool:
        return bool((self.lengths == self.longest).all())

    def _as_view(self) -> Floats | None:
        """Return sequences of one length as a view (B, T, D); None where that takes a copy."""
        steps, features = self.longest, self.values.shape[1]
        apart = np.diff(self.starts)
        if not len(self) or (apart != apart[:1]).any() or (apart < 0).any():
            return None
        row = features * self.values.itemsize
        shape, strides = (len(self), steps, features), (row * int(apart[:1].sum()), row)
        return np.lib.stride_tricks.as_strided(
            self[0], shape, (*strides, self.values.itemsize), writeable=False
        )


def _cut(values: Floats, numbers: int) -> Iterator[Floats]:
    steps = max(1, numbers // max(1, values.shape[1]))
    return (values[at : at + steps] for at in range(0, len(values), steps))


def _within_one_block(rows: Sequence[Floats], lengths: Numbers) -> Ragged | None:
    """Return arrays that are views of one block of memory without copying them, or None."""
    base, features = rows[0].base, rows[0].shape[1]
    if not isinstance(base, np.ndarray) or not base.flags.c_contiguous or not features:
        return None
    if not all(row.base is base and row.flags.c_contiguous for row in rows):
        return None
    places = np.array([row.ctypes.data for row in rows])
    first, width = int(places.min()), features * rows[0].itemsize
    starts, rest = np.divmod(places - first, width)
    if rest.any():
        return None
    shape = (int((starts + lengths).max()), features)
    values = np.ndarray(shape, rows[0].dtype, buffer=base, offset=first - base.ctypes.data)
    return Ragged(values, starts, lengths)
