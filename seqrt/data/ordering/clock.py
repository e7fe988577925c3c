"""A date and a clock in two columns: joined into the time of each row."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn
from seqrt.encoding.time_column import read_column

_CLOCK = re.compile(r" *\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)? *", re.ASCII)
_HOURS = frozenset({"hour", "hours", "hr", "h", "stunde"})
_LAST_HOUR = 24
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
        return replace(table, columns=columns), f"times are read from {name!r} and {other!r}"
    return table, ""


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
