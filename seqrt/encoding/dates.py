"""Single dates: whether a text is one, and the period that a bound such as 1958-03 covers."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.cells import parse_number
from seqrt.encoding.notation.layout import DAY
from seqrt.encoding.times import DateOrder, Times, read_texts
from seqrt.errors import UsageError

_YEAR = re.compile(r"\d{4}", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d\d", re.ASCII)
_EARLIEST, _LATEST = 1, 9_999


class Period(NamedTuple):
    """The first and last microsecond of a period, since 1970-01-01.

    They are times on the clock of the data; `zoned` if the text had a zone, then they are UTC.
    """

    first: int
    last: int
    zoned: bool = False


def is_date(text: str) -> bool:
    """Whether the text is a time with a day, such as 1958-03-29, 29.03.1958 or 19580329."""
    found = parse_date(text) if len(text.strip()) >= len("1.1.58") else None
    return found is not None and found.layout is not None and found.layout.has("d")


def parse_date(text: str, dates: DateOrder | None = None) -> Times | None:
    """Return the time that a text denotes, as an array of one; None if it denotes none."""
    reading = read_texts([text], dates)
    return reading.times if reading is not None and reading.complete else None


def parse_period(text: str, dates: DateOrder | None = None) -> Period | None:
    """Return the year, month, day or instant `text` as a period; None if it denotes none.

    >>> [str(np.datetime64(edge, "us"))[:13] for edge in parse_period("1960-02")[:2]]
    ['1960-02-01T00', '1960-02-29T23']
    """
    text = text.strip()
    if _YEAR.fullmatch(text) or _MONTH.fullmatch(text):
        if not _EARLIEST <= int(text[:4]) <= _LATEST:
            return None
        try:
            month = np.datetime64(text)
        except ValueError:
            return None
        first = int(month.astype("datetime64[D]").astype(int)) * DAY
        return Period(first, int((month + 1).astype("datetime64[D]").astype(int)) * DAY - 1)
    reading = read_texts([text], dates)
    if reading is None or not reading.complete or reading.ambiguous:
        return None
    times = reading.times
    wall, instant = int(times.wall[0]), int(times.instant[0])
    if times.clocked:
        return Period(instant, instant, zoned=True) if times.zoned else Period(wall, wall)
    return Period(wall, wall + DAY - 1)


def between(times: Times, first: str | None, last: str | None) -> NDArray[np.bool_]:
    """Return which times are from `first` to `last`, both included; None is no bound.

    A year, a month or a day means all of it. Raises UsageError for a bound that is not like the
    times.
    """
    inside = np.ones(len(times.instant), np.bool_)
    for text, is_first in ((first, True), (last, False)):
        if text is None:
            continue
        keys, edge = _edge(times, text, 0 if is_first else 1)
        inside &= keys >= edge if is_first else keys <= edge
    return inside


def _edge(times: Times, text: str, side: int) -> tuple[NDArray[Any], float]:
    """Return what to compare with a bound, and the bound: its first or its last moment."""
    number = parse_number(text)
    if not times.dated:
        if math.isnan(number):
            raise UsageError(f"the bounds of a span must be a number here, got {text!r:.60}.")
        return times.instant, number
    order: DateOrder | None = times.written if times.written in ("dmy", "mdy") else None
    period = parse_period(text, order)
    if period is not None:
        return (times.instant if period.zoned else times.wall), period[side]
    unit = {"seconds": 1_000_000, "milliseconds": 1_000}.get(times.written)
    if unit is not None and not math.isnan(number):
        return times.instant, number * unit
    raise UsageError(
        "the bounds of a span must be a date such as 1990, 1990-06 or 1990-06-30 here, got"
        f" {text!r:.60}."
    )
