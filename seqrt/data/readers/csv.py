"""A table from a text file, with cells separated by commas, semicolons or tabs.

The first row holds the column names unless one of its cells is a number or a date. There are no
comments. Empty lines are dropped at the end of the file; elsewhere they may be gaps in a series.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TextIO

import numpy as np

from seqrt.data.readers.csv_lines import delimiter_of, names_in
from seqrt.data.readers.plain_csv import read_plain_csv
from seqrt.data.readers.source import opened
from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn
from seqrt.encoding.time_column import find_time
from seqrt.errors import InputError

_LONGEST_LINE = 1 << 20


def read_csv(path: str | Path) -> Table:
    """Return the table in the text file at `path`.

    Raises InputError, which names the line: E_INPUT_ENCODING, E_INPUT_FORMAT, E_INPUT_RAGGED,
    E_INPUT_HEADER, and E_INPUT_EMPTY for a file without rows.
    """
    with opened(path) as file:
        plain = read_plain_csv(file)
    if plain is None:
        return read_any_csv(path)
    return Table(str(path), plain.columns, plain.lines, find_time(plain.columns))


def read_any_csv(path: str | Path) -> Table:
    """Read any file as `read_csv` does: slower, but each error names its line."""
    rows, lines = _read_rows(path)
    names, named, _ = names_in(rows[0], "")
    _check_names(names, path, lines[0])
    texts = list(zip(*rows[named:], strict=True)) or [()] * len(names)
    columns = TableColumn.of_texts(dict(zip(names, texts, strict=True)))
    return Table(str(path), columns, np.array(lines[named:], np.int64), find_time(columns))


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
