"""The times and the series of the rows of a table, or the error that names the first bad cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqrt.data.table import Table
from seqrt.encoding.cells import is_missing
from seqrt.encoding.column import TableColumn
from seqrt.encoding.time_column import read_column
from seqrt.encoding.times import DateOrder, Reading, Times, read_numbers
from seqrt.errors import InputError
from seqrt.wording import numbers_first

Rows = NDArray[np.int64]
Key = tuple[str, ...]


def times_of(table: Table, name: str, dates: DateOrder | None = None) -> tuple[Times, str]:
    """Return the times in the column `name`, and a note if it was not certain how to read them.

    Raises InputError with the place of the first cell that is missing or no time (E_INPUT_TIME),
    or where nothing says whether a day or a month comes first (E_INPUT_DATE).
    """
    column = table.column(name)
    reading = read_column(column, dates)
    if reading is None:
        return _numbers(table, name, column), ""
    missing, bad = np.flatnonzero(reading.missing), np.flatnonzero(reading.bad)
    if len(bad) and not (len(missing) and missing[0] < bad[0]):
        raise _bad_cell(table, name, int(bad[0]), reading)
    if len(missing):
        raise _missing_cell(table, name, int(missing[0]), len(missing))
    if reading.ambiguous:
        raise _ambiguous(table, name, column, reading)
    note = ""
    if reading.assumed:
        first = "day" if reading.times.written == "dmy" else "month"
        note = f"dates in {name!r} are read {first} first, since only so their steps are equal"
    return reading.times, note


def _numbers(table: Table, name: str, column: TableColumn) -> Times:
    bad = np.flatnonzero(~np.isfinite(column.values))
    if not len(bad):
        return read_numbers(column.values)
    row = int(bad[0])
    if is_missing(column.text(row)):
        raise _missing_cell(table, name, row, len(bad))
    raise InputError(
        f"E_INPUT_TIME: {table.cell_place(name, row)}: a time must be a date such as 2024-03-29 or"
        f" 29.03.2024, or a number, got {column.text(row).strip()!r:.60}. Name another column with"
        " --time, or use --time none to take the rows in the order of the file."
    )


def _bad_cell(table: Table, name: str, row: int, reading: Reading) -> InputError:
    text = table.columns[name].text(row).strip()
    why = "a date that does not exist" if reading.formed[row] else "no date"
    order = ""
    if reading.formed[row] and reading.times.written in ("dmy", "mdy"):
        first = "day" if reading.times.written == "dmy" else "month"
        order = f", and its dates are written {first} first"
    fix = "Correct the cell, name another column with --time, or use --time none."
    if table.place == "line" and table.lines[row] == 1:
        fix = "Line 1 was read as data, since it contains a number: name the columns in words."
    return InputError(
        f"E_INPUT_TIME: {table.cell_place(name, row)}: every cell of the time column must be a"
        f" date{order}, but {text!r:.60} is {why}. {fix}"
    )


def _missing_cell(table: Table, name: str, row: int, count: int) -> InputError:
    return InputError(
        f"E_INPUT_TIME: {table.cell_place(name, row)}: every row must have a time, but this cell is"
        f" empty ({count:,} of {table.rows:,} rows have none). Fill it in, drop the row, or use"
        " --time none to take the rows in the order of the file."
    )


def _ambiguous(table: Table, name: str, column: TableColumn, reading: Reading) -> InputError:
    days, months = (reading.times.wall.astype("datetime64[us]").astype(f"M8[{u}]") for u in "DM")
    differs = (days - months.astype("M8[D]")).astype(np.int64) + 1 != months.astype(
        np.int64
    ) % 12 + 1
    row = int(differs.argmax())
    return InputError(
        f"E_INPUT_DATE: {table.cell_place(name, row)}: {column.text(row).strip()!r:.60} may be day"
        " first or month first, and no other cell of the column decides it. Say which with"
        " --dates dmy or --dates mdy."
    )


def series_of(table: Table, names: Sequence[str]) -> tuple[Rows, tuple[Key, ...]]:
    """Return the number of the series of each row (T,), and the key of each series in order.

    Keys are the cells of the columns `names` as written; whole numbers are in numeric order, other
    keys in that of their text. Raises InputError (E_INPUT_MISSING) at a row without a key.
    """
    codes = np.zeros(table.rows, np.int64)
    levels = []
    for name in names:
        found, texts = distinct_of(table.column(name))
        empty = np.isin(found, [i for i, text in enumerate(texts) if is_missing(text)])
        if empty.any():
            raise InputError(
                f"E_INPUT_MISSING: {table.cell_place(name, int(empty.argmax()))}: every row must"
                f" say which series it belongs to, but this cell is empty ({int(empty.sum()):,} of"
                f" {table.rows:,} rows have none). Fill it in, or drop the row."
            )
        codes = codes * len(texts) + found
        levels.append(texts)
    used, codes = np.unique(codes, return_inverse=True)
    keys = []
    for code in used.tolist():
        key: list[str] = []
        for texts in reversed(levels):
            code, place = divmod(code, len(texts))
            key.insert(0, texts[place])
        keys.append(tuple(key))
    return codes.astype(np.int64), tuple(keys) if table.rows else ((),)


def distinct_of(column: TableColumn) -> tuple[Rows, list[str]]:
    """Return the number of the level of each cell (T,), and the text of each level, in order."""
    texts, places = column.distinct()
    used = np.unique(places).tolist()
    levels = sorted((texts[place] for place in used), key=numbers_first)
    order = {text: level for level, text in enumerate(levels)}
    return np.array([order.get(text, 0) for text in texts], np.int64)[places], levels
