"""A table in order: its series, its times, and the runs of rows that windows are cut from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import TimeColumn
from seqrt.data.steps.step import Step
from seqrt.data.table import Table
from seqrt.data.windowing import Part
from seqrt.encoding.dates import between
from seqrt.encoding.times import Times, read_numbers
from seqrt.errors import UsageError

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
    `recorded_time` is what a manifest records of the time column. Where rows of a plan follow the
    runs, `planned` (R, 2) are runs that include it: see known_ahead.
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
    recorded_time: TimeColumn | None = None
    planned: Numbers | None = None

    @classmethod
    def plain(cls, table: Table) -> Timeline:
        """Take a table as a single series without gaps, in the order of its file."""
        bounds = np.array([0, table.rows])
        plain = cls(table, (), ((),), bounds, bounds[None])
        if table.time is None:
            return plain
        times = table.known_times()
        step = Step.of(times, np.ones(max(table.rows - 1, 0), np.bool_))
        return replace(plain, times=times, spacing=step, step=step.text if step else "")

    @property
    def reach(self) -> Numbers:
        """The row (R,) up to which each run has values that are known ahead."""
        if self.planned is None:
            return self.runs[:, 1]
        place = np.searchsorted(self.planned[:, 0], self.runs[:, 0], "right") - 1
        ends: Numbers = self.planned[place, 1]
        return ends

    @property
    def used(self) -> Numbers:
        """The rows (S, 2) of each series in and between its runs, without a plan after them."""
        begins = np.append(self.runs[:, 0], self.bounds[-1])
        first = begins[np.searchsorted(self.runs[:, 0], self.bounds[:-1])]
        first = np.where(first < self.bounds[1:], first, self.bounds[:-1])
        ends = np.maximum.accumulate(np.concatenate([self.bounds[:1], self.runs[:, 1]]))
        last = np.searchsorted(self.runs[:, 0], self.bounds[1:])
        return np.stack([first, np.maximum(ends[last], first)], axis=1)

    def within(self, first: str | None, last: str | None) -> NDArray[np.bool_]:
        """Return which rows have a time from `first` to `last`, as `Table.span` reads them.

        Without a time, the rows of each series are numbered from 1.
        """
        firsts = np.repeat(self.bounds[:-1], np.diff(self.bounds))
        numbers = read_numbers(np.arange(1.0, self.table.rows + 1) - firsts, epochs=False)
        inside = between(self.times or numbers, first, last)
        if not inside.any():
            raise UsageError(self.table.nothing_between(first, last))
        return inside

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
