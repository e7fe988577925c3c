"""The rows of a table that predictions are for: their series, and their times as written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.data.runs import starts_of
from seqrt.data.timeline import Timeline
from seqrt.encoding.column import TableColumn
from seqrt.encoding.notation.layout import DAY, SECOND
from seqrt.encoding.times import Times

Columns = Mapping[str, NDArray[Any]]
Rows = NDArray[np.int64]


def series_rows(data: Timeline, manifest: Manifest) -> Callable[[Rows], Columns]:
    """Return a function from the numbers of predictions to their series and times.

    A model trained on windows predicts one at the end of every window, in the order of the rows;
    other models predict one at the end of every run, and those with a `sequence` head one at every
    row. A forecast is for the row after its window.
    """
    ahead = manifest.task == "forecast"
    if manifest.head == "sequence":
        longest = int(np.diff(data.runs).max(initial=1))
        return lambda numbers: columns_at(
            data, data.runs[numbers // longest, 0] + numbers % longest, ahead=ahead
        )
    if manifest.window is None:
        ends = data.runs[:, 1] - 1
    else:
        ends = starts_of(data.runs, manifest.window) + manifest.window - 1
    return lambda numbers: columns_at(data, ends[numbers], ahead=ahead)


def columns_at(data: Timeline, rows: Rows, *, ahead: bool = False) -> Columns:
    """Return the series and the time of some rows, or with `ahead` of the rows after them.

    The row after the last one of a run has the time that the step of the data leads to, and none
    if the step is not regular.
    """
    columns, time = series_at(data, rows), data.table.time
    if time is None:
        series = series_numbers(data, rows)
        return {**columns, "row": rows - data.bounds[series] + 1 + ahead}
    column = data.table.columns[time]
    if not ahead:
        return {**columns, time: cells_at(column, rows)}
    last = np.isin(rows + 1, data.reach)
    cells = cells_at(column, np.where(last, rows, rows + 1))
    after = times_after(data, rows[last], 1)
    if after is not None:
        cells[last] = after.cells
    else:
        cells = cells.astype(np.float64) if cells.dtype.kind == "i" else cells
        cells[last] = {"O": None, "M": np.datetime64("NaT"), "f": np.nan}[cells.dtype.kind]
    return {**columns, time: cells}


def series_numbers(data: Timeline, rows: Rows) -> Rows:
    """Return the number of the series of each row."""
    return np.searchsorted(data.bounds, rows, "right") - 1


def series_at(data: Timeline, rows: Rows) -> dict[str, NDArray[Any]]:
    """Return the cells that name the series of some rows: text, or numbers if they never were."""
    numbers = series_numbers(data, rows)
    columns = {}
    for i, name in enumerate(data.series):
        column = data.table.columns.get(name)
        if column is not None and column.kind == "number" and column.cells is None:
            columns[name] = cells_at(column, rows)
        else:
            keys = [key[i] for key in data.keys if key]  # an empty table has one empty key
            columns[name] = np.array(keys, object)[numbers]
    return columns


class FutureTimes(NamedTuple):
    """Times after the end of a series: as cells like those of the data, and as times."""

    cells: NDArray[Any]
    times: Times

    @property
    def values(self) -> NDArray[Any]:
        """The times as numbers."""
        return self.times.values()


def times_after(data: Timeline, rows: Rows, steps: int | Rows) -> FutureTimes | None:
    """Return the times that are so many steps after some rows.

    They are those of the rows of a plan, where there is one so far ahead; else the step of the data
    leads to them, and None is returned if it is not regular.
    """
    if data.times is None or data.table.time is None:
        return None
    column = data.table.columns[data.table.time]
    place = np.searchsorted(data.runs[:, 0], rows, "right") - 1
    if len(rows) and (rows + steps < data.reach[place]).all():
        return FutureTimes(cells_at(column, rows + steps), data.times.take(rows + steps))
    if data.spacing is None or not data.spacing.regular:
        return None
    after = data.spacing.after(data.times.take(rows), steps)
    if column.cells is not None:
        cells = np.array(after.text(), object)
    elif column.wall is not None:
        cells = after.wall.astype("datetime64[us]").astype(_unit(column.wall))
    else:
        cells = _whole(np.array(after.text(), np.float64))
    return FutureTimes(cells, after)


def cells_at(column: TableColumn, rows: Rows) -> NDArray[Any]:
    """Return some cells of a column as written; numbers and timestamps if it was never text."""
    if column.cells is not None:
        return np.array([column.cells[row] for row in rows.tolist()], object)
    if column.wall is not None:
        return column.wall[rows].astype("datetime64[us]").astype(_unit(column.wall))
    return _whole(column.values if column.exact is None else column.exact)[rows]


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as int64 if all are whole."""
    return values.astype(np.int64) if (values == np.round(values)).all() else values


def _unit(wall: NDArray[np.int64]) -> str:
    """Return the type for times in microseconds that shows no more than all of them need."""
    for unit, size in (("D", DAY), ("s", SECOND)):
        if not (wall % size).any():
            return f"datetime64[{unit}]"
    return "datetime64[us]"
