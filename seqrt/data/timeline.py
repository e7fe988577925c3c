"""A table in order: its series, its times, and the runs of rows that windows are cut from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqrt.data.table import Table
from seqrt.data.windowing import Part

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Timeline:
    """Rows of a table sorted by series and then by time, and where they may form windows.

    `series` names the columns that tell several series apart, and `keys` has their cells for each
    of S series. Series i is the rows `bounds[i]` to `bounds[i + 1]` of `table`. `runs` (R, 2) holds
    the first row and the row after the last of each run without a gap; no run reaches from one
    series into the next. `step` is the time from row to row, such as "1 day", and empty if it is
    not regular. `notes` are sentences on what was sorted, left out or found missing.
    """

    table: Table
    series: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    bounds: Numbers
    runs: Numbers
    step: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def plain(cls, table: Table) -> Timeline:
        """Take a table as a single series without gaps, in the order of its file."""
        bounds = np.array([0, table.rows])
        return cls(table, (), ((),), bounds, bounds[None])

    def within(self, first: str | None, last: str | None) -> NDArray[np.bool_]:
        """Return which rows have a time from `first` to `last`, as `Table.span` reads them."""
        inside = np.zeros(self.table.rows, bool)
        inside[self.table.rows_between(first, last)] = True
        return inside

    def with_series(self, part: Part) -> Part:
        """Return a part of this table with the number of each window's series."""
        if len(self.keys) == 1 or part.first_rows is None:
            return part
        return replace(part, series=np.searchsorted(self.bounds, part.first_rows, "right") - 1)
