"""Predictions and forecasts of a melted table, as a wide table again: a column for each target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqrt.ahead.forecast import Forecast
from seqrt.ahead.wide import outputs_of_targets, side_by_side
from seqrt.contract import Manifest
from seqrt.data.known_ahead import without_plan
from seqrt.data.runs import intersection
from seqrt.data.timeline import Timeline
from seqrt.data.wide.melt import Melted

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Read = Callable[[int, int], Floats]


@dataclass(frozen=True, eq=False)
class SideBySide:
    """The predictions for the rows of a wide table, at every step of its runs.

    `shape` is (R, T, K O) for R runs, the longest of T rows, and K targets; `lengths` are those of
    the runs. `read` returns some predictions as PredictionFile does; a target that has none at a
    row is NaN. `manifest` names the outputs.
    """

    data: Timeline
    manifest: Manifest
    shape: tuple[int, ...]
    lengths: Rows
    read: Read

    @cached_property
    def last(self) -> Floats | None:
        """The predictions at the last row (K O,)."""
        if not len(self.lengths):
            return None
        end = (len(self.lengths) - 1) * self.shape[1] + int(self.lengths[-1])
        last: Floats = self.read(end - 1, 1)[0]
        return last

    def array(self) -> Floats:
        """Return all predictions, zeros after the end of a run."""
        runs, steps, _ = self.shape
        return self.read(0, runs * steps).reshape(self.shape)


def predictions_of(
    data: Melted, manifest: Manifest, shape: tuple[int, ...], read: Read
) -> SideBySide:
    """Return predictions (R', T', O) for the runs of a melted table as those of the wide one."""
    before, count = data.before, len(data.targets)
    rows = np.arange(before.table.rows)
    _, known = _places(data, data.rows_of(rows), shape[1])
    edges = np.flatnonzero(np.diff(known.any(axis=1), prepend=False, append=False))
    before = replace(before, runs=intersection(before.runs, edges.reshape(-1, 2)))
    starts, lengths = before.runs[:, 0], np.diff(before.runs)[:, 0]
    longest = int(lengths.max(initial=0))

    def read_wide(first: int, number: int) -> Floats:
        numbers = np.arange(first, first + number)
        run, inside = np.divmod(numbers, longest)
        y = np.zeros((number, count, shape[2]), np.float32)
        used = inside < lengths[run]
        places, known = _places(data, data.rows_of((starts[run] + inside)[used]), shape[1])
        found = np.full((*places.shape, shape[2]), np.nan, np.float32)
        if known.any():
            low, high = int(places[known].min()), int(places[known].max())
            found[known] = read(low, high + 1 - low)[places[known] - low]
        y[used] = found
        return outputs_of_targets(manifest, y).astype(np.float32, copy=False)

    wide = side_by_side(manifest)
    return SideBySide(before, wide, (len(lengths), longest, len(wide.outputs)), lengths, read_wide)


def _places(data: Melted, rows: Rows, longest: int) -> tuple[Rows, NDArray[np.bool_]]:
    """Return the numbers of the predictions at melted rows, and which rows are in a run."""
    if not len(data.runs):
        return np.zeros_like(rows), np.zeros(rows.shape, np.bool_)
    run = np.maximum(np.searchsorted(data.runs[:, 0], rows, "right") - 1, 0)
    first, end = data.runs[run, 0], data.runs[run, 1]
    return run * longest + rows - first, (rows >= first) & (rows < end)


def forecast_of_targets(
    data: Melted, last: Rows, found: Forecast, manifest: Manifest
) -> tuple[Timeline, Rows, Forecast]:
    """Return the forecasts after the rows `last` of a melted table as those after the wide one.

    A series begins after the earliest end of its targets; where a target has no forecast at a step,
    it is NaN. Returns the timeline, the rows that are followed, and the forecast.
    """
    before, count = data.before, len(data.targets)
    if any(each.ahead for each in manifest.inputs):
        before = without_plan(before, data.targets)
    place = np.searchsorted(data.bounds, last, "right") - 1
    series, which = np.unique(place // count, return_inverse=True)
    rows = last - data.bounds[place] + before.bounds[place // count]
    target = _target_of(data, last)
    ends = np.full(len(series), before.table.rows)
    np.minimum.at(ends, which, rows)
    later = rows - ends[which]
    steps = found.point.shape[1]
    more = int(later.max(initial=0))
    at = which[:, None], later[:, None] + np.arange(steps), target[:, None]

    def spread(each: Floats) -> Floats:
        wide = np.full((len(series), steps + more, count), np.nan, np.float32)
        wide[at] = each[:, :, 0]
        return wide

    def spread_ends(each: Mapping[float, Floats]) -> dict[float, Floats]:
        return {level: spread(values) for level, values in each.items()}

    return (
        before,
        ends,
        Forecast(
            data.targets,
            spread(found.point),
            spread_ends(found.lower),
            spread_ends(found.upper),
            found.direct + more,
        ),
    )


def _target_of(data: Melted, rows: Rows) -> Rows:
    """Return the number of the target of each of some melted rows."""
    name = data.table.columns[data.series[-1]]
    return np.array([data.targets.index(name.text(row)) for row in rows.tolist()], np.int64)
