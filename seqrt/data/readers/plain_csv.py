"""The columns of a plain .csv file, read quickly: by pyarrow where it is installed, or by numpy.

Numbers become float64 block by block, and their text is not kept. A column in which a cell is not a
plain number is kept as text; where that shows late, the file is read again.
"""

from __future__ import annotations

import csv
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import BufferedReader
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.data.readers.csv_blocks import BlockColumn, split_by_arrow, split_by_numpy
from seqrt.data.readers.csv_lines import BLOCK, FirstRow, NotPlain, first_row, plain_blocks
from seqrt.encoding.column import TableColumn
from seqrt.encoding.text.texts import NumberTexts, Texts

Plain = NDArray[np.float64] | NDArray[np.int64]
Split = Callable[[bytes, int, str], list[BlockColumn]]

_LARGE = 1 << 20  # bytes from which on importing pyarrow pays
_MOST_READINGS = 3
_MOST_THREADS = 4


class PlainCsv(NamedTuple):
    """The columns of a file by name, and the line of each row."""

    columns: dict[str, TableColumn]
    lines: range


class _NeedsText(Exception):
    """The text of column `args[0]`, or of all if that is None, was not kept but is needed."""


def read_plain_csv(
    file: BufferedReader, split: Split | None = None, delimiter: str | None = None
) -> PlainCsv | None:
    """Return the columns of an open file, or None if it must be read carefully.

    `split` splits the blocks: by default pyarrow, for large files and where it is installed.
    `delimiter` separates the cells; by default it is found in the first line.
    """
    split = split or _best_split(os.fstat(file.fileno()).st_size)
    kept: set[int] | None = set()
    for _ in range(_MOST_READINGS):
        file.seek(0)
        try:
            return _read(file, split, kept, delimiter)
        except NotPlain:
            return None
        except _NeedsText as need:
            place = need.args[0]
            # a second column is a sign of more
            kept = {place} if kept == set() and place is not None else None
    return None


def _best_split(size: int) -> Split:
    if size >= _LARGE:
        try:
            from pyarrow import csv as _  # noqa: F401 - only its presence matters
        except ImportError:
            return split_by_numpy
        return split_by_arrow
    return split_by_numpy


def _read(
    file: BufferedReader, split: Split, kept: set[int] | None, delimiter: str | None
) -> PlainCsv:
    """Read a file once; the columns `kept` as text, all of them if that is None."""
    blocks = plain_blocks(file)
    first, blocks = _first_row(blocks, delimiter)
    rows = 0
    names = first.names
    parts = [_Parts(place, kept is None or place in kept) for place in range(len(names))]
    size = os.fstat(file.fileno()).st_size
    for columns in _split(blocks, split, first, kept):
        for part, (column, numbers) in zip(parts, columns, strict=True):
            part.add(column, numbers, 1.05 * size / BLOCK)
        rows += len(columns[0][0])
    return PlainCsv(_columns(names, parts), range(1 + first.named, 1 + first.named + rows))


def _split(
    blocks: Iterator[bytes], split: Split, first: FirstRow, kept: set[int] | None
) -> Iterator[list[tuple[BlockColumn, Plain | None]]]:
    """Yield the columns of each block, with the numbers of those that are plain and not `kept`.

    pyarrow works on a few blocks at once.
    """

    def columns_of(block: bytes) -> list[tuple[BlockColumn, Plain | None]]:
        columns = split(block, len(first.names), first.delimiter)
        return [
            (column, None if kept is None or place in kept else column.numbers())
            for place, column in enumerate(columns)
        ]

    if split is not split_by_arrow:
        yield from map(columns_of, blocks)
        return
    allowed = (
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    threads = min(_MOST_THREADS, len(allowed))
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[list[tuple[BlockColumn, Plain | None]]]] = deque()
        for block in blocks:
            waiting.append(pool.submit(columns_of, block))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _first_row(blocks: Iterator[bytes], delimiter: str | None) -> tuple[FirstRow, Iterator[bytes]]:
    """Return the first row, and the blocks after the names of the columns."""
    block = next(blocks, b"")
    line, _, rest = block.partition(b"\n")
    if not line:
        raise NotPlain
    try:
        first = first_row(line.decode(), delimiter)
    except csv.Error:
        raise NotPlain from None
    if len(set(first.names)) < len(first.names):
        raise NotPlain
    if not first.named:
        rest = block
    return first, chain([rest] if rest else [], blocks)


class _Parts:
    """The cells of one column of all blocks so far: numbers as long as all are plain, or texts."""

    def __init__(self, place: int, as_text: bool) -> None:
        self._place = place
        self._as_text = as_text
        self._rows = 0
        self._values = np.empty(0)
        self._whole: list[tuple[int, NDArray[np.int64]]] = []
        self._texts: list[Texts] = []

    def add(self, column: BlockColumn, numbers: Plain | None, expected: float) -> None:
        """Take the cells of the next block; `expected` is how often its rows follow, or more."""
        if numbers is None and self._rows and not self._as_text:
            raise _NeedsText(self._place)
        if numbers is None or self._as_text:
            self._as_text = True
            self._texts.append(column.texts())
        else:
            end = self._rows + len(numbers)
            if end > len(self._values):
                grown = np.empty(end + int(expected * len(numbers)))
                grown[: self._rows] = self._values[: self._rows]
                self._values = grown
            self._values[self._rows : end] = numbers
            if numbers.dtype.kind == "i":
                self._whole.append((self._rows, numbers.astype(np.int64)))
        self._rows += len(column)

    def column(self) -> TableColumn | Texts:
        """Return the column if it is of plain numbers, else its texts."""
        if self._as_text or not self._rows:
            return Texts.joined(self._texts)
        values = self._values[: self._rows]
        if np.isnan(values).all():
            return TableColumn(values, NumberTexts(values), "text")
        exact = None
        if self._whole:
            if not (np.isnan(values) | (values == np.rint(values))).all():
                raise _NeedsText(self._place)
            exact = np.zeros(self._rows, np.int64)
            for start, part in self._parts_of(values):
                exact[start : start + len(part)] = part
        return TableColumn(values, NumberTexts(values, exact), exact=exact)

    def _parts_of(self, values: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield the first row and the whole numbers of each part of the column."""
        end = 0
        for start, part in self._whole:
            if start > end:
                yield end, np.nan_to_num(values[end:start]).astype(np.int64)
            yield start, part
            end = start + len(part)
        if end < len(values):
            yield end, np.nan_to_num(values[end:]).astype(np.int64)


def _columns(names: Sequence[str], parts: Sequence[_Parts]) -> dict[str, TableColumn]:
    found = dict(zip(names, (part.column() for part in parts), strict=True))
    numbers = {name: each for name, each in found.items() if isinstance(each, TableColumn)}
    texts = {name: each for name, each in found.items() if isinstance(each, Texts)}
    read = TableColumn.of_texts(texts)
    if numbers and any(map(_depends_on_others, read.values())):
        raise _NeedsText(None)
    return {name: numbers[name] if name in numbers else read[name] for name in names}


def _depends_on_others(column: TableColumn) -> bool:
    """Whether other columns may show how the numbers are written, or this one how theirs are."""
    return column.kind == "number" and (column.fault is not None or column.style != "")
