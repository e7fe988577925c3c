"""A table in order: its series, its times, and the runs of rows that windows are cut from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqrt.data.ordering.step import Step
from seqrt.data.table import Table
from seqrt.data.windowing import Part
from seqrt.encoding.times import Times

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Timeline:
    """Rows of a table sorted by series and then by time, and where they may form windows.

    `series` names the columns that tell several series apart, and `keys` has their cells for each
    of S series. Series i is the rows `bounds[i]` to `bounds[i + 1]` of `table`. `runs` (R, 2) holds
    the first row and the row after the last of each run without a gap; no run reaches from one
    series into the next. `step` is the time from row to row, such as "1 day", and empty if it is
    not regular. `notes` are sentences on what was sorted, left out or found missing. `times` has
    the time of each row, and `spacing` the step as more than a text; both are None without a time.
    Where rows of a plan follow the runs, `planned` (R, 2) are runs that include it: see
    known_ahead.
    """

    table: Table
    series: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    bounds: Numbers
    runs: Numbers
    step: str = ""
    notes: tuple[str, ...] = ()
    times: Times | None = None
    spacing: Step | None = None
    planned: Numbers | None = None

    @classmethod
    def plain(cls, table: Table) -> Timeline:
        """Take a table as a single series without gaps, in the order of its file."""
        bounds = np.array([0, table.rows])
        times = table.known_times() if table.time is not None else None
        return cls(table, (), ((),), bounds, bounds[None], times=times)

    @property
    def reach(self) -> Numbers:
        """The row (R,) up to which each run has values that are known ahead."""
        if self.planned is None:
            return self.runs[:, 1]
        place = np.searchsorted(self.planned[:, 0], self.runs[:, 0], "right") - 1
        ends: Numbers = self.planned[place, 1]
        return ends

    def within(self, first: str | None, last: str | None) -> NDArray[np.bool_]:
        """Return which rows have a time from `first` to `last`, as `Table.span` reads them."""
        return self.table.rows_between(first, last)

    def with_series(self, part: Part) -> Part:
        """Return a part of this table with the number of each window's series."""
        if len(self.keys) == 1 or part.first_rows is None:
            return part
        return replace(part, series=np.searchsorted(self.bounds, part.first_rows, "right") - 1)

    def short(self, rows: int) -> list[tuple[str, ...]]:
        """Return the keys of the series that have no run of at least so many rows."""
        long = self.runs[self.runs[:, 1] - self.runs[:, 0] >= rows, 0]
        kept = np.unique(np.searchsorted(self.bounds, long, "right") - 1)
        return [self.keys[i] for i in np.setdiff1d(np.arange(len(self.keys)), kept).tolist()]

    def times_after(self, rows: Numbers, steps: int = 1) -> list[str]:
        """Return the time `steps` after each of some rows, written as in the data.

        It is that of the row so far ahead if it is in the same run, and else is counted from the
        step. Empty texts if the table has no time, or no two rows to find the step from.
        """
        if self.times is None:
            return [""] * len(rows)
        ahead = rows + steps
        run = np.searchsorted(self.runs[:, 0], rows, "right") - 1
        held = ahead < self.reach[np.maximum(run, 0)]
        texts = np.array(self.times.take(np.where(held, ahead, 0)).text(), object)
        if not held.all():
            last = self.times.take(rows[~held])
            later = None if self.spacing is None else self.spacing.after(last, steps).text()
            texts[~held] = [""] * len(last.instant) if later is None else later
        return [str(text) for text in texts]
