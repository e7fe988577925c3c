"""The features of rows after a series, for forecasts beyond the horizon of a model.

A model is then fed its own point forecasts. What else it reads has to be known: the calendar goes
on, columns known ahead are in a plan, and what is constant within each series stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Input, Manifest
from seqrt.contract.columns import inputs_of
from seqrt.encoding.calendar import calendar_features
from seqrt.errors import InputError

Array = NDArray[Any]
Numbers = NDArray[np.float64]


class Slot(NamedTuple):
    """A feature that is a target: its place, the place of the target, and what is subtracted."""

    feature: int
    target: int
    offset: int


@dataclass(frozen=True, eq=False)
class Following:
    """The features x (B, M, D) of the M rows after each series; those of `slots` are not known."""

    x: Numbers
    slots: tuple[Slot, ...]

    def fed(self, rows: NDArray[np.int64], first: int, point: Array) -> NDArray[np.float32]:
        """Return the features (n, h, D) of rows from `first` on, with forecasts (n, h, K) in them.

        `rows` (n,) are the numbers of the series.
        """
        x = self.x[rows, first : first + point.shape[1]]
        for slot in self.slots:
            x[:, :, slot.feature] = point[:, :, slot.target].astype(np.float64) - slot.offset
        return x.astype(np.float32)


def slots_of(manifest: Manifest, targets: Sequence[str]) -> tuple[Slot, ...]:
    """Return the features that are targets, read at their own row as numbers."""
    found, at = [], 0
    for each in _inputs(manifest):
        if each.kind == "number" and not each.ahead and each.column in targets:
            found.append(Slot(at, targets.index(each.column), each.offset))
        at += each.width
    return tuple(found)


def known_ahead(manifest: Manifest) -> tuple[str, ...]:
    """Return the columns that are known ahead."""
    columns = (each.column for each in manifest.inputs if each.ahead and each.kind != "calendar")
    return tuple(dict.fromkeys(columns))


def farthest(manifest: Manifest) -> int:
    """Return how many rows after its own a row reads."""
    return max((each.ahead for each in manifest.inputs), default=0)


def following(
    manifest: Manifest,
    targets: Sequence[str],
    x: Sequence[Array],
    rows: int,
    *,
    planned: Array | None = None,
    wall: NDArray[np.int64] | None = None,
) -> Following:
    """Return the features of the `rows` M after each of B series with the features x (T_i, D).

    `planned` (B, M, D) has the features of a plan, NaN where it has none. `wall` (B, M + A) are the
    times of the rows that follow, on the clock, and of those A that they read ahead.

    Raises InputError (E_INPUT_FUTURE) that names the first column that cannot be continued.
    """
    slots = slots_of(manifest, targets)
    constant, known = _constant(x), known_ahead(manifest)
    last = np.stack([item[-1] for item in x]).astype(np.float64)
    found = np.full((len(x), rows, last.shape[1]), np.nan)
    filled = {slot.feature for slot in slots}
    at = 0
    for each in _inputs(manifest):
        places = slice(at, at + each.width)
        at += each.width
        if places.start in filled:
            continue
        if each.kind == "calendar":
            found[:, :, places] = _calendar(each, wall, rows)
        elif each.column in known:
            if planned is None or np.isnan(planned[:, :, places]).any():
                raise unplanned(each.column, rows, farthest(manifest))
            found[:, :, places] = planned[:, :, places]
        elif constant[places].all():
            found[:, :, places] = last[:, None, places]
        else:
            raise InputError(
                f"E_INPUT_FUTURE: forecasts beyond the horizon of {manifest.horizon} need the"
                f" values of {each.column} in the rows between, which nobody knows. Forecast at"
                " most the horizon, or train a model without this column or with it in --future."
            )
    return Following(found, slots)


def _inputs(manifest: Manifest) -> tuple[Input, ...]:
    return inputs_of(manifest.inputs, [column.name for column in manifest.features])


def _constant(x: Sequence[Array]) -> NDArray[np.bool_]:
    """Return which features (D,) are the same in all rows of each series."""
    same = np.ones(x[0].shape[1], np.bool_)
    for item in x:
        same &= (item == item[0]).all(axis=0)
    return same


def _calendar(each: Input, wall: NDArray[np.int64] | None, rows: int) -> Numbers:
    if wall is None:
        raise InputError(
            f"E_INPUT_FUTURE: forecasts beyond the horizon need the time of each row, for the"
            f" {each.cycle} that the model reads, but {each.column} has no regular step to continue"
            " it by. Give columns with regular times, or forecast at most the horizon."
        )
    assert each.cycle
    times = wall[:, each.ahead : each.ahead + rows]
    return calendar_features(each.cycle, times.ravel()).reshape(*times.shape, -1)


def unplanned(column: str, rows: int, ahead: int) -> InputError:
    """Return the error for a column known ahead that ends before row `rows` + `ahead`."""
    count = rows + ahead
    fewer = ", or forecast fewer steps" if rows else ""
    return InputError(
        f"E_INPUT_FUTURE: a forecast of so many steps needs {column} for {count}"
        f" row{'s' * (count > 1)} after the last target of each series, because the model knows it"
        f" ahead. Append rows with it and an empty target{fewer}."
    )
