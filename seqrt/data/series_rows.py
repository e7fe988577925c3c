"""The rows of a table that predictions are for: their series, and their times as written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.data.runs import starts_of
from seqrt.data.timeline import Timeline
from seqrt.encoding.column import TableColumn
from seqrt.encoding.dates import parse_dates

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


def columns_at(data: Timeline, rows: Rows, *, ahead: bool) -> Columns:
    """Return the series and the time of some rows, or with `ahead` of the rows after them."""
    series = np.searchsorted(data.bounds, rows, "right") - 1
    columns = {
        name: np.array([key[i] for key in data.keys], object)[series]
        for i, name in enumerate(data.series)
    }
    time = data.table.time
    if time is None:
        return {**columns, "row": rows - data.bounds[series] + 1 + ahead}
    column = data.table.columns[time]
    if not ahead:
        return {**columns, time: _cells(column, rows)}
    ends = np.append(data.runs[:, 1], data.table.rows)
    last = np.isin(rows + 1, ends)
    cells = _cells(column, np.where(last, rows, rows + 1))
    if last.any():
        cells[last] = _next(column)
    return {**columns, time: cells}


def _cells(column: TableColumn, rows: Rows) -> NDArray[Any]:
    """Return some cells of a column as written; numbers that were never text as numbers."""
    if column.cells is not None:
        return np.array([column.cells[row] for row in rows.tolist()], object)
    values = column.values[rows]
    whole = (column.values == np.round(column.values)).all()
    return values.astype(np.int64) if whole else values


def _next(column: TableColumn) -> object:
    """Return the time after the last one, in its notation; an empty cell if it is not known."""
    last = column.cells[-1] if column.cells is not None else None
    dates = parse_dates(column.cells) if column.cells else None
    if dates is None:
        gaps = np.diff(column.values)
        step = gaps[-1] if len(gaps) and (gaps == gaps[0]).all() else np.nan
        after = column.values[-1] + step
        if last is None:
            return after
        return f"{after:.0f}" if last.isdigit() and np.isfinite(after) else ""
    steps = {after - before for before, after in pairwise(dates)}
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        if len(steps) == 1 and dates[-1].strftime(form) == last:
            return (dates[-1] + steps.pop()).strftime(form)
    return ""
