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
    """Return the series and the time of some rows, or with `ahead` of the rows after them."""
    columns, time = series_at(data, rows), data.table.time
    if time is None:
        series = series_of(data, rows)
        return {**columns, "row": rows - data.bounds[series] + 1 + ahead}
    column = data.table.columns[time]
    if not ahead:
        return {**columns, time: _cells(column, rows)}
    last = np.isin(rows + 1, data.reach)
    cells = _cells(column, np.where(last, rows, rows + 1))
    if last.any():
        after = times_after(data, rows[last], np.ones(last.sum(), np.int64))
        cells[last] = ("NaT" if cells.dtype.kind == "M" else "") if after is None else after.cells
    return {**columns, time: cells}


def series_of(data: Timeline, rows: Rows) -> Rows:
    """Return the number of the series of each row."""
    return np.searchsorted(data.bounds, rows, "right") - 1


def series_at(data: Timeline, rows: Rows) -> dict[str, NDArray[Any]]:
    """Return the cells that name the series of some rows: text, or numbers if they never were."""
    numbers = series_of(data, rows)
    columns = {}
    for i, name in enumerate(data.series):
        column = data.table.columns.get(name)
        if column is not None and column.kind == "number" and column.cells is None:
            columns[name] = _cells(column, rows)
        else:
            columns[name] = np.array([key[i] for key in data.keys], object)[numbers]
    return columns


class Times(NamedTuple):
    """Times after the last ones of a series: as cells like those of the data, and as numbers."""

    cells: NDArray[Any]
    values: NDArray[Any]


def times_after(data: Timeline, rows: Rows, steps: Rows) -> Times | None:
    """Return the times that are so many steps after some rows; None if the step is not regular."""
    assert data.table.time is not None
    column = data.table.columns[data.table.time]
    values = data.table.times()
    ends = data.runs[1:, 0] - 1
    gaps = np.delete(np.diff(values), ends) if len(values) > 1 else values[:0]
    if not len(gaps) or not (gaps == gaps[0]).all():
        return None
    after = values[rows] + steps * gaps[0]
    if column.cells is None:
        return Times(after if after.dtype.kind == "M" else _whole(after), after)
    last = int(rows[0])
    if after.dtype.kind != "M":
        texts = np.array([f"{value:.0f}" for value in after.tolist()], object)
        return Times(texts, after) if column.cells[last].isdigit() else None
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        if values[last].item().strftime(form) == column.cells[last]:
            return Times(np.array([each.strftime(form) for each in after.tolist()], object), after)
    return None


def _cells(column: TableColumn, rows: Rows) -> NDArray[Any]:
    """Return some cells of a column as written; numbers and timestamps if it was never text."""
    if column.cells is not None:
        return np.array([column.cells[row] for row in rows.tolist()], object)
    if column.wall is not None:
        return column.wall[rows].astype("datetime64[us]")
    return _whole(column.values if column.exact is None else column.exact)[rows]


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as int64 if all are whole."""
    return values.astype(np.int64) if (values == np.round(values)).all() else values
