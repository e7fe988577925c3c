"""A table cut into windows, each with its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Task
from seqrt.data.ragged import Floats, Ragged
from seqrt.data.runs import Runs, as_runs, intersection, pieces_of, starts_of
from seqrt.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Sequences x (T_i, D) and their targets y, in raw units: the training or validation part.

    y is an array with a row per sequence, or a list with an array per sequence that has a row per
    step. From a table, `first_rows` (B,) is the row with the first target of each window, `when`
    (B,) its time or row number, and `series` (B,) the number of its series if there are several. In
    forecasts `known` (B, O) is the last value of each target in its window. `left_out` counts
    the windows that were dropped because their target is missing.

    A model without a window reads whole runs. Then y, `first_rows`, `when`, `series` and `known`
    have a row for each forecast (N,), and `steps` (N,) is the step that makes it, counted over all
    sequences.
    """

    x: Ragged
    y: Array | list[Array]
    known: Array | None = None
    when: Array | None = None
    first_rows: Array | None = None
    series: Array | None = None
    left_out: int = 0
    steps: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def truth(self) -> Array:
        """All targets in one array, a row per sequence or per step: (N,) or (N, O)."""
        return np.concatenate(self.y) if isinstance(self.y, list) else self.y

    @property
    def truth_series(self) -> Array | None:
        """The number of the series of each target in `truth` (N,), if there are several series."""
        if self.series is None or not isinstance(self.y, list):
            return self.series
        return np.repeat(self.series, self.x.lengths)


def joined(parts: Sequence[Part]) -> Part:
    """Return the sequences of several parts in order; a single part is returned as it is.

    Where the parts are cut from the same array, so is the result.
    """
    if len(parts) == 1:
        return parts[0]
    return Part(*(_joined([getattr(part, field.name) for part in parts]) for field in fields(Part)))


def _joined(values: Sequence[Any]) -> Any:
    match values[0]:
        case None:
            return None
        case int():
            return sum(values)
        case Ragged():
            return Ragged.joined(values)
        case np.ndarray():
            return np.concatenate(values)
        case _:
            return [*chain(*values)]


@dataclass(frozen=True)
class Windowing:
    """How a table is cut: its feature and target columns, the window and the horizon, in rows."""

    task: Task
    target: tuple[str, ...]
    features: tuple[str, ...]
    window: int
    horizon: int

    @property
    def least(self) -> int:
        """The number of rows that one window needs, with its target."""
        return {"forecast": self.window + self.horizon, "tag": 1}.get(self.task, self.window)

    def part(
        self,
        values: Floats,
        targets: Array,
        when: Array,
        runs: Runs | None = None,
        among: NDArray[np.bool_] | None = None,
    ) -> Part:
        """Cut the rows of a table into sequences with their targets.

        values (T, D), targets (T,) or (T, O) and times (T,) have a row per row of the table; x of
        the result is cut from `values` without copying. A window lies inside one of the `runs`, by
        default all rows, and all rows of its target are `among` (T,) those that are asked for. It
        is left out if a target value is missing, or if the target has no value before it in the
        run, so that persistence cannot predict it.
        """
        runs = as_runs((0, len(values))) if runs is None else runs
        self._check_rows(runs)
        values = np.ascontiguousarray(values)
        if self.task == "tag":
            return self._pieces(values, targets, runs, among)
        window, horizon = self.window, self.horizon
        starts = starts_of(runs, self.least)
        if among is not None:
            starts = starts[among[starts + self.least - 1] & among[starts + self._first_target]]
            self._check_some(starts)
        x = Ragged(values, starts, np.full(len(starts), window))
        if self.task != "forecast":
            rows = starts + window - 1
            return _with_targets(Part(x, targets[rows], when=when[rows], first_rows=rows))
        rows = starts + window
        ahead = targets[rows[:, None] + np.arange(horizon)]
        known = np.tile(last_known(targets, runs)[rows - 1], horizon)
        return _with_targets(Part(x, ahead.reshape(len(x), -1), known, when[rows], rows))

    def whole_runs(
        self,
        values: Floats,
        targets: Array,
        when: Array,
        runs: Runs,
        among: NDArray[np.bool_] | None = None,
    ) -> Part:
        """Return the runs of a table as sequences, with a forecast after each of their rows.

        Arguments are as for `part`. A forecast has at least as many rows of its run before it as it
        has steps, and a value for each of them. Raises InputError (E_INPUT_SHORT) if there is none.
        """
        rows = starts_of(runs, 2 * self.horizon) + self.horizon
        if among is not None:
            rows = rows[among[rows] & among[rows + self.horizon - 1]]
        known = last_known(targets, runs)[rows - 1]
        ahead = targets[rows[:, None] + np.arange(self.horizon)]
        ahead = ahead.reshape(len(rows), self.horizon * targets.shape[1])
        found = np.isfinite(ahead).all(axis=1) & np.isfinite(known).all(axis=1)
        if not found.any():
            raise InputError(
                f"E_INPUT_SHORT: no forecast of {self.horizon} rows has all its values in the data"
                f" and {self.horizon} rows before it. Use a longer span, or more data."
            )
        rows, place = rows[found], np.searchsorted(runs[:, 0], rows[found], "right") - 1
        read, first, count = np.unique(place, return_index=True, return_counts=True)
        starts = runs[read, 0]
        lengths = rows[first + count - 1] - starts
        before = np.repeat(lengths.cumsum() - lengths - starts, count)
        return Part(
            Ragged(np.ascontiguousarray(values), starts, lengths),
            ahead[found],
            np.tile(known[found], self.horizon),
            when[rows],
            rows,
            left_out=int((~found).sum()),
            steps=rows - 1 + before,
        )

    @property
    def _first_target(self) -> int:
        """The first row of a window's target, from the start of the window."""
        return self.window if self.task == "forecast" else self.window - 1

    def _pieces(
        self, values: Floats, targets: Array, runs: Runs, among: NDArray[np.bool_] | None
    ) -> Part:
        """Cut runs into sequences of at most one window, with a target at every row."""
        if among is not None:
            edges = np.flatnonzero(np.diff(among, prepend=False, append=False))
            runs = intersection(runs, edges.reshape(-1, 2))
            self._check_some(runs)
        pieces = pieces_of(runs, self.window)
        x = Ragged(values, pieces[:, 0], pieces[:, 1] - pieces[:, 0])
        return Part(x, [targets[a:b] for a, b in pieces.tolist()], first_rows=pieces[:, 0])

    def _check_rows(self, runs: Runs) -> None:
        rows = int((runs[:, 1] - runs[:, 0]).max(initial=0))
        if rows < self.least:
            ahead = f" and the horizon of {self.horizon}" if self.task == "forecast" else ""
            raise InputError(
                f"E_INPUT_SHORT: a series must have at least {self.least} rows without a gap, the"
                f" window of {self.window}{ahead}, but the longest run has {rows}. Use more data,"
                " or fill the gaps."
            )

    def _check_some(self, found: Array) -> None:
        if not len(found):
            raise InputError(
                "E_INPUT_SHORT: no window has its target in the span, which needs"
                f" {self.least} consecutive rows. Use a longer span, or more data."
            )


def last_known(targets: Array, runs: Runs) -> Array:
    """Return targets (T, O) with each gap filled by the value before it in its run, if any."""
    rows = np.arange(len(targets))[:, None]
    known = np.where(np.isnan(targets), 0, rows)
    known[runs[:, 0]] = runs[:, :1]
    return np.take_along_axis(targets, np.maximum.accumulate(known, axis=0), axis=0)


def _with_targets(part: Part) -> Part:
    """Return the windows that have a target, and a last known value to compare it with."""
    targets, known = np.asarray(part.y), part.known
    if targets.dtype.kind != "f":
        return part
    lacking = np.isnan(targets).any(axis=1)
    if known is not None:
        lacking |= np.isnan(known).any(axis=1)
    if not lacking.any():
        return part
    if lacking.all():
        raise InputError(
            f"E_INPUT_MISSING: a window needs a target value, but all {len(targets):,} windows"
            " lack one. Use more data, or a shorter horizon."
        )
    complete = np.flatnonzero(~lacking)
    taken = {
        field.name: getattr(part, field.name)[complete]
        for field in fields(Part)
        if field.name != "left_out" and getattr(part, field.name) is not None
    }
    return Part(**taken, left_out=int(lacking.sum()))
