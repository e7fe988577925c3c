"""What comes next: the rows that a model forecasts after the last window of every series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.data.known_ahead import predictable
from seqrt.data.predicted.rows import series_at, series_numbers, times_after
from seqrt.data.predicted.table import beside
from seqrt.data.slices import slices
from seqrt.data.timeline import Timeline
from seqrt.errors import InputError

Columns = Mapping[str, NDArray[Any]]
Rows = NDArray[np.int64]
Floats = NDArray[np.float32]

# Memory of the windows that are predicted at a time, in bytes.
_MOST = 64 << 20


@dataclass(frozen=True, eq=False)
class Future:
    """The rows after B series: H steps y (B, H, K) of the K `targets`, in raw units.

    `last` (B,) are the rows of `data` that they follow. `short` has the keys of the series that are
    left out, because the rows at their end are fewer than a window.
    """

    data: Timeline
    last: Rows
    targets: tuple[str, ...]
    features: tuple[str, ...]
    y: Floats
    short: tuple[tuple[str, ...], ...] = ()

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
        """Return the rows as a table: the series, the time, and a column per target by its name."""
        rows = np.repeat(self.last, self.y.shape[1])
        name, cells, _ = self.places
        values = self.y.reshape(-1, len(self.targets))
        found = {target: values[:, i] for i, target in enumerate(self.targets)}
        return beside(beside(series_at(self.data, rows), {name: cells}), found)


def future_of(
    data: Timeline,
    manifest: Manifest,
    predict: Callable[[Floats | list[Floats]], Any],
    steps: int | None = None,
) -> Future:
    """Forecast the rows after every series: `steps` of them, by default the horizon of the model.

    `predict` maps windows (B, W, D), or a list of sequences (T, D), to outputs (B, O), as
    Model.predict does. A series with fewer rows at its end than a window is left out.

    Raises InputError: E_INPUT_SHORT if that leaves none, and all errors of encoding the features.
    """
    data = predictable(data, manifest, at_end=True)
    ends, short = _ends(data, manifest.window or 1)
    if not len(ends):
        longest = int(np.diff(data.runs).max(initial=0))
        raise InputError(
            f"E_INPUT_SHORT: {data.table.source} must have at least {manifest.window} rows in a row"
            f" at the end of a series, the window of the model; the longest has {longest}."
        )
    read = slices(replace(data, runs=ends), manifest)
    size = max(1, _MOST // (4 * max(1, read.steps) * len(manifest.features)))
    y = np.concatenate(
        [
            _last_step(predict(read.part(slice(first, first + size), slice(0, read.steps))))
            for first in range(0, read.sequences, size)
        ]
    )
    targets = _targets(manifest)
    y = y.reshape(len(y), -1, len(targets))
    features = tuple(column.name for column in manifest.features)
    return Future(data, ends[:, 1] - 1, targets, features, y[:, :steps], short)


def _ends(data: Timeline, window: int) -> tuple[Rows, tuple[tuple[str, ...], ...]]:
    """Return the last window of each series as a run (B, 2), and the keys of those too short."""
    place = np.searchsorted(data.runs[:, 0], data.bounds[1:]) - 1
    runs = data.runs[place] if len(data.runs) else np.zeros((len(place), 2), np.int64)
    rows = runs[:, 1] - np.maximum(runs[:, 0], data.bounds[:-1])
    long = rows >= window
    ends = runs[long, 1]
    short = tuple(data.keys[i] for i in np.flatnonzero(~long))
    return np.stack([ends - window, ends], axis=1), short


def _last_step(y: Any) -> Floats:
    """Return outputs (B, O), those of the last step where there is one for every step."""
    if isinstance(y, list):
        return np.stack([steps[-1] for steps in y])
    found: Floats = y[:, -1] if y.ndim == len("BTO") else y
    return found


def _targets(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the targets; the outputs are these for the first step, the second, ..."""
    each = len(manifest.outputs) // (manifest.horizon or 1)
    if len(manifest.targets) == each:
        return manifest.targets
    return tuple(column.name.removesuffix("+1") for column in manifest.outputs[:each])
