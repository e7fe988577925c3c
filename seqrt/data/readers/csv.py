"""A table from a text file, with cells separated by commas, semicolons or tabs.

In a .tsv file they are tabs, and quotes are part of the text unless they are around a whole cell.
The first row holds the column names unless one of its cells is a number or a date. There are no
comments. Empty lines are dropped at the end of the file; elsewhere they may be gaps in a series.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np

from seqrt.data.readers.csv_lines import SEPARATOR_LINE, delimiter_of, names_in
from seqrt.data.readers.plain_csv import read_plain_csv
from seqrt.data.readers.source import not_utf8, opened
from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn
from seqrt.encoding.text.texts import Texts
from seqrt.encoding.time_column import find_time
from seqrt.errors import InputError
from seqrt.wording import counted

_LONGEST_LINE = 1 << 20
_LONGEST_CELL = 1 << 24
_TOGETHER = 1 << 12
_QUOTED_CELL = re.compile(r'"(?:[^"]|"")*"')


def read_csv(path: str | Path) -> Table:
    """Return the table in the text file at `path`.

    Raises InputError, which names the line: E_INPUT_ENCODING, E_INPUT_FORMAT, E_INPUT_RAGGED,
    E_INPUT_HEADER, and E_INPUT_EMPTY for a file without rows.
    """
    with opened(path) as file:
        plain = read_plain_csv(file, delimiter="\t" if _is_tsv(path) else None)
    if plain is None:
        return read_any_csv(path)
    return Table(str(path), plain.columns, plain.lines, find_time(plain.columns))


def read_any_csv(path: str | Path) -> Table:
    """Read any file as `read_csv` does: slower, but each error names its line."""
    rows = _read_rows(path)
    names, named, _ = names_in(rows.first, "")
    _check_names(names, path, rows.lines[0])
    texts = dict(zip(names, (column[named:] for column in rows.columns()), strict=True))
    columns = TableColumn.of_texts(texts)
    return Table(str(path), columns, np.array(rows.lines[named:], np.int64), find_time(columns))


class _Rows:
    """The rows of a file by column, in blocks of little memory, and the line of each row.

    An empty row is nothing at the start or end, a missing value in a single column, and an error
    elsewhere.
    """

    def __init__(self, path: str | Path) -> None:
        self.first: list[str] = []
        self.lines = array("q")
        self.fault: InputError | None = None
        self._path = path
        self._block: list[list[str]] = []
        self._parts: list[list[Texts]] = []
        self._empty: list[int] = []

    def add(self, row: list[str], line: int) -> None:
        """Take the next row, which begins at a line."""
        if not row:
            if self.first:
                self._empty.append(line)
            return
        for empty in self._empty:
            self._add([""] if len(self.first) == 1 else [], empty)
        self._empty.clear()
        self._add(row, line)

    def _add(self, row: list[str], line: int) -> None:
        self.first = self.first or row
        if len(row) != len(self.first):
            self.fault = self.fault or _ragged(self._path, line, len(self.first), len(row))
            return
        self.lines.append(line)
        self._block.append(row)
        if len(self._block) == _TOGETHER:
            self._close_block()

    def columns(self) -> list[Texts]:
        """Return the cells of each column."""
        self._close_block()
        return [Texts.joined(parts) for parts in zip(*self._parts, strict=True)]

    def _close_block(self) -> None:
        if self._block:
            self._parts.append([Texts.of(cells) for cells in zip(*self._block, strict=True)])
            self._block = []


def _read_rows(path: str | Path) -> _Rows:
    line = 0
    rows = _Rows(path)
    with (
        _long_cells(),
        opened(path) as file,
        io.TextIOWrapper(file, "utf-8-sig", newline="") as text,
    ):
        try:
            if _is_tsv(path) and _add_lines(text, rows):
                return _checked(rows, path)
            delimiter, said = ("\t", False) if _is_tsv(path) else _delimiter(text)
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            for row in reader:
                if not (said and row):
                    rows.add(row, line + 1)
                said = said and not row
                line = reader.line_num
        except UnicodeDecodeError:
            raise not_utf8(path, _undecodable_line(path)) from None
        except csv.Error as error:
            raise InputError(
                f"E_INPUT_FORMAT: {path}, line {line + 1}: the line must be CSV ({error})."
                " Is a quote left open? A quote inside quotes is doubled."
            ) from None
    return _checked(rows, path)


def _checked(rows: _Rows, path: str | Path) -> _Rows:
    if not rows.first:
        raise InputError(f"E_INPUT_EMPTY: {path} must contain a table, but is empty.")
    if rows.fault is not None:
        raise rows.fault
    return rows


def _is_tsv(path: str | Path) -> bool:
    return Path(path).suffix.lower() == ".tsv"


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let cells hold long texts, which the csv module refuses by default."""
    usual = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


def _add_lines(text: TextIO, rows: _Rows) -> bool:
    """Add each line as a row if all have as many tabs, so that no cell holds a line break.

    Otherwise return False, and rewind to the start.
    """
    tabs = [line.count("\t") for line in text if line.strip("\r\n")]
    text.seek(0)
    if len(set(tabs)) > 1:
        return False
    for number, line in enumerate(text, 1):
        cells = line.rstrip("\r\n").split("\t")
        rows.add([_unquoted(cell) for cell in cells] if cells != [""] else [], number)
    return True


def _unquoted(cell: str) -> str:
    if cell.startswith('"') and _QUOTED_CELL.fullmatch(cell):
        return cell[1:-1].replace('""', '"')
    return cell


def _undecodable_line(path: str | Path) -> int:
    with opened(path) as file:
        numbered = enumerate(file, 1)
        return next(i for i, line in numbered if line.decode(errors="ignore").encode() != line)


def _delimiter(text: TextIO) -> tuple[str, bool]:
    """Return the separator in the first line that is not empty, and whether it is all it says.

    Excel writes such a line: sep=; Rewinds to the start.
    """
    lines = iter(lambda: text.readline(_LONGEST_LINE), "")
    first = next((line for line in lines if line.strip()), "")
    text.seek(0)
    said = SEPARATOR_LINE.fullmatch(first.rstrip("\r\n"))
    return (said[1], True) if said else (delimiter_of(first), False)


def _ragged(path: str | Path, line: int, width: int, cells: int) -> InputError:
    must = f"every row must have {counted(width, 'cell')}, like the first one"
    if not cells:
        fault = "but this line is empty. Delete it, and a title or comments above the column names."
    elif width == 1:
        fault = f"got {cells}. Delete lines above the column names, such as a title or comments."
    else:
        fault = (
            f"got {cells}. Quote cells that contain a separator, and write numbers with a decimal"
            " point; delete a title, comments or totals."
        )
    return InputError(f"E_INPUT_RAGGED: {path}, line {line}: {must}, {fault}")


def _check_names(names: list[str], path: str | Path, line: int) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"E_INPUT_HEADER: {path}, line {line}: column names must be unique, but"
            f" {twice!r:.60} occurs twice. Rename one."
        )
