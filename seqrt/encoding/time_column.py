"""Which column of a table is the time, and its cells as times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.column import TableColumn
from seqrt.encoding.notation.forms import form_of
from seqrt.encoding.notation.layout import DAY, SECOND, Layout
from seqrt.encoding.times import DateOrder, Reading, Times, read_numbers, read_texts

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CALENDAR = {"time", "timestamp", "ts", "date", "datetime", "ds", "epoch", "unix", "datum", "zeit"}
_CALENDAR |= {"utc", "moment", "when", "day", "dt", "timestep"}
_PERIODS = {"year", "quarter", "month", "week", "season", "period", "jahr", "monat", "woche"}
_COUNTERS = {"t", "time", "timestamp", "ts", "step", "timestep", "index", "idx", "tick", "ticks"}
# Names of a column, in any place, that counts the rows of a series.
COUNTERS = frozenset(
    {"t", "time", "timestep", "time_step", "time_idx", "step", "cycle", "cycles"}
    | {"year", "yr", "jahr"}
)
_COUNTERS |= {"second", "seconds", "sec", "secs", "ms", "millis", "milliseconds", "frame", "ds"}
_WORD = re.compile(r"[a-z]+")
_FIRST_COMPACT, _LAST_COMPACT = 1_000_01_01, 9_999_12_31
_LEAST_BLOCK = 3

_READ: WeakKeyDictionary[TableColumn, dict[DateOrder | None, Reading | None]] = WeakKeyDictionary()


def read_column(column: TableColumn, dates: DateOrder | None = None) -> Reading | None:
    """Read a column of texts, native timestamps or numbers such as 19580329 as times.

    Return None for any other column. A column is read once, and its times kept with it.
    """
    known = _READ.setdefault(column, {})
    if dates not in known:
        known[dates] = _read(column, dates)
    return known[dates]


def _read(column: TableColumn, dates: DateOrder | None) -> Reading | None:
    if column.stamps is not None:
        return _native(column.stamps, column.stamps if column.wall is None else column.wall)
    if column.cells is not None:
        return read_texts(column.cells, dates)
    values = column.values
    if len(values) and ((values >= _FIRST_COMPACT) & (values <= _LAST_COMPACT)).all():
        whole = values.astype(np.int64)
        if (whole == values).all():
            return read_texts(list(map(str, whole.tolist())))
    return None


def _native(stamps: Rows, wall: Rows) -> Reading:
    """Take native timestamps, of which missing ones are the smallest int64."""
    missing = stamps == np.iinfo(np.int64).min
    present = wall[~missing]
    template = "0000-00-00"
    if (present % DAY).any():
        template += " 00:00:00.000000" if (present % SECOND).any() else " 00:00:00"
    form = form_of(template)
    assert form is not None
    times = Times(stamps, wall, "iso", Layout.of(form, [form], "iso"))
    return Reading(times, missing, np.zeros(len(stamps), np.bool_), ~missing)


def find_time(
    columns: Mapping[str, TableColumn], series: Sequence[str] = (), codes: Rows | None = None
) -> str | None:
    """Return the name of the column that is the time, or None.

    It is the first column of dates, unless they are all one date. Without one, it is a column of
    seconds or milliseconds since 1970 with a name such as timestamp; the first column, if its
    numbers increase at every row; or the first column, if it has a name such as t or step and its
    numbers are the times of one or several series. The columns `series` are left out; `codes` (T,)
    numbers the series of each row. A column alone is a series without a time.
    """
    names = [name for name in columns if name not in series]
    if len(names) < 2:
        return None
    for name in names:
        reading = read_column(columns[name])
        if reading is None or not reading.complete or _is_constant(reading.times):
            continue
        if not reading.whole or _is_named(name, _CALENDAR) or name == names[0]:
            return name
    return (
        _broken_dates(columns, names) or _epochs(columns, names) or _numbers(columns, names, codes)
    )


def likely_time(columns: Mapping[str, TableColumn]) -> str | None:
    """Return a column of text that says when, by its cells or its name, but that cannot be read.

    It has the form of dates, or is called week, month, ...; most of its cells are different, and
    have digits.
    """
    for name, column in columns.items():
        if column.numeric or column.cells is None:
            continue
        cells = column.texts()
        if not cells or 2 * len(set(cells)) <= len(cells):
            continue
        digits = sum(any(map(str.isdigit, cell)) for cell in cells)
        called = _is_named(name, _CALENDAR | _PERIODS) or name.strip().lower() in _COUNTERS
        if column.kind == "time" or (called and 2 * digits > len(cells)):
            return name
    return None


def _is_constant(times: Times) -> bool:
    """Whether several rows have one time, such as the day of an export."""
    return len(times.instant) > 1 and bool((times.instant == times.instant[0]).all())


def _broken_dates(columns: Mapping[str, TableColumn], names: Sequence[str]) -> str | None:
    """Return a column of dates with a few cells that are missing, or no dates.

    It is the first column, or has a name such as date, or has a day that does not exist.
    """
    for name in names:
        reading = read_column(columns[name])
        if reading is None or reading.whole or 2 * int(reading.formed.sum()) <= len(reading.bad):
            continue
        impossible = bool((reading.bad & reading.formed).any())
        if name == names[0] or _is_named(name, _CALENDAR) or impossible:
            return name
    return None


def _epochs(columns: Mapping[str, TableColumn], names: Sequence[str]) -> str | None:
    for name in names:
        values = columns[name].values
        named = _is_named(name, _CALENDAR) and len(values) and np.isfinite(values).all()
        if named and read_numbers(values).dated:
            return name
    return None


def _numbers(
    columns: Mapping[str, TableColumn], names: Sequence[str], codes: Rows | None
) -> str | None:
    """Return the first column, if it is a time, or one that counts the rows of each series."""
    others = [name for name in names[1:] if name.strip().lower() in COUNTERS]
    counter = next((name for name in others if _rises(columns[name].values, codes)), None)
    first = _first_numbers(columns[names[0]], names[0], codes)
    return counter if codes is not None and counter else first or counter


def _rises(values: NDArray[np.float64], codes: Rows | None) -> bool:
    """Whether numbers increase at every row, or at every row of a series."""
    if len(values) < _LEAST_BLOCK or not np.isfinite(values).all():
        return False
    if codes is None:
        return bool((np.diff(values) > 0).all())
    order = np.argsort(codes, kind="stable")
    inside = np.diff(codes[order]) == 0
    return bool(inside.any() and (np.diff(values[order])[inside] > 0).all())


def _first_numbers(column: TableColumn, name: str, codes: Rows | None) -> str | None:
    values = column.values
    if not len(values) or not np.isfinite(values).all():
        return None
    inside = np.ones(len(values) - 1, np.bool_)
    if codes is not None:
        order = np.argsort(codes, kind="stable")
        values, inside = values[order], np.diff(codes[order]) == 0
    steps = np.diff(values)[inside]
    if len(steps) and (steps > 0).all():
        return name
    if not _is_named(name, _COUNTERS) or len(values) < _LEAST_BLOCK:
        return None
    blocks = 1 + int((steps <= 0).sum())
    in_blocks = _LEAST_BLOCK * blocks <= len(values)
    return (
        name if in_blocks or (steps >= 0).all() or len(np.unique(values)) == len(values) else None
    )


def _is_named(name: str, words: set[str]) -> bool:
    """Whether the name has one of `words`, as in event_time or unixTimestamp."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return not words.isdisjoint(_WORD.findall(split))
