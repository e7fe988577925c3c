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
from seqrt.data.windows import windows
from seqrt.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Sequences x (T_i, D) and their targets y, in raw units: the training or validation part.

    y is an array with a row per sequence, or a list with an array per sequence that has a row per
    step. In forecasts `known` (B, O) is the last value of each target in its window, and `when`
    (B,) the time or row number of the first forecast step. `left_out` counts the windows that were
    dropped because their target is missing.
    """

    x: Ragged
    y: Array | list[Array]
    known: Array | None = None
    when: Array | None = None
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.x)

    @property
    def truth(self) -> Array:
        """All targets in one array, a row per sequence or per step: (N,) or (N, O)."""
        return np.concatenate(self.y) if isinstance(self.y, list) else self.y


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

    def part(self, values: Floats, targets: Array, when: Array, rows: slice = slice(None)) -> Part:
        """Cut some `rows` of a table into sequences with their targets.

        values (T, D), targets (T,) or (T, O) and times (T,) have a row per row of the table; x of
        the result is cut from `values` without copying. A window is left out if a target value is
        missing, or if the target has no value before it, so that persistence cannot predict it.
        """
        window, horizon = self.window, self.horizon
        cut = range(*rows.indices(len(values)))
        self._check_rows(len(cut))
        targets, when = targets[rows], when[rows]
        if self.task == "tag":
            starts = np.arange(cut.start, cut.stop, window)
            x = Ragged(values, starts, np.minimum(window, cut.stop - starts))
            return Part(x, np.split(targets, starts[1:] - cut.start))
        if self.task != "forecast":
            x = Ragged.of_windows(values, window, cut)
            return _with_targets(Part(x, targets[window - 1 :], when=when[window - 1 :]))
        ahead = windows(targets[window:], horizon)
        part = Part(
            Ragged.of_windows(values, window, cut[:-horizon]),
            ahead.reshape(len(ahead), -1),
            known=np.tile(_last_known(targets)[window - 1 : -horizon], horizon),
            when=when[window : len(when) - horizon + 1],
        )
        return _with_targets(part)

    def _check_rows(self, rows: int) -> None:
        if rows < self.least:
            ahead = f" and a horizon of {self.horizon}" if self.task == "forecast" else ""
            raise InputError(
                f"E_INPUT_SHORT: a window of {self.window} steps{ahead} needs at least"
                f" {self.least} rows, got {rows}. Use a shorter window, or more data."
            )


def _last_known(targets: Array) -> Array:
    """Return targets (T, O) with each gap filled by the value before it, if there is one."""
    rows = np.arange(len(targets))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(targets), 0, rows), axis=0)
    return np.take_along_axis(targets, last, axis=0)


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
    return Part(
        part.x[complete],
        targets[complete],
        known=None if known is None else known[complete],
        when=None if part.when is None else part.when[complete],
        left_out=int(lacking.sum()),
    )
