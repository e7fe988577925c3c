"""The step of a series: the time from one row to the next, from microseconds to years."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqrt.data.steps.durations import exact_text, near_text, rounded, size_of_text
from seqrt.encoding.notation.layout import DAY
from seqrt.encoding.times import Times

Unit = Literal["number", "instant", "day", "business day", "month"]
Numbers = NDArray[Any]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_HOLIDAYS = 2
_MOST_SHARE = 0.6
_NEAR_SHARE = 0.8
_FRIDAY, _MONDAY = 4, 0
_WORKDAYS = 5


@dataclass(frozen=True)
class Step:
    """The time from row to row: `size` units, if the rows are `regular`, else their median.

    Days and months are counted on the clock, so that a day of 23 hours is a day; shorter times
    between instants. With `month_end` a step of months leads to the last day of a month.
    """

    unit: Unit
    size: float
    regular: bool = True
    month_end: bool = False

    @property
    def text(self) -> str:
        """The step in words, such as "15 minutes", "1 business day" or "1 month"."""
        return exact_text(self.unit, self.size) if self.regular else ""

    @property
    def about(self) -> str:
        """The step in words, also where it is the median of irregular ones."""
        return exact_text(self.unit, self.size) if self.regular else near_text(self.unit, self.size)

    @classmethod
    def of_text(cls, text: str) -> Step | None:
        """Return the step that `text` describes; None for an empty text."""
        found = size_of_text(text)
        return None if found is None else cls(*found)

    @classmethod
    def of(cls, times: Times, inside: Mask) -> Step | None:
        """Infer the step of times (T,) in order; `inside` (T - 1,) is false between two series.

        Return None if no two rows are in one series.
        """
        if not inside.any():
            return None
        if not times.dated:
            return cls("number", *_typical(np.diff(times.instant)[inside]))
        if len(np.unique(times.wall[: len(inside)] % DAY)) > 1 or times.wall[-1] % DAY != (
            times.wall[0] % DAY
        ):
            return cls("instant", *_typical(np.diff(times.instant)[inside]))
        return cls._of_days(times, inside)

    @classmethod
    def _of_days(cls, times: Times, inside: Mask) -> Step:
        """Infer the step of times that are all at one time of day."""
        days = times.wall // DAY
        month, day, length = _calendar(days)
        at_end = bool((day == length).all())
        if at_end or (day == np.minimum(day.max(), length)).all():
            return cls("month", *_typical(np.diff(month)[inside]), at_end and day.min() < day.max())
        between = np.diff(days)[inside]
        size, regular = _typical(between)
        weekend = _weekday(days) >= _WORKDAYS
        over = inside & (np.diff(days) == 1 + 7 - _WORKDAYS) & (_weekday(days[1:]) == _MONDAY)
        if not weekend.any() and over.any() and _mode(between)[0] == 1:
            return cls("business day", *_typical(np.diff(_business(days))[inside]))
        return cls("day", size, regular)

    def positions(self, times: Times) -> Numbers:
        """Return the times (T,) counted in the unit of this step."""
        if self.unit in ("number", "instant"):
            return times.instant
        days = times.wall // DAY
        if self.unit == "month":
            return _calendar(days)[0]
        return _business(days) if self.unit == "business day" else days

    def follows(self, steps: Numbers) -> Mask:
        """Whether each time between two rows, in steps, is one step: less than half a step off.

        Up to two business days without a row are holidays, and no gap.
        """
        least, most = 0.5, 1.5
        if self.unit == "business day":
            most += MOST_HOLIDAYS
        return np.asarray((steps > least) & (steps < most))

    def after(self, times: Times, count: int | Rows) -> Times:
        """Return the times `count` steps after some times, written in the same way."""
        if self.unit == "number":
            return times.moved(times.instant + count * self.size, times.wall)
        offset = times.wall - np.asarray(times.instant, np.int64)
        if self.unit == "instant":
            return times.moved(times.instant + np.rint(count * self.size).astype(np.int64), offset)
        days = times.wall // DAY
        jump = np.rint(count * self.size).astype(np.int64)
        if self.unit == "month":
            later = self._months_later(days, jump)
        elif self.unit == "business day":
            position = _business(days) + jump
            later = _MONDAY_1970 + position // _WORKDAYS * 7 + position % _WORKDAYS
        else:
            later = days + jump
        return times.on_clock(later * DAY + times.wall % DAY, offset)

    def _months_later(self, days: Rows, jump: Rows) -> Rows:
        month, day, _ = _calendar(days)
        first = (month + jump).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        length = _calendar(first)[2]
        return first + np.where(self.month_end, length, np.minimum(day, length)) - 1


_MONDAY_1970 = -3  # 1970-01-01 was a Thursday


def _weekday(days: Rows) -> Rows:
    """Return the weekday of days since 1970-01-01, 0 for Monday."""
    return (days - _MONDAY_1970) % 7


def _business(days: Rows) -> Rows:
    """Count days without weekends; a Saturday or Sunday counts as the Friday before."""
    return (days - _MONDAY_1970) // 7 * _WORKDAYS + np.minimum(_weekday(days), _FRIDAY)


def _calendar(days: Rows) -> tuple[Rows, Rows, Rows]:
    """Return the month since 1970-01, the day of the month, and the days that the month has."""
    month = days.astype("datetime64[D]").astype("datetime64[M]")
    first = month.astype("datetime64[D]").astype(np.int64)
    length = (month + 1).astype("datetime64[D]").astype(np.int64) - first
    return month.astype(np.int64), days - first + 1, length


def _mode(between: Numbers) -> tuple[float, float]:
    """Return the most common distance, and its share of all."""
    values, counts = np.unique(between, return_counts=True)
    most = int(counts.argmax())
    return float(values[most]), float(counts[most]) / len(between)


def _typical(between: Numbers) -> tuple[float, bool]:
    """Return the usual distance between rows, and whether most rows keep it.

    It is the most common one, or the lower median, rounded, where clocks jitter.
    """
    mode, share = _mode(between)
    if share >= _MOST_SHARE:
        return mode, True
    median = float(np.sort(between)[(len(between) - 1) // 2])
    near = np.abs(between - median) < median / 2
    return rounded(median), float(near.mean()) >= _NEAR_SHARE
