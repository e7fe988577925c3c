"""The years, months, days and clock times in a column of texts, a form at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.notation.forms import LONGEST, Form, form_of
from seqrt.encoding.notation.layout import DAY, SECOND
from seqrt.encoding.notation.zones import offset_at_wall
from seqrt.encoding.text.texts import Texts

Instants = NDArray[np.int64]
Mask = NDArray[np.bool_]
Characters = NDArray[np.uint8]
Rows = slice | NDArray[np.int64]
Order = Literal["iso", "dmy", "mdy"]

_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "nat"})
_DAYS_OF_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_MONTHS_OF_YEAR = 12
_NOON = 12
_CENTURY = 100
_PIVOT = 69  # two-digit years are 1969 to 2068, as in POSIX
_MIDNIGHT = 24
_FEWEST_DATES = 3


class Group(NamedTuple):
    """The rows of a column with one template, and its form if it has that of a time."""

    rows: Rows
    size: int
    template: str
    form: Form | None


class Ordering(NamedTuple):
    """Which number of 03/04/2024 is the day, and whether that is uncertain or was assumed."""

    written: Order
    ambiguous: bool = False
    assumed: bool = False


def is_no_time(text: str) -> bool:
    """Whether a cell is empty or a word for a missing value."""
    return text.strip().lower() in _MISSING


def characters(cells: Sequence[str]) -> Characters:
    """Return texts as ASCII codes (T, W), padded with 0; a text that cannot be a time is '?'."""
    if isinstance(cells, Texts):
        codes = cells.characters(LONGEST)
        if codes is not None and codes.size and (codes[:, 0] > ord(" ")).all():
            return codes
    cells = list(cells)
    texts: Sequence[str | bytes] = cells
    if max(map(len, cells), default=0) > LONGEST or not all(map(str.isascii, cells)):
        texts = [cell if cell.isascii() and len(cell) <= LONGEST else "?" for cell in cells]
    held = np.array(texts, "S")
    codes = held.view(np.uint8).reshape(len(held), held.dtype.itemsize)
    if (codes[:, 0] <= ord(" ")).any():
        held = np.strings.strip(held)
        codes = held.view(np.uint8).reshape(len(held), held.dtype.itemsize)
    return codes


def groups_of(text: Characters) -> list[Group]:
    """Group the rows of texts (T, W) by their templates, in which every digit is 0."""
    zero = ord("0")
    templates = np.where(text - zero < len("0123456789"), np.uint8(zero), text)
    if (templates == templates[0]).all():
        return [_group(slice(None), templates)]
    rng = np.random.default_rng(0)
    keys = np.zeros(len(text), np.uint64)
    for column in templates.T:
        keys += column * np.uint64(rng.integers(1 << 63))
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    return [_group(rows, templates) for rows in np.split(order, edges)]


def _group(rows: Rows, templates: Characters) -> Group:
    first = templates[0 if isinstance(rows, slice) else rows[0]]
    template = first.tobytes().rstrip(b"\0").decode("ascii")
    size = len(templates) if isinstance(rows, slice) else len(rows)
    return Group(rows, size, template, form_of(template))


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of times as numbers, a row each: int64 (T,).

    The month and the day are `month` and `day`, except in rows where `unordered` is true: there
    they are the first and the second number of a date such as 03/04/2024.
    """

    year: Instants
    month: Instants
    day: Instants
    clock: Instants
    offset: Instants
    formed: Mask
    unordered: Mask
    dotted: bool

    @classmethod
    def of(cls, text: Characters, groups: Sequence[Group]) -> Parts:
        """Read the numbers of each group of rows; rows in no form of a time are zero."""
        rows = len(text)
        made = cls(
            year=np.zeros(rows, np.int64),
            month=np.zeros(rows, np.int64),
            day=np.zeros(rows, np.int64),
            clock=np.zeros(rows, np.int64),
            offset=np.zeros(rows, np.int64),
            formed=np.zeros(rows, np.bool_),
            unordered=np.zeros(rows, np.bool_),
            dotted=any(group.form is not None and group.form.mark == "." for group in groups),
        )
        for group in groups:
            if group.form is not None:
                made._fill(group.rows, text[group.rows], group.form)
        return made

    def _fill(self, rows: Rows, text: Characters, form: Form) -> None:
        spans = form.spans
        parts = {
            name: _number(text[:, start:stop])
            for name, (start, stop) in spans.items()
            if name not in _NO_NUMBER
        }
        year = parts["Y"]
        if spans["Y"][1] - spans["Y"][0] == len("24"):
            year = year + np.where(year < _PIVOT, 2_000, 1_900)
        self.formed[rows] = True
        self.year[rows] = year
        self.unordered[rows] = "first" in parts
        if "Q" in parts:
            valid = (parts["Q"] >= 1) & (parts["Q"] <= len("1234"))
            self.month[rows] = np.where(valid, 3 * parts["Q"] - 2, 0)
        else:
            self.month[rows] = parts.get("m", parts.get("first", form.month))
        self.day[rows] = parts.get("d", parts.get("second", 1))
        self.clock[rows] = _clock(parts, form)
        if "sign" in spans:
            minutes = 60 * parts["zh"] + parts.get("zm", 0)
            self.offset[rows] = (-minutes if form.west else minutes) * 60 * SECOND
        elif form.zone:
            wall = _days(self.year[rows], self.month[rows], self.day[rows])[0] * DAY
            self.offset[rows] = offset_at_wall(form.zone, wall + self.clock[rows])

    def order(self, given: Literal["dmy", "mdy"] | None) -> Ordering:
        """Decide for the whole column whether the day or the month comes first."""
        if not self.unordered.any():
            return Ordering("iso")
        if given is not None:
            return Ordering(given)
        first, second = self.month[self.unordered], self.day[self.unordered]
        if (first > _MONTHS_OF_YEAR).any():
            return Ordering("dmy")
        if (second > _MONTHS_OF_YEAR).any():
            return Ordering("mdy")
        if self.dotted or (first == second).all():
            return Ordering("dmy")
        regular = [order for order in ("dmy", "mdy") if _is_regular(*self.walls(order))]
        if len(regular) == 1:
            return Ordering("dmy" if regular == ["dmy"] else "mdy", assumed=True)
        return Ordering("dmy", ambiguous=True)

    def walls(self, order: str) -> tuple[Instants, Mask]:
        """Return the times on the clock in microseconds, and which of them exist."""
        month, day = self.month, self.day
        if order == "dmy":
            month = np.where(self.unordered, self.day, self.month)
            day = np.where(self.unordered, self.month, self.day)
        days, valid = _days(self.year, month, day)
        return days * DAY + self.clock, valid & self.formed & (self.clock >= 0)


_NO_NUMBER = frozenset({"dash", "mark", "name", "weekday", "half", "sign", "zone"})


def _number(digits: Characters) -> Instants:
    """Return the numbers that some columns of digits (T, n) write."""
    value = digits[:, 0].astype(np.int64) - ord("0")
    for column in digits.T[1:]:
        value = value * 10 + (column - ord("0"))
    return value


def _clock(parts: Mapping[str, Instants], form: Form) -> Instants | int:
    """Return the time of day in microseconds, -1 where it does not exist."""
    if "H" not in parts:
        return 0
    hour, minute, second = parts["H"], parts.get("M", np.int64(0)), parts.get("S", np.int64(0))
    good = (hour < _MIDNIGHT) & (minute < 60) & (second < 60)
    good |= (hour == _MIDNIGHT) & (minute == 0) & (second == 0)
    if form.afternoon is not None:
        good = (hour >= 1) & (hour <= _NOON) & (minute < 60) & (second < 60)
        hour = hour % _NOON + _NOON * form.afternoon
    fraction: Instants | int = 0
    if "f" in parts:
        digits = form.spans["f"][1] - form.spans["f"][0]
        fraction = parts["f"] * 10 ** max(6 - digits, 0) // 10 ** max(digits - 6, 0)
    return np.where(good, ((hour * 60 + minute) * 60 + second) * SECOND + fraction, -1)


def _days(year: Instants, month: Instants, day: Instants) -> tuple[Instants, Mask]:
    """Return the days since 1970-01-01, and which of the dates exist."""
    valid = (month >= 1) & (month <= _MONTHS_OF_YEAR) & (year >= 1) & (day >= 1)
    month = np.where(valid, month, 1)
    leap = (month == 2) & (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    valid &= day <= _DAYS_OF_MONTH[month] + leap
    months = ((year - 1970) * _MONTHS_OF_YEAR + month - 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64) + day - 1, valid


def _is_regular(wall: Instants, good: Mask) -> bool:
    """Whether at least three different times follow each other in equal steps, or monthly."""
    times = np.unique(wall[good])
    if len(times) < _FEWEST_DATES or not good.all():
        return False
    if len(np.unique(np.diff(times))) == 1:
        return True
    dates = (times // DAY).astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    days = np.unique(dates - months.astype("datetime64[D]"))
    return len(days) == 1 and len(np.unique(np.diff(months.astype(np.int64)))) == 1
