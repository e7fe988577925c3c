"""Sequences of any lengths as stretches of one array, which is not copied and may be a file's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

# How many numbers are looked at together: some 16 MB.
_NUMBERS = 1 << 22


@dataclass(frozen=True, eq=False)
class Ragged(Sequence[Floats]):
    """B sequences (T_i, D): steps `starts` to `starts + lengths` (B,) of the rows of `values`.

    values (N, D), one row after the other in memory. Sequences may overlap, as windows do, and
    leave rows between them, such as padding. An item is a view.
    """

    values: Floats
    starts: Numbers
    lengths: Numbers

    @classmethod
    def of(cls, rows: Sequence[Floats]) -> Ragged:
        """Take at least one array (T_i, D); they are copied unless they are of one block."""
        if isinstance(rows, Ragged):
            return rows
        lengths = np.array([len(row) for row in rows])
        return _stretches(rows, lengths) or cls(
            np.concatenate(rows), lengths.cumsum() - lengths, lengths
        )

    @classmethod
    def of_batch(cls, x: Floats, lengths: Numbers) -> Ragged:
        """Take x (B, T, D), padded behind `lengths`, or windows of one series."""
        batch, steps, features = x.shape
        row = features * x.itemsize
        # an axis of one has a stride that says nothing
        to_next, to_step, to_feature = (
            stride if size > 1 else usual
            for size, stride, usual in zip(x.shape, x.strides, (0, row, x.itemsize), strict=True)
        )
        plain = to_step == row and to_feature == x.itemsize and to_next >= 0
        if not (x.size and plain and to_next % row == 0):
            return cls.of([item[:length] for item, length in zip(x, lengths, strict=True)])
        starts = np.arange(batch) * (to_next // row)
        shape = (int(starts[-1]) + steps, features)
        values = np.lib.stride_tricks.as_strided(x, shape, (row, x.itemsize), writeable=False)
        return cls(values, starts, lengths)

    def __len__(self) -> int:
        """B."""
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> Floats: ...

    @overload
    def __getitem__(self, place: slice | NDArray[np.intp]) -> Ragged: ...

    def __getitem__(self, place: int | slice | NDArray[np.intp]) -> Floats | Ragged:
        """Return one sequence, or several."""
        if isinstance(place, (slice, np.ndarray)):
            return Ragged(self.values, self.starts[place], self.lengths[place])
        start = self.starts[place]
        return self.values[start : start + self.lengths[place]]

    def pieces(self) -> Iterator[Floats]:
        """Yield all steps of all sequences below each other, so many at a time as are no burden."""
        held: list[Floats] = []
        steps = 0
        for row in self:
            for piece in _cut(row):
                held.append(piece)
                steps += len(piece)
                if piece.shape[1] * steps >= _NUMBERS:
                    yield np.concatenate(held)
                    held, steps = [], 0
        if held:
            yield np.concatenate(held)

    def hold(self, fit: Callable[[Floats], bool]) -> bool:
        """Say whether all of `values` are fit, a piece at a time; what lies between counts too."""
        return all(map(fit, _cut(self.values)))


def _cut(values: Floats) -> Iterator[Floats]:
    steps = max(1, _NUMBERS // max(1, values.shape[1]))
    return (values[at : at + steps] for at in range(0, len(values), steps))


def _stretches(rows: Sequence[Floats], lengths: Numbers) -> Ragged | None:
    """Return rows that are views of one block of memory without copying them, or None."""
    base, features = rows[0].base, rows[0].shape[1]
    if not isinstance(base, np.ndarray) or not base.flags.c_contiguous or not features:
        return None
    if not all(row.base is base and row.flags.c_contiguous for row in rows):
        return None
    places = np.array([row.ctypes.data for row in rows])
    first, width = int(places.min()), features * rows[0].itemsize
    starts, beside = np.divmod(places - first, width)
    if beside.any():
        return None
    shape = (int((starts + lengths).max()), features)
    values = np.ndarray(shape, rows[0].dtype, buffer=base, offset=first - base.ctypes.data)
    return Ragged(values, starts, lengths)
