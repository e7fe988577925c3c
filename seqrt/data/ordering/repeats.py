"""Times that come again: another series, an hour shown twice, or a row too many."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from seqrt.data.ordering.cells import distinct_of
from seqrt.data.ordering.clock import is_numbering
from seqrt.data.table import Table
from seqrt.encoding.cells import is_missing
from seqrt.encoding.notation.layout import DAY
from seqrt.encoding.time_column import COUNTERS
from seqrt.encoding.times import Times
from seqrt.errors import InputError, UsageError

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

_MOST_COLUMNS = 12
_SHOWN = 3
_SERIES_SHARE = 0.1
_HOUR = DAY // 24
_SUNDAY = 3  # 1970-01-01 was a Thursday
_LATEST_CHANGE = 4  # clocks are set back at 1 to 3 o'clock


class SeveralSeries(UsageError):
    """A table holds several series below each other, and no column that tells them apart is named.

    `candidates` are the columns, or pairs of columns, that do.
    """

    candidates: tuple[tuple[str, ...], ...] = ()


def check_repeats(table: Table, name: str, times: Times, codes: Rows | None) -> None:
    """Raise an error if a time comes twice in a series, or if a table holds several series.

    `codes` numbers the series of each row (T,), None if no series column is named. The errors are
    a UsageError where the time starts over and some column tells the series apart, with the line
    and the option, and else an InputError (E_INPUT_TIME) with both lines.
    """
    keys = times.instant if codes is None else codes
    order = np.lexsort((times.instant, keys))
    same = np.diff(times.instant[order]) == 0
    if codes is not None:
        same &= np.diff(codes[order]) == 0
    if not same.any():
        if codes is None:
            _check_blocks(table, name, times)
        return
    second = order[1:][same]
    doubled = _is_doubled_hour(times, order, same, codes)
    if codes is None and not doubled:
        repeats = int(same.sum()) / table.rows
        few = repeats < _SERIES_SHARE
        awake = ~_is_in_night(times)
        columns = _telling_apart(table, name, times.instant, awake, contiguous=few)
        if columns:
            raise _starts_over(table, name, _first_repeat(times.instant, awake), columns)
    row = int(second.min())
    first = int(order[:-1][same][int(second.argmin())])
    raise _twice(table, name, (first, row), doubled)


def check_counters(table: Table, time: str | None) -> None:
    """Raise UsageError if a column such as cycle or year counts the rows of each of many series.

    It does so if it rises in the rows of every level of another column. That is looked for in a
    table whose `time` is None, or merely the number of the row.
    """
    if time is not None and not is_numbering(table.columns[time].values):
        return
    for name in table.names:
        values = table.columns[name].values
        if name.strip().lower() not in COUNTERS or name == time or not np.isfinite(values).all():
            continue
        if len(np.unique(values)) == len(values):
            continue
        everywhere = np.ones(len(values), np.bool_)
        rising = [
            columns
            for columns in _telling_apart(table, name, values, everywhere, contiguous=False)
            if _rises_in_each(table, columns, values)
        ]
        if rising:
            raise _starts_over(table, name, _first_repeat(values, everywhere), rising)


def _rises_in_each(table: Table, columns: tuple[str, ...], values: NDArray[np.float64]) -> bool:
    """Whether values rise from row to row of each level, of columns whose rows are together.

    Rows in the order of the values may be of any level, if the levels are text.
    """
    if len(columns) > 1:
        return False
    column = table.columns[columns[0]]
    codes, texts = distinct_of(column)
    together = int((np.diff(codes) != 0).sum()) == len(texts) - 1
    if not together and (column.numeric or (np.diff(values) < 0).any()):
        return False
    order = np.argsort(codes, kind="stable")
    inside = np.diff(codes[order]) == 0
    return bool(inside.any() and (np.diff(values[order])[inside] > 0).all())


def _first_repeat(instant: NDArray[np.generic], rows: Mask) -> int:
    """Return the first of some rows at which the time does not go on as it mostly does."""
    steps = np.diff(np.asarray(instant))
    rising = int((steps > 0).sum()) >= int((steps < 0).sum())
    back = steps <= 0 if rising else steps >= 0
    return 1 + int((back & rows[1:] if (back & rows[1:]).any() else back).argmax())


def _check_blocks(table: Table, name: str, times: Times) -> None:
    """Raise UsageError if the time falls back where some column starts another block of rows."""
    steps = np.diff(times.instant)
    rising = int((steps > 0).sum()) >= int((steps < 0).sum())
    back = np.flatnonzero(steps <= 0 if rising else steps >= 0) + 1
    if not len(back) or 2 * (len(back) + 1) > table.rows:
        return
    overlap = _overlaps(times.instant, back)
    for column in table.names:
        if column == name or (table.columns[column].numeric and not overlap):
            continue
        codes, levels = distinct_of(table.columns[column])
        changes = np.flatnonzero(np.diff(codes)) + 1
        blocks = len(changes) == len(levels) - 1 and 2 * len(levels) <= table.rows
        if blocks and np.isin(back, changes).all():
            raise _starts_over(table, name, int(back[0]), [(column,)])


def _overlaps(instant: NDArray[np.generic], back: Rows) -> bool:
    """Whether the times of two blocks of rows overlap; `back` has the first row of each but one."""
    blocks = np.split(np.asarray(instant), back)
    edges = sorted((block.min(), block.max()) for block in blocks)
    return any(after[0] <= before[1] for before, after in pairwise(edges))


def _telling_apart(
    table: Table, time: str, instant: NDArray[np.generic], rows: Mask, *, contiguous: bool
) -> list[tuple[str, ...]]:
    """Return the columns, or else the pairs of columns, in whose groups no time comes twice.

    Only `rows` (T,) are looked at, unless that leaves none of the times that come twice.
    Columns with few levels are first. Where the rows of each level are together in some of them,
    only those are returned; with `contiguous`, they must be.
    """
    moments = np.unique(instant, return_inverse=True)[1].astype(np.int64)
    if len(np.unique(moments[rows])) == rows.sum():
        rows = np.ones_like(rows)
    held: list[tuple[int, str, Rows]] = []
    blocks = set()
    for name in table.names:
        column = table.columns[name]
        values = column.values
        if name == time or (column.numeric and not (values == np.rint(values)).all()):
            continue
        codes, levels = distinct_of(column)
        if int((np.diff(codes) != 0).sum()) == len(levels) - 1:
            blocks.add(name)
        elif contiguous:
            continue
        if 1 < len(levels) <= table.rows / 2 and not any(map(is_missing, levels)):
            held.append((len(levels), name, codes))
    held.sort(key=lambda each: each[0])
    alone = [name for _, name, codes in held if _unique(moments[rows], codes[rows])]
    if alone:
        return [(name,) for name in alone if name in blocks or not blocks.intersection(alone)]
    pairs = combinations(held[:_MOST_COLUMNS], 2)
    both = ((a, b) for a, b in pairs if _unique(moments[rows], (a[2] * b[0] + b[2])[rows]))
    smallest = min(both, key=lambda pair: pair[0][0] * pair[1][0], default=None)
    return [(smallest[0][1], smallest[1][1])] if smallest else []


def _unique(moments: Rows, codes: Rows) -> bool:
    pairs = codes * (int(moments.max()) + 1) + moments
    return len(np.unique(pairs)) == len(pairs)


def _is_doubled_hour(times: Times, order: Rows, same: Mask, codes: Rows | None) -> bool:
    """Whether the times that come twice are all in an hour that a clock shows twice in autumn."""
    if not _is_in_night(times)[order[1:][same]].all():
        return False
    wall = times.wall[order[1:][same]]
    series = np.zeros_like(wall) if codes is None else codes[order[1:][same]]
    each = np.unique(np.stack([series, wall]), axis=1).shape[1]
    hours = np.unique(np.stack([series, wall // _HOUR]), axis=1).shape[1]
    nights = np.unique(np.stack([series, wall // DAY]), axis=1).shape[1]
    return bool(each == len(wall) and hours == nights)


def _is_in_night(times: Times) -> Mask:
    """Return which times may be in an hour that a clock shows twice: early on a Sunday."""
    if not times.dated or times.zoned:
        return np.zeros(len(times.instant), np.bool_)
    hour = times.wall % DAY // _HOUR
    sunday = times.wall // DAY % 7 == _SUNDAY
    return np.asarray(sunday & (hour >= 1) & (hour < _LATEST_CHANGE))


def _starts_over(
    table: Table, name: str, row: int, columns: list[tuple[str, ...]]
) -> SeveralSeries:
    options = [f"--series {','.join(each)}" for each in columns[:_SHOWN]]
    listed = " or ".join(options)
    error = SeveralSeries(
        f"{table.row_place(row)}: the time {name!r} starts over at"
        f" {table.columns[name].text(row).strip()}, so the table holds several series below each"
        f" other. Name the column that tells them apart: {listed}."
    )
    error.candidates = tuple(columns)
    return error


def _twice(table: Table, name: str, rows: tuple[int, int], doubled: bool) -> InputError:
    text = table.columns[name].text(rows[1]).strip()
    place = f"E_INPUT_TIME: {table.rows_place(*rows)}"
    if doubled:
        return InputError(
            f"{place}: every time must occur once, but {name!r} is {text} twice: this is the hour"
            " that clocks repeat at the end of summer time. Write the times in UTC, or with their"
            " offset, such as 2024-10-27 02:30+02:00."
        )
    return InputError(
        f"{place}: every time must occur once in a series, but {name!r} is {text} twice. Drop one"
        " of the rows, or name the column that tells several series apart with --series."
    )
