"""Time zones: the offset of a named zone from UTC, for many times at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Instants = NDArray[np.int64]

HOUR = 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_DAY = 30_000  # zone rules are looked up from 1900 to 2052; the offset stays outside
_FIRST_DAY = -25_567

# Abbreviations that mean one offset wherever they are used; CST, IST and BST have several meanings.
_HOURS = {"Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3}
_HOURS |= {"EST": -5, "EDT": -4, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "JST": 9, "MSK": 3}


@lru_cache(512)
def is_zone(name: str) -> bool:
    """Whether `name` is an abbreviation with one meaning, or a zone such as Europe/Berlin."""
    return name.upper() in _HOURS or ("/" in name and len(_transitions(name)[1]) > 0)


def is_fixed(name: str) -> bool:
    """Whether the zone has one offset at all times."""
    return name.upper() in _HOURS


def offset_at_wall(name: str, wall: Instants) -> Instants:
    """Return the offset from UTC at times on the zone's clock, all in microseconds.

    An hour that the clock shows twice is taken as the first of the two, in summer time.
    """
    if is_fixed(name):
        return np.full(len(wall), _HOURS[name.upper()] * HOUR)
    at, offsets = _transitions(name)
    # a transition ends on the clock at the later of the two times that it shows for that instant
    return offsets[np.searchsorted(at + np.maximum(offsets[:-1], offsets[1:]), wall, side="right")]


def offset_at_instant(name: str, instant: Instants) -> Instants:
    """Return the offset from UTC of the zone's clock at some instants, in microseconds."""
    if is_fixed(name):
        return np.full(len(instant), _HOURS[name.upper()] * HOUR)
    at, offsets = _transitions(name)
    return offsets[np.searchsorted(at, instant, side="right")]


@lru_cache(64)
def _transitions(name: str) -> tuple[Instants, Instants]:
    """Return the instants at which the offset of a zone changes (n,), and its offsets (n + 1,).

    A zone that this machine does not know has no offsets at all.
    """
    import zoneinfo

    try:
        zone = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return np.empty(0, np.int64), np.empty(0, np.int64)

    def offset(seconds: int) -> int:
        moment = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone)
        return round((moment.utcoffset() or timedelta()).total_seconds())

    at, offsets = [], [offset(_FIRST_DAY * 86_400)]
    for day in range(_FIRST_DAY, _LAST_DAY, 7):
        low, high = day * 86_400, (day + 7) * 86_400
        if offset(high) == offsets[-1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
        at.append(high)
        offsets.append(offset(high))
    return np.array(at, np.int64) * 1_000_000, np.array(offsets, np.int64) * 1_000_000
