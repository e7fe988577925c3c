"""Times in several columns, a date and a clock or a year, month and day: joined into one."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn
from seqrt.encoding.time_column import read_column

_CLOCK = re.compile(r" *\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)? *", re.ASCII)
_HOURS = frozenset({"hour", "hours", "hr", "h", "stunde"})
_LAST_HOUR = 24
_PARTS = {
    "year": frozenset({"year", "yr", "jahr"}),
    "month": frozenset({"month", "mon", "monat"}),
    "day": frozenset({"day", "dayofmonth", "day_of_month", "tag"}),
}
_DAY = 86_400_000_000


def with_clock(table: Table, name: str) -> tuple[Table, str]:
    """Return a table in which the dates in `name` have the time of day from another column.

    That is done where dates come again and a column holds clock times, such as 13:05, or is called
    hour and holds whole numbers from 0 to 24. The note says so; it is empty if nothing was done.
    """
    reading = read_column(table.columns[name])
    if reading is None or not reading.complete or (reading.times.wall % _DAY).any():
        return table, ""
    if len(np.unique(reading.times.wall)) == table.rows:
        return table, ""
    for other, column in table.columns.items():
        clocks = _clocks(other, column) if other not in (name, *table.series) else None
        if clocks is None or len(set(clocks)) == 1:
            continue
        days = table.columns[name].texts()
        if reading.times.clocked:  # at midnight in every row
            days = [re.split("[T ]", day)[0] for day in days]
        cells = [f"{day} {clock}" for day, clock in zip(days, clocks, strict=True)]
        columns = {**table.columns, name: TableColumn.of_text(cells)}
        note = f"times are read from {name!r} and {other!r}"
        return replace(table, columns=columns, clocks=(other,)), note
    return table, ""


def day_with_clock(table: Table) -> str | None:
    """Return the column that has one date in all rows, if another column has their clock times."""
    for name, column in table.columns.items():
        reading = read_column(column)
        if reading is not None and reading.complete and with_clock(table, name)[1]:
            return name
    return None


def is_numbering(values: NDArray[np.float64]) -> bool:
    """Whether values count the rows, each one more than the one before."""
    return bool(len(values) and (values == values[0] + np.arange(len(values))).all())


def _clocks(name: str, column: TableColumn) -> list[str] | None:
    """Return the clock times in a column as text; None if it holds anything else."""
    if column.kind == "number":
        hours = column.values
        whole = np.isfinite(hours).all() and (hours == np.rint(hours)).all()
        if name.lower() not in _HOURS or not whole or hours.min() < 0 or hours.max() > _LAST_HOUR:
            return None
        return [f"{hour:02}:00" for hour in hours.astype(np.int64).tolist()]
    if column.cells is None or not _CLOCK.fullmatch(column.cells[0]):
        return None
    cells = [cell.strip() for cell in column.cells]
    return cells if all(_CLOCK.fullmatch(cell) for cell in set(cells)) else None


def with_calendar(table: Table, time: str | None) -> tuple[Table, str | None, str]:
    """Return a table in which the column of years has whole dates, if others have months and days.

    That is done if `time`, the name of the time column, is None, the years, or merely the number of
    the row. It returns the name of the years then, and a note; else `time` and no note.
    """
    parts = {part: _named(table, names) for part, names in _PARTS.items()}
    year, month, day = parts["year"], parts["month"], parts["day"]
    if year is None or month is None:
        return table, time, ""
    if time not in (None, year) and not is_numbering(table.columns[time].values):
        return table, time, ""
    used = [name for name in (year, month, day) if name]
    texts = [table.columns[name].texts() for name in used]
    cells = ["-".join(part.strip().zfill(2) for part in row) for row in zip(*texts, strict=True)]
    if not cells[0][:1].isdigit() or not cells[0].replace("-", "").isdigit():
        cells = [" ".join(row[::-1]) for row in zip(*texts, strict=True)]  # names of months
    column = TableColumn.of_text(cells)
    reading = read_column(column)
    if reading is None or not reading.complete or reading.whole:
        return table, time, ""
    names = ", ".join(map(repr, used[:-1])) + f" and {used[-1]!r}"
    return (
        replace(table, columns={**table.columns, year: column}, clocks=tuple(used[1:])),
        year,
        f"times are read from {names}",
    )


def _named(table: Table, names: frozenset[str]) -> str | None:
    found = (name for name in table.names if name.strip().lower() in names)
    return next((name for name in found if name not in table.series), None)
