"""Calendar features: sine and cosine of the place of a moment in a day, a week or a year.

With s, the whole seconds from 1970-01-01 00:00 on the clock of the place (negative before it), all
divisions rounded down, and d = s div 86400 days:

    cycle      position p             length n
    minute     s mod 3600             3600              seconds since the hour
    hour       s mod 86400            86400             seconds since midnight
    weekday    (d + 3) mod 7          7                 Monday is 0; 1970-01-01 was a Thursday
    monthday   day of the month - 1   days in the month
    month      month - 1              12
    yearday    days since January 1   365 or 366

The features are sin(2 pi p / n) and cos(2 pi p / n), in float64. The date of day d, in the
proleptic Gregorian calendar, is counted in years that begin on March 1, so that a leap day is the
last day of its year:

    z = d + 719468                      days since 0000-03-01
    c = (4 z + 3) div 146097            century
    r = z - 146097 c div 4              days since it began
    y = (4 r + 3) div 1461              year in it
    q = r - 1461 y div 4                days since March 1
    m = (5 q + 2) div 153               months since March
    monthday - 1 = q - (153 m + 2) div 5
    month - 1    = (m + 2) mod 12
    year         = 100 c + y, and 1 more where m is at least 10

A year is a leap year if 4 divides it, unless 100 does and 400 does not.

Fliegel & Van Flandern 1968, doi:10.1145/364096.364097, count days in this way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.columns import Cycle

Integers = NDArray[np.int64]

_MICROSECONDS, _DAY = 1_000_000, 86_400
_SECONDS = {"minute": 3_600, "hour": _DAY}
# Days of a common year before each month, and before the next January.
_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365])


class _Dates(NamedTuple):
    """Dates: the year, the month from 0, the day of the month from 0."""

    year: Integers
    month: Integers
    day: Integers


def calendar_features(cycle: Cycle, wall: Integers) -> NDArray[np.float64]:
    """Return sine and cosine (T, 2) of the positions in a cycle of moments `wall` (T,).

    `wall` is in microseconds from 1970-01-01 00:00 on the clock of the place.

    >>> noon_of_1970 = np.array([12 * 3600 * 1_000_000])
    >>> (calendar_features("hour", noon_of_1970).round(3) + 0.0).tolist()
    [[0.0, -1.0]]
    """
    position, length = _position(cycle, wall // _MICROSECONDS)
    angle = 2 * np.pi * position / length
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def _position(cycle: Cycle, seconds: Integers) -> tuple[Integers, Integers | int]:
    """Return how far each moment is into its cycle, and the length of the cycle."""
    if cycle in _SECONDS:
        return seconds % _SECONDS[cycle], _SECONDS[cycle]
    days = seconds // _DAY
    if cycle == "weekday":
        return (days + 3) % 7, 7
    dates = _dates(days)
    if cycle == "month":
        return dates.month, 12
    leap = (dates.year % 4 == 0) & ((dates.year % 100 != 0) | (dates.year % 400 == 0))
    if cycle == "monthday":
        lengths = np.diff(_BEFORE)[dates.month] + (leap & (dates.month == 1))
        return dates.day, lengths
    return _BEFORE[dates.month] + (leap & (dates.month > 1)) + dates.day, 365 + leap


def _dates(days: Integers) -> _Dates:
    """Return the dates of days counted from 1970-01-01."""
    z = days + 719_468
    century = (4 * z + 3) // 146_097
    of_century = z - 146_097 * century // 4
    year = (4 * of_century + 3) // 1_461
    of_year = of_century - 1_461 * year // 4
    from_march = (5 * of_year + 2) // 153
    return _Dates(
        year=100 * century + year + (from_march >= 10),
        month=(from_march + 2) % 12,
        day=of_year - (153 * from_march + 2) // 5,
    )
