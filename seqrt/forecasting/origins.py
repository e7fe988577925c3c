"""The origins of a back-test: from which rows of a table forecasts begin, and their history."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqrt.data import Timeline
from seqrt.data.runs import Runs, as_runs
from seqrt.forecasting.point import ROUNDING

Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Origins:
    """N origins in rising order, each the first of H rows to forecast.

    `values` (T, K) are the targets of a table, NaN where a value is missing, and `rows` (N,) the
    first row of each forecast. The history of a forecast are the rows before it that are in the
    same of the `runs` (R, 2): no value of another series, and none before a gap. `bounds` (S + 1,)
    are the edges of the series.

    What is fitted once, such as a scale, uses only the rows of its series before the first origin.
    """

    values: Numbers
    rows: Rows
    horizon: int
    runs: Runs
    bounds: Rows

    @classmethod
    def of(cls, values: Numbers, rows: Rows, horizon: int, data: Timeline) -> Origins:
        """Return origins in a table with its series and runs; values are (T,) or (T, K)."""
        return cls(values.reshape(len(values), -1), rows, horizon, data.runs, data.bounds)

    @classmethod
    def in_series(cls, values: Numbers, first: int, horizon: int, every: int = 1) -> Origins:
        """Return each origin from row `first` on, in a single series (T,) or (T, K)."""
        rows = np.arange(first, len(values) - horizon + 1, every)
        ends = np.array([0, len(values)])
        table = values.reshape(len(values), -1).astype(np.float64)
        return cls(table, rows, horizon, as_runs((0, len(values))), ends)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def ahead(self) -> Rows:
        """The rows of each forecast (N, H)."""
        return self.rows[:, None] + np.arange(self.horizon)

    @property
    def truth(self) -> Numbers:
        """The values to forecast (N, H, K)."""
        return self.values[self.ahead]

    @cached_property
    def begin(self) -> Rows:
        """The first row (T,) of the run that each row is in."""
        rows = np.arange(len(self.values))
        place = np.searchsorted(self.runs[:, 0], rows, "right") - 1
        begin: Rows = self.runs[place, 0]
        return begin

    @cached_property
    def filled(self) -> Numbers:
        """The values (T, K) with each gap filled by the value before it in its run, if any."""
        rows = np.arange(len(self.values))[:, None]
        known = np.where(np.isnan(self.values), 0, rows)
        known[self.runs[:, 0]] = self.runs[:, :1]
        last = np.maximum.accumulate(known, axis=0)
        return np.take_along_axis(self.values, last, axis=0)

    @cached_property
    def series(self) -> Rows:
        """The number of the series of each origin (N,)."""
        return np.searchsorted(self.bounds, self.rows, "right") - 1

    @cached_property
    def judged(self) -> Rows:
        """The numbers of the series that have an origin, G of them in rising order."""
        return np.unique(self.series)

    @cached_property
    def edges(self) -> Rows:
        """The first origin (G,) of each series that has one."""
        return np.searchsorted(self.series, self.judged)

    @property
    def fitted(self) -> Runs:
        """The rows (G, 2) of each series that has an origin, from its start to its first origin."""
        return np.stack([self.bounds[self.judged], self.rows[self.edges]], axis=1)

    def before_first(self, group: int, target: int = 0) -> Numbers:
        """Return the last run (t,) of a target before the first origin of series `group` of G."""
        first = self.rows[self.edges[group]]
        return self.filled[self.begin[first - 1] : first, target]

    def slice_of(self, group: int) -> slice:
        """Return which origins belong to series `group` of G."""
        stop = self.edges[group + 1] if group + 1 < len(self.edges) else len(self.rows)
        return slice(int(self.edges[group]), int(stop))

    def means(self, values: Numbers) -> Numbers:
        """Return the mean of values (N, ...) over the origins of each series: (G, ...)."""
        counts = np.diff(self.edges, append=len(self.rows))
        sums = np.add.reduceat(values, self.edges, axis=0)
        return np.asarray(sums / counts.reshape(-1, *(1,) * (values.ndim - 1)))

    def scales(self, season: int, power: int = 1) -> Numbers:
        """Return `point.seasonal_scale` (G, K) of the rows before the first origin of each series.

        Where fewer than a season of differences can be taken there, all rows of the series are
        used. A series that never changes has NaN.
        """
        before = self._scales(season, power, self.fitted[:, 1])
        whole = self._scales(season, power, self.bounds[self.judged + 1])
        return np.where(np.isnan(before), whole, before)

    def _scales(self, season: int, power: int, ends: Rows) -> Numbers:
        rows = np.arange(season, len(self.values))
        rows = rows[rows - season >= self.begin[rows]]
        rows = rows[rows < self._run_ends[rows]]
        group = np.searchsorted(self.judged, np.searchsorted(self.bounds, rows, "right") - 1)
        inside = np.isin(np.searchsorted(self.bounds, rows, "right") - 1, self.judged)
        rows, group = rows[inside], group[inside]
        rows, group = rows[rows < ends[group]], group[rows < ends[group]]
        each = [self._scale(rows, group, season, power, k) for k in range(self.values.shape[1])]
        return np.stack(each, axis=1)

    def _scale(self, rows: Rows, group: Rows, season: int, power: int, k: int) -> Numbers:
        size = np.abs(self.values[rows, k] - self.values[rows - season, k]) ** power
        known = np.isfinite(size)
        counts = np.bincount(group[known], minlength=len(self.judged))
        sums = np.bincount(group[known], size[known], len(self.judged))
        largest = np.zeros(len(self.judged))
        np.maximum.at(largest, group[known], np.abs(self.values[rows[known], k]))
        scale = sums / np.maximum(counts, 1)
        enough = (counts >= season) & (scale > (ROUNDING * largest) ** power)
        return np.where(enough, scale, np.nan)

    @cached_property
    def _run_ends(self) -> Rows:
        place = np.searchsorted(self.runs[:, 0], np.arange(len(self.values)), "right") - 1
        ends: Rows = self.runs[place, 1]
        return ends
