"""A column of times: instants from texts or numbers, in any usual notation.

    2024-03-29  20240329  2024-03-29T12:00:00.5+01:00  2024-03-29 12:00 Europe/Berlin  2024-03
    29.03.2024  29/03/2024 12:00  3/29/2024 1:05 PM  29 Mar 2024  Mar 29, 2024  2024Q1
    1711713600 or 1711713600000, seconds or milliseconds since 1970-01-01 UTC

Whether a column is day first or month first is decided by all of its cells. A time without a zone
is taken as UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.notation.layout import SECOND, Layout
from seqrt.encoding.notation.parts import Parts, characters, groups_of, is_no_time
from seqrt.encoding.notation.zones import offset_at_instant, offset_at_wall
from seqrt.encoding.text.iso_dates import iso_microseconds

Instants = NDArray[np.int64]
Numbers = NDArray[np.int64] | NDArray[np.float64]
Mask = NDArray[np.bool_]
Written = Literal["iso", "dmy", "mdy", "seconds", "milliseconds", "number"]
DateOrder = Literal["dmy", "mdy"]

_PROBED = 64
_FIRST_EPOCH, _LAST_EPOCH = 315_532_800, 4_102_444_800  # 1980 and 2100
_UNITS: dict[str, int] = {"seconds": SECOND, "milliseconds": 1_000}


@dataclass(frozen=True, eq=False)
class Times:
    """The times of rows: `instant` orders them and measures steps, `wall` is what the clock shows.

    Both are int64 microseconds since 1970-01-01, (T,); `instant` in UTC. Where the data has plain
    numbers for times, such as years, `written` is "number" and `instant` holds them as float64
    and `wall` zeros.
    """

    instant: Numbers
    wall: Instants
    written: Written
    layout: Layout | None = None

    @property
    def dated(self) -> bool:
        """Whether these are dates on a calendar, and not plain numbers."""
        return self.written != "number"

    @property
    def clocked(self) -> bool:
        """Whether the texts show a time of day."""
        return self.layout is not None and self.layout.has("H")

    @property
    def zoned(self) -> bool:
        """Whether the texts show a zone or an offset from UTC."""
        return self.layout is not None and self.layout.zoned

    def take(self, rows: slice | NDArray[np.int64]) -> Times:
        """Return the times of some rows."""
        return Times(self.instant[rows], self.wall[rows], self.written, self.layout)

    def values(self) -> NDArray[Any]:
        """Return dates on the clock as datetime64[s], and plain numbers as they are."""
        if not self.dated:
            return self.instant
        return self.wall.view("datetime64[us]").astype("datetime64[s]")

    def numbers(self) -> NDArray[np.float64]:
        """Return the numbers that stand for the times: seconds, milliseconds, or themselves."""
        return np.asarray(self.instant / _UNITS.get(self.written, 1), np.float64)

    def text(self) -> list[str]:
        """Return the times as the data writes them.

        >>> read_texts(["31.12.2023 9:00", "1.1.2024 9:00"]).times.text()
        ['31.12.2023 9:00', '1.1.2024 9:00']
        """
        if self.layout is None:
            return _plain(self.numbers())
        return self.layout.write(self.wall, self.wall - np.asarray(self.instant, np.int64))

    def moved(self, instant: Numbers, offset: Instants) -> Times:
        """Return times at other instants; `offset` is the clock's, unless it has a zone."""
        if not self.dated:
            return Times(instant, self.wall, self.written, self.layout)
        moments = instant.astype(np.int64)
        if self.layout is not None and self.layout.zone:
            offset = offset_at_instant(self.layout.zone, moments)
        return Times(moments, moments + offset, self.written, self.layout)

    def on_clock(self, wall: Instants, offset: Instants) -> Times:
        """Return times at which the clock shows `wall`; `offset` as for `moved`."""
        if self.layout is not None and self.layout.zone:
            offset = offset_at_wall(self.layout.zone, wall)
        return Times(wall - offset, wall, self.written, self.layout)


@dataclass(frozen=True, eq=False)
class Reading:
    """Texts read as times: which cells are missing, and which are `bad`, because they are no time.

    `formed` are the cells in the form of a time, even if there is no such day. `ambiguous` means
    that the texts may be day first or month first; `assumed` that only one of both gives a regular
    step, and was taken. `whole` means that all are whole numbers, such as 19580329.
    """

    times: Times
    missing: Mask
    bad: Mask
    formed: Mask
    ambiguous: bool = False
    assumed: bool = False
    whole: bool = False

    @property
    def complete(self) -> bool:
        """Whether every cell is a time."""
        return len(self.bad) > 0 and not (self.bad.any() or self.missing.any())


def read_texts(cells: Sequence[str], dates: DateOrder | None = None) -> Reading | None:
    """Read texts as times; None if most of the first ones are in no form of a time.

    `dates` says whether 03/04/2024 is day first or month first; without it all texts decide.
    """
    if not _begins_with_times(cells):
        return None
    wall = iso_microseconds(cells)
    if wall is not None:
        return _one_form(wall, cells[0])
    text = characters(cells)
    groups = groups_of(text)
    forms = [group.form for group in groups if group.form is not None]
    if not forms:
        return None
    parts = Parts.of(text, groups)
    order = parts.order(dates)
    wall, good = parts.walls(order.written)
    missing = np.zeros(len(text), np.bool_)
    for group in groups:
        missing[group.rows] = is_no_time(group.template)
    common = max((group for group in groups if group.form), key=lambda group: group.size).form
    assert common is not None
    layout = Layout.of(common, forms, order.written)
    return Reading(
        Times(wall - parts.offset, wall, order.written, layout),
        missing,
        ~good & ~missing,
        parts.formed,
        order.ambiguous,
        order.assumed,
        all(form.digits_only for form in forms),
    )


def _one_form(wall: Instants, first: str) -> Reading:
    """Return times without a zone that are all written like the first."""
    form = groups_of(characters([first]))[0].form
    assert form is not None
    times = Times(wall, wall, "iso", Layout.of(form, [form], "iso"))
    none = np.zeros(len(wall), np.bool_)
    return Reading(times, none, none, ~none)


def read_numbers(values: NDArray[np.float64], *, epochs: bool = True) -> Times:
    """Read numbers as times: as seconds or milliseconds since 1970 where all can be, with `epochs`.

    >>> read_numbers(np.array([1711713600.0])).written, read_numbers(np.array([1979.0])).written
    ('seconds', 'number')
    """
    units: tuple[tuple[Written, int], ...] = (("seconds", SECOND), ("milliseconds", 1_000))
    for written, unit in units if epochs and len(values) else ():
        scaled = values * (unit / SECOND)
        if ((scaled >= _FIRST_EPOCH) & (scaled < _LAST_EPOCH)).all():
            instant = np.rint(values * unit).astype(np.int64)
            return Times(instant, instant, written)
    return Times(values, np.zeros(len(values), np.int64), "number")


def _begins_with_times(cells: Sequence[str]) -> bool:
    """Whether most of the first cells that have a value are in the form of a time."""
    probe = [cell for cell in cells[: 4 * _PROBED] if not is_no_time(cell)][:_PROBED]
    probe = probe or [cell for cell in cells if not is_no_time(cell)][:_PROBED]
    formed = sum(
        group.form is not None for cell in probe for group in groups_of(characters([cell]))
    )
    return 2 * formed > len(probe)


def _plain(values: NDArray[np.float64]) -> list[str]:
    """Return numbers as text, whole ones without a decimal point."""
    return [str(int(value)) if value.is_integer() else repr(value) for value in values.tolist()]
