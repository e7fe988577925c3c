"""What comes next: the rows that a model forecasts after the end of every series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.ahead.following import Following, farthest, following, known_ahead
from seqrt.ahead.forecast import Forecast
from seqrt.ahead.layout import ForecastLayout, interval_names
from seqrt.contract import Manifest
from seqrt.data.known_ahead import predictable
from seqrt.data.predicted.rows import series_at, series_numbers, times_after
from seqrt.data.predicted.side_by_side import forecast_of_targets
from seqrt.data.predicted.table import beside
from seqrt.data.serving import feature_values
from seqrt.data.slices import Slices, slices
from seqrt.data.timeline import Timeline
from seqrt.data.wide.melt import Melted
from seqrt.errors import InputError

Columns = Mapping[str, NDArray[Any]]
Rows = NDArray[np.int64]
Floats = NDArray[np.float32]

Forecasts = Callable[..., Forecast]


@dataclass(frozen=True, eq=False)
class Future:
    """The rows after B series: the `forecast` of their targets.

    `last` (B,) are the rows of `data` that they follow. `short` has the keys of the series that are
    left out, because the rows at their end are fewer than a window.
    """

    data: Timeline
    last: Rows
    forecast: Forecast
    features: tuple[str, ...]
    short: tuple[tuple[str, ...], ...] = ()

    @property
    def y(self) -> Floats:
        """The point forecasts (B, H, K)."""
        return self.forecast.point

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the K targets."""
        return self.forecast.targets

    @property
    def places(self) -> tuple[str, NDArray[Any], NDArray[Any]]:
        """The name of the column that says when, its cells (B H,), and the same as numbers.

        That is the time, continued by the step of the data. Without a time column it is `row`, and
        where the step is not regular it is `step`, from 1.
        """
        steps = 1 + np.tile(np.arange(self.y.shape[1]), len(self.last))
        rows = np.repeat(self.last, self.y.shape[1])
        time = self.data.table.time
        if time is None:
            after = rows - self.data.bounds[series_numbers(self.data, rows)] + 1 + steps
            return "row", after, after
        times = times_after(self.data, rows, steps)
        return ("step", steps, steps) if times is None else (time, times.cells, times.values)

    @property
    def series(self) -> Rows:
        """The number of each series (B,) in `data`."""
        return series_numbers(self.data, self.last)

    def history(self, i: int, k: int, count: int) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return the last `count` values of target `k` of series `i`, as times and values.

        There is a pair for each run without a gap, in order; none if the data lacks the target.
        """
        last = int(self.last[i])
        values = self._known(k)
        if values is None:
            return []
        first = max(int(self.data.bounds[self.series[i]]), last + 1 - count)
        edges = self.data.runs[:, 0]
        edges = edges[(edges > first) & (edges <= last)] - first
        when = self._when(np.arange(first, last + 1), last)
        return list(
            zip(np.split(when, edges), np.split(values[first : last + 1], edges), strict=True)
        )

    def _when(self, rows: Rows, last: int) -> NDArray[Any]:
        """Return the times of some rows as numbers, on the axis of `places`."""
        name = self.places[0]
        if name == "step" and self.data.table.time is not None:
            return rows - last
        if self.data.times is None:
            return rows - self.data.bounds[series_numbers(self.data, rows)] + 1
        return self.data.times.take(rows).values()

    def _known(self, k: int) -> NDArray[np.float64] | None:
        table, name = self.data.table, self.targets[k]
        if not table.named:
            place = self.features.index(name) if name in self.features else -1
            name = table.names[place] if place >= 0 else ""
        return table.columns[name].values if name in table.columns else None

    def columns(self) -> Columns:
        """Return the rows as a table: the series, the time, and each target under its own name.

        A target is followed by the ends of its intervals, such as sales-lo-80 and sales-hi-80. Rows
        without any forecast are left out, which only targets that end at different times have.
        """
        rows = np.repeat(self.last, self.y.shape[1])
        name, cells, _ = self.places
        found = beside(beside(series_at(self.data, rows), {name: cells}), self.values())
        some = ~np.isnan(self.y).all(axis=2).ravel()
        return found if some.all() else {key: each[some] for key, each in found.items()}

    def values(self) -> dict[str, Floats]:
        """Return the columns (B H,) of the targets and their intervals."""
        found, after = {}, self.forecast
        for k, target in enumerate(self.targets):
            found[target] = self.y[:, :, k].ravel()
            for name, level, end in interval_names(target, after.levels):
                found[name] = (after.lower, after.upper)[end][level][:, :, k].ravel()
        return found


def future_of(
    data: Timeline,
    manifest: Manifest,
    forecast: Forecasts,
    steps: int | None = None,
    levels: Sequence[float] | None = None,
    checked: Callable[[Slices], Slices] | None = None,
) -> Future:
    """Forecast the rows after every series: `steps` of them, by default the horizon of the model.

    `forecast` is that of a Model, and `checked` checks what it reads. A series with fewer rows at
    its end than a window, or without any, is left out.

    Raises InputError: E_INPUT_SHORT if that leaves none, E_INPUT_FUTURE for rows beyond the horizon
    that need what is not known, and all errors of encoding the features.
    """
    data = predictable(data, manifest, at_end=True)
    runs, reach, short = _last_runs(data, manifest.window or 1)
    if not len(runs):
        longest = int(np.diff(data.runs).max(initial=0))
        rows = f"{manifest.window} rows in a row" if manifest.window else "a row"
        window = ", the window of the model" if manifest.window else ""
        raise InputError(
            f"E_INPUT_SHORT: {data.table.source} must have at least {rows}"
            f" at the end of a series{window}; the longest has {longest}."
        )
    ends = runs[:, 1]
    windows = np.stack([ends - manifest.window, ends], axis=1) if manifest.window else runs
    read = slices(replace(data, runs=windows), manifest)
    read = checked(read) if checked else read
    x = list(read.part(slice(0, read.sequences), slice(0, read.steps)))
    layout = ForecastLayout.of(manifest)
    more = (-(-(steps or 1) // layout.horizon) - 1) * layout.horizon
    after = _following(replace(data, runs=runs), reach, manifest, more) if more else None
    found = forecast(x, steps, levels, following=after)
    last = ends - 1
    if isinstance(data, Melted):
        notes = data.notes
        data, last, found = forecast_of_targets(data, last, found, manifest)
        data = replace(data, notes=notes)
    features = tuple(column.name for column in manifest.features)
    return Future(data, last, found, features, short)


def _following(data: Timeline, reach: Rows, manifest: Manifest, rows: int) -> Following:
    """Return the features of the `rows` after the end of each series, from the plan and the time.

    The runs of `data` are the last of each series, and their plans end before row `reach` (B,).
    """
    ahead, ends = farthest(manifest), data.runs[:, 1]
    read = feature_values(data, manifest)
    x = [read[first:end] for first, end in data.runs.tolist()]
    planned = wall = None
    if known_ahead(manifest) and (ends + rows + ahead <= reach).all():
        runs = np.stack([ends, ends + rows], axis=1)
        values = feature_values(replace(data, runs=runs), replace(manifest, missing="mean"))
        planned = values[ends[:, None] + np.arange(rows)]
    if any(each.kind == "calendar" for each in manifest.inputs):
        steps = np.tile(np.arange(1, rows + ahead + 1), len(ends))
        times = times_after(data, np.repeat(ends - 1, rows + ahead), steps)
        wall = None if times is None else times.times.wall.reshape(len(ends), -1)
    targets = ForecastLayout.of(manifest).targets
    return following(manifest, targets, x, rows, planned=planned, wall=wall)


def _last_runs(data: Timeline, least: int) -> tuple[Rows, Rows, tuple[tuple[str, ...], ...]]:
    """Return the run at the end of each series (B, 2), the ends of plans (B,), and short keys.

    Series with fewer than the `least` rows in that run are short, and left out.
    """
    place = np.searchsorted(data.runs[:, 0], data.bounds[1:]) - 1
    runs = data.runs[place] if len(data.runs) else np.zeros((len(place), 2), np.int64)
    first = np.maximum(runs[:, 0], data.bounds[:-1])
    long = runs[:, 1] - first >= least
    reach = data.reach[place[long]] if len(data.runs) else runs[long, 1]
    short = tuple(data.keys[i] for i in np.flatnonzero(~long))
    return np.stack([first[long], runs[long, 1]], axis=1), reach, short
