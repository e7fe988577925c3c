"""The times of rows on the clock of the place, from which calendar features are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.columns import TimeColumn
from seqrt.encoding.column import TableColumn
from seqrt.encoding.encoder import Cells
from seqrt.encoding.time_column import read_column
from seqrt.encoding.times import DateOrder, Times
from seqrt.errors import InputError

_UNITS = {"seconds": 1_000_000, "milliseconds": 1_000}
_ORDERS: dict[str, DateOrder] = {"dmy": "dmy", "mdy": "mdy"}
_EXAMPLES = {
    "dmy": "29.03.2024 12:00",
    "mdy": "03/29/2024 12:00",
    "seconds": "1711713600",
    "milliseconds": "1711713600000",
}


def wall_times(cells: Cells, time: TimeColumn) -> NDArray[np.int64]:
    """Return the times (T,) in microseconds since 1970 on the clock, written as in training.

    Epochs are read as UTC. Raises InputError (E_INPUT_TIME) at the first cell that is not a time.
    """
    column = cells.column(time.name)
    walls = _epochs(column, time) if time.written in _UNITS else None
    walls = _texts(column, time) if walls is None else walls
    if walls is None:
        raise _refuse(cells, time, 0)
    wall, bad = walls
    if bad.any():
        raise _refuse(cells, time, int(np.flatnonzero(bad)[0]))
    return wall


def _epochs(
    column: TableColumn, time: TimeColumn
) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    if column.kind != "number":
        return None
    moments = np.rint(column.values * _UNITS[time.written])
    bad = ~(np.abs(moments) < 2.0**62)
    return np.where(bad, 0, moments).astype(np.int64), bad


def _texts(
    column: TableColumn, time: TimeColumn
) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    reading = read_column(column, _ORDERS.get(time.written))
    if reading is None or not reading.times.dated or _lacks_clock(reading.times, time):
        return None
    return reading.times.wall, reading.bad | reading.missing


def _lacks_clock(times: Times, time: TimeColumn) -> bool:
    """Whether texts are days alone, where the step of training was shorter.

    In training, the clock may have been in a column of its own.
    """
    within_a_day = any(unit in time.step for unit in ("hour", "minute", "second"))
    return within_a_day and times.layout is not None and not times.clocked


def _refuse(cells: Cells, time: TimeColumn, row: int) -> InputError:
    text = cells.column(time.name).text(row).strip()
    example = _EXAMPLES.get(time.written, "2024-03-29T12:00")
    return InputError(
        f"E_INPUT_TIME: {cells.cell_place(time.name, row)}: a cell must be a time such as"
        f" {example}, as in training, got {text!r:.60}."
    )
