"""The cells of a block of plain CSV by column: split by pyarrow, or by numpy and Python."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqrt.data.readers.csv_lines import NotPlain
from seqrt.encoding.cells import FIRST_INEXACT
from seqrt.encoding.text.texts import Texts

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Places = NDArray[np.int32] | NDArray[np.int64]

_PROBED = 8
_QUOTED = r'(?:(?<=[{0}\n])|\A)"[^"\n]*(?:""[^"\n]*)*"(?=[{0}\n])'


class BlockColumn(Protocol):
    """The cells of one column in one block."""

    def __len__(self) -> int:
        """Return the number of cells."""

    def numbers(self) -> Numbers | Integers | None:
        """Return the cells as numbers, NaN where one is empty; None unless all are plain.

        They are int64 if float64 would round some of them.
        """

    def texts(self) -> Texts:
        """Return the cells as texts."""


def check_quotes(block: bytes, delimiter: str) -> None:
    """Raise NotPlain unless quotes are around whole cells, in one line, and doubled inside."""
    if b'"' in re.sub(_QUOTED.format(delimiter).encode(), b"", block):
        raise NotPlain


def split_by_arrow(block: bytes, columns: int, delimiter: str) -> list[BlockColumn]:
    """Split a block of whole lines. Raises NotPlain where a line has another number of cells."""
    import pyarrow
    from pyarrow import csv

    if b'"' in block:
        check_quotes(block, delimiter)
    names = [str(place) for place in range(columns)]
    try:
        table = csv.read_csv(
            pyarrow.BufferReader(block),
            csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=columns > 1),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pyarrow.string()),
                check_utf8=False,  # all text is valid here
            ),
        )
    except pyarrow.ArrowInvalid:
        raise NotPlain from None
    if table.num_rows != np.count_nonzero(
        np.frombuffer(block, np.uint8) == ord("\n")
    ):  # an empty line, which must be an error
        raise NotPlain
    return [_ArrowColumn(column.combine_chunks()) for column in table.columns]


def split_by_numpy(block: bytes, columns: int, delimiter: str) -> list[BlockColumn]:
    """Split a block as `split_by_arrow` does; one with quotes is not plain here."""
    if b'"' in block:
        raise NotPlain
    mark = delimiter.encode()
    codes = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero((codes == ord("\n")) | (codes == mark[0]))
    if len(ends) % columns or block.count(b"\n") * columns != len(ends):
        raise NotPlain
    if (codes[ends[columns - 1 :: columns]] != ord("\n")).any():
        raise NotPlain
    starts = np.zeros(len(ends), np.int64)
    starts[1:] = ends[:-1] + 1
    cells = block.replace(b"\n", mark).split(mark)
    return [
        _BytesColumn(codes, starts[place::columns], ends[place::columns], cells[place:-1:columns])
        for place in range(columns)
    ]


class _ArrowColumn:
    def __init__(self, cells: Any) -> None:
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells)

    def numbers(self) -> Numbers | Integers | None:
        import pyarrow
        from pyarrow import compute

        starts, ends, codes = self._places()
        try:
            cells, empty = self._cells, 0
            if len(starts) and (starts == ends).any():
                cells = compute.if_else(compute.equal(cells, ""), None, cells)
                empty = cells.null_count
            cells[:_PROBED].cast(pyarrow.float64())  # in words, a cast takes long to fail
            values: Numbers = cells.cast(pyarrow.float64()).to_numpy(zero_copy_only=False)
            if not _all_finite(values, len(values) - empty):
                return None
            if not _plainly_written(codes, starts, ends):
                return None
            if _exact(values):
                return values
            whole: Integers = cells.cast(pyarrow.int64()).to_numpy()
        except (pyarrow.ArrowInvalid, ValueError):  # ValueError: an empty cell has no int64
            return None
        return whole

    def texts(self) -> Texts:
        starts, ends, codes = self._places()
        edges = np.append(starts, ends[-1:]).astype(np.int64)
        return Texts(codes[edges[0] : edges[-1]].copy(), edges - edges[0])

    def _places(self) -> tuple[Places, Places, Bytes]:
        """Return the first byte and the end of each cell, and all bytes."""
        _, offsets, data = self._cells.buffers()
        edges = np.frombuffer(offsets, np.int32, len(self._cells) + 1, 4 * self._cells.offset)
        codes = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        return edges[:-1], edges[1:], codes


class _BytesColumn:
    def __init__(self, codes: Bytes, starts: Integers, ends: Integers, cells: list[bytes]) -> None:
        self._codes = codes
        self._starts = starts
        self._ends = ends
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells)

    def numbers(self) -> Numbers | Integers | None:
        try:
            values = self._values
            if not _all_finite(values, np.count_nonzero(self._ends > self._starts)):
                return None
            if not _plainly_written(self._codes, self._starts, self._ends):
                return None
            if b"_" in b"".join(self._cells):  # Python reads 1_000 as a thousand
                return None
            if _exact(values):
                return values
            return np.array(list(map(int, self._cells)), np.int64)
        except (ValueError, OverflowError):
            return None

    @cached_property
    def _values(self) -> Numbers:
        if (self._ends > self._starts).all():
            return np.array(list(map(float, self._cells)))
        return np.array([float(cell) if cell else np.nan for cell in self._cells])

    def texts(self) -> Texts:
        return Texts.of_lengths(b"".join(self._cells), self._ends - self._starts)


def _all_finite(values: Numbers, present: int | np.integer[Any]) -> bool:
    """Whether the values of all cells that are not empty are finite."""
    return int(np.isfinite(values).sum()) == present


def _exact(values: Numbers) -> bool:
    """Whether float64 rounds no whole number among the values."""
    return not (np.abs(values) >= FIRST_INEXACT).any()


def _plainly_written(codes: Bytes, starts: Places, ends: Places) -> bool:
    """Whether no number begins with a plus or a space, or with a zero before another digit."""
    if (starts == ends).any():
        present = ends > starts
        starts, ends = starts[present], ends[present]
    first = codes[starts]
    if first.min(initial=ord("-")) < ord("-") or codes[ends - 1].min(initial=ord("0")) <= ord(" "):
        return False
    negative = np.flatnonzero(first == ord("-"))
    if len(negative):
        starts = starts.copy()
        starts[negative] += 1
        first = codes[starts]
    zeros = np.flatnonzero(first == ord("0"))
    zeros = zeros[ends[zeros] > starts[zeros] + 1]
    return not (codes[starts[zeros] + 1] - np.uint8(ord("0")) <= 9).any()
