"""Lengths of time in words: "15 minutes", "1 business day", "about 2.5 hours"."""

from __future__ import annotations

import math
import re
from typing import Literal

Unit = Literal["number", "instant", "day", "business day", "month"]

_MICROSECONDS = {
    "day": 86_400_000_000,
    "hour": 3_600_000_000,
    "minute": 60_000_000,
    "second": 1_000_000,
    "millisecond": 1_000,
    "microsecond": 1,
}
_MONTHS = {"year": 12, "quarter": 3, "month": 1}
_DAYS = {"week": 7, "day": 1}
_MOST_COUNTED = 999
_MOST_WHOLE = 120
_TEXT = re.compile(r"([0-9.e+-]+)(?: ([a-z ]+?)s?)?")


def exact_text(unit: Unit, size: float) -> str:
    """Return a length in the largest unit that divides it, or with decimals if that is small.

    >>> exact_text("instant", 900_000_000), exact_text("month", 3), exact_text("number", 0.5)
    ('15 minutes', '1 quarter', '0.5')
    """
    if unit == "number":
        return f"{size:.12g}"
    names = dict({"instant": _MICROSECONDS, "day": _DAYS, "month": _MONTHS}.get(unit, {unit: 1}))
    whole = max(round(size), 1)
    if unit == "instant":
        del names["day"]  # a day is counted on the clock, and may have 23 hours
    name, length = next(each for each in names.items() if whole % each[1] == 0)
    if whole // length <= _MOST_COUNTED:
        return _counted(str(whole // length), name)
    name, length = next(each for each in names.items() if whole >= each[1])
    return _counted(f"{whole / length:.9g}", name)


def near_text(unit: Unit, size: float) -> str:
    """Return a length in the largest unit that gives a whole number, or with two decimals.

    >>> near_text("instant", 5_400_000_000), near_text("instant", 5_444_444_444)
    ('90 minutes', '1.51 hours')
    """
    if unit == "number":
        return f"{size:.6g}"
    names = {"instant": _MICROSECONDS, "month": {"month": 1}}.get(unit, {unit: 1})
    reached = [each for each in names.items() if size >= each[1]] or [list(names.items())[-1]]
    whole = (each for each in reached if size % each[1] == 0 and size <= _MOST_WHOLE * each[1])
    name, length = next(whole, reached[0])
    return _counted(f"{round(size / length, 2):g}", name)


def size_of_text(text: str) -> tuple[Unit, float] | None:
    """Return the unit and size of a text that `exact_text` has written; None if it is empty."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    number, name = float(match[1]), match[2]
    units: tuple[tuple[Unit, dict[str, int]], ...] = (
        ("business day", {"business day": 1}),
        ("month", _MONTHS),
        ("day", _DAYS),
        ("instant", _MICROSECONDS),
    )
    for unit, names in units:
        if name in names:
            return unit, number * names[name]
    return ("number", number) if name is None else None


def rounded(size: float) -> float:
    """Return a positive number with three significant digits."""
    if size <= 0 or not math.isfinite(size):
        return size
    digits = 2 - math.floor(math.log10(size))
    return round(size, digits)


def _counted(number: str, name: str) -> str:
    return f"{number} {name}{'' if number == '1' else 's'}"
