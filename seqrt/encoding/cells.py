"""What the text of one cell says: a number, a date, or that its value is missing."""

from __future__ import annotations

import math
import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BOOLEANS = {"true": 1.0, "false": 0.0}
FIRST_INEXACT = 2**53
"""The whole number from which on float64 rounds some."""
MISSING_STAMP = -(2**63)

_MISSING = frozenset({"", "nan", "na", "n/a", "#n/a", "<na>", "null", "none"})
# A number that is written back as it was read, apart from zeros at its end.
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_CLOCK = r"(?:[T ,].+)?"
_DATE = re.compile(
    rf"[0-9]{{4}}-?[0-9]{{2}}-?[0-9]{{2}}[T ].+|[0-9]{{4}}([-/.])[0-9]{{1,2}}\1[0-9]{{1,2}}{_CLOCK}"
    rf"|[0-9]{{1,2}}([-/.])[0-9]{{1,2}}\2(?:[0-9]{{4}}|[0-9]{{2}}){_CLOCK}"
    rf"|(?:[a-z]{{3,9}},? )?[0-9]{{1,2}}\.?[ -]{_MONTH}[ ,-]{{1,2}}[0-9]{{4}}{_CLOCK}"
    rf"|(?:[a-z]{{3,9}},? )?{_MONTH} [0-9]{{1,2}},? [0-9]{{4}}{_CLOCK}"
    rf"|{_MONTH}[ -][0-9]{{4}}|[0-9]{{4}}-[0-9]{{2}}|[0-9]{{4}}M[0-9]{{2}}|[0-9]{{2}}/[0-9]{{4}}"
    r"|[0-9]{4}[- ]?Q[0-9]",
    re.ASCII | re.IGNORECASE,
)


def parse_number(text: str) -> float:
    """Return the finite number that `text` denotes, or NaN."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    # Python reads 1_000 as a thousand; other programs do not
    return value if math.isfinite(value) and "_" not in text else math.nan


def number_text(value: float) -> str:
    """Return the shortest text that denotes the number, without a point if it is whole."""
    whole = value.is_integer() and abs(value) < FIRST_INEXACT
    return str(int(value)) if whole else str(value)


def is_missing(text: str) -> bool:
    """Whether the text of a cell means that its value is missing."""
    return text.strip().lower() in _MISSING


def is_plain(text: str) -> bool:
    """Whether a number is written plainly: no zeros or plus before it."""
    return _PLAIN.fullmatch(text.strip()) is not None and not math.isnan(parse_number(text))


def looks_like_date(text: str) -> bool:
    """Whether a cell has the form of a date, with or without a time of day."""
    return _DATE.fullmatch(text.strip()) is not None


def stamp_texts(wall: NDArray[np.int64], *, days: bool) -> list[str]:
    """Write the times of a clock, in microseconds since 1970, as dates or dates and times."""
    stamps: NDArray[np.datetime64] = wall.astype("datetime64[us]")
    unit: Literal["D", "us", "s"] = "D"
    if not days:
        unit = "us" if (wall[wall != MISSING_STAMP] % 1_000_000).any() else "s"
    texts = np.datetime_as_string(stamps, unit=unit).tolist()
    return ["" if text == "NaT" else str(text).replace("T", " ") for text in texts]
