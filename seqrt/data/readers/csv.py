"""A table from a text file, with cells separated by commas, semicolons or tabs.

The first row holds the column names unless one of its cells is a number or a date. There are no
comments. Empty lines are dropped at the end of the file; elsewhere they may be gaps in a series.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TextIO

import numpy as np

from seqrt.data.readers.source import opened
from seqrt.data.table import Table
from seqrt.encoding.cells import parse_number
from seqrt.encoding.column import TableColumn
from seqrt.encoding.dates import is_date
from seqrt.encoding.number_style import Forms
from seqrt.encoding.time_column import find_time
from seqrt.errors import InputError

_LONGEST_LINE = 1 << 20
_QUOTED = re.compile(r'"[^"]*"')


def read_csv(path: str | Path) -> Table:
    """Return the table in the text file at `path`.

    Raises InputError, which names the line: E_INPUT_ENCODING, E_INPUT_FORMAT, E_INPUT_RAGGED,
    E_INPUT_HEADER, and E_INPUT_EMPTY for a file without rows.
    """
    rows, lines = _read_rows(path)
    named = not any(_is_value(cell) for cell in rows[0])
    names = [cell.strip() if named else "" for cell in rows[0]]
    names = [name or f"x{i}" for i, name in enumerate(names)]
    _check_names(names, path, lines[0])
    texts = list(zip(*rows[named:], strict=True)) or [()] * len(names)
    columns = TableColumn.of_texts(dict(zip(names, texts, strict=True)))
    return Table(str(path), columns, lines[named:], find_time(columns))


def delimiter_of(line: str) -> str:
    """Return the separator of the cells in a line: a tab, a semicolon or a comma.

    In a line with a semicolon or a tab, a comma may be a decimal comma.
    """
    bare = _QUOTED.sub("", line)
    return next((mark for mark in "\t;" if mark in bare), ",")


def _read_rows(path: str | Path) -> tuple[list[list[str]], list[int]]:
    """Return the rows, all of one width, and the line number at which each begins."""
    line = 0
    rows: list[list[str]] = []
    lines: list[int] = []
    with opened(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        try:
            reader = csv.reader(text, delimiter=_delimiter(text), strict=True)
            for row in reader:
                rows.append(row)
                lines.append(line + 1)
                line = reader.line_num
        except UnicodeDecodeError:
            raise InputError(
                f"E_INPUT_ENCODING: {path} must be UTF-8 text, but line"
                f" {_undecodable_line(path)} is not. Save the file as UTF-8."
            ) from None
        except csv.Error as error:
            raise InputError(
                f"E_INPUT_FORMAT: {path}, line {line + 1}: the line must be CSV ({error})."
                " Is a quote left open?"
            ) from None
    return _trimmed(rows, lines, path)


def _undecodable_line(path: str | Path) -> int:
    with opened(path) as file:
        numbered = enumerate(file, 1)
        return next(i for i, line in numbered if line.decode(errors="ignore").encode() != line)


def _delimiter(text: TextIO) -> str:
    """Return the separator of the first line, and rewind to its start."""
    first = text.readline(_LONGEST_LINE)
    text.seek(0)
    return delimiter_of(first)


def _trimmed(
    rows: list[list[str]], lines: list[int], path: str | Path
) -> tuple[list[list[str]], list[int]]:
    """Drop empty rows at the end; raise InputError unless the others have one width."""
    while rows and not rows[-1]:
        rows.pop()
        lines.pop()
    if not rows:
        raise InputError(f"E_INPUT_EMPTY: {path} must contain a table, but is empty.")
    width = len(rows[0])
    for i, row in enumerate(rows):
        if width == 1 and not row:
            rows[i] = [""]
        elif len(row) != width:
            raise InputError(
                f"E_INPUT_RAGGED: {path}, line {lines[i]}: every row must have {width} cells, like"
                f" the first one, got {len(row)}. Quote cells that contain a separator, and"
                " write numbers with a decimal point."
            )
    return rows, lines


def _check_names(names: list[str], path: str | Path, line: int) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"E_INPUT_HEADER: {path}, line {line}: column names must be unique, but"
            f" {twice!r:.60} occurs twice. Rename one."
        )


def _is_value(cell: str) -> bool:
    number = np.isfinite(parse_number(cell)) or Forms([cell]).numbers
    return bool(number) or is_date(cell)
