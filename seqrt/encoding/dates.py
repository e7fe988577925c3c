"""Dates as written in tables: 1958-03-29, 19580329, 1958-03-29 12:00, 1958-03, 1958.

A date without a time zone is taken as UTC, so that all dates can be compared.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, datetime, time

_YEAR = re.compile(r"\d{4}", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d\d", re.ASCII)
# Longer runs of digits are counters and epochs, although some of them would parse as dates.
_DAY = re.compile(r"\d{4}-\d\d-\d\d|\d{8}", re.ASCII)
_DAY_AND_TIME = re.compile(r"\d{4}-?\d\d-?\d\d[T ].+", re.ASCII)


def parse_date(text: str) -> datetime | None:
    """Return the instant at which the date `text` begins, or None if it is not a date."""
    text = text.strip()
    if not (_DAY.fullmatch(text) or _DAY_AND_TIME.fullmatch(text)):
        return None
    try:
        stamp = datetime.fromisoformat(text)
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_dates(texts: Sequence[str]) -> list[datetime] | None:
    """Return the instants of all texts, or None if one of them is not a date."""
    stamps = []
    for text in texts:
        stamp = parse_date(text)
        if stamp is None:
            return None
        stamps.append(stamp)
    return stamps


def parse_period(text: str) -> tuple[datetime, datetime] | None:
    """Return the first and last instant of the year, month, day or instant `text`; else None.

    >>> [str(edge) for edge in parse_period("1960-02")]
    ['1960-02-01 00:00:00+00:00', '1960-02-29 23:59:59.999999+00:00']
    """
    text = text.strip()
    if _YEAR.fullmatch(text):
        return _days(f"{text}-01-01", f"{text}-12-31")
    if _MONTH.fullmatch(text):
        first = parse_date(f"{text}-01")
        if first is None:
            return None
        return _days(f"{text}-01", f"{text}-{monthrange(first.year, first.month)[1]}")
    if _DAY.fullmatch(text):
        return _days(text, text)
    stamp = parse_date(text)
    return None if stamp is None else (stamp, stamp)


def _days(first: str, last: str) -> tuple[datetime, datetime] | None:
    """Return the first instant of one day and the last of another."""
    start, end = parse_date(first), parse_date(last)
    if start is None or end is None:
        return None
    return start, datetime.combine(end, time.max, UTC)
