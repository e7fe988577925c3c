"""The columns of a table as the features of a network, by the `inputs` of its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.columns import Input
from seqrt.encoding.calendar import calendar_features
from seqrt.encoding.categories import category_features
from seqrt.encoding.column import Numbers, TableColumn
from seqrt.encoding.counters import far_wholes, subtracted
from seqrt.errors import InputError

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


_LARGEST = float(np.finfo(np.float32).max)


class Cells(Protocol):
    """Columns of one length, in which a cell can be named: a table, or what a program passes."""

    @property
    def rows(self) -> int:
        """The number of cells in each column."""

    def column(self, name: str) -> TableColumn:
        """Return a column; raise an error for one that does not exist."""

    def cell_place(self, name: str, row: int) -> str:
        """Return where a cell is, for a message."""

    def refusal(self, name: str, row: int) -> InputError:
        """Return the error for a cell that is missing or is not a value of its column."""


def encode(
    inputs: Sequence[Input],
    cells: Cells,
    wall: Integers | None = None,
    runs: Integers | None = None,
    ends: Integers | None = None,
    *,
    missing: bool = False,
) -> Numbers:
    """Return the features (T, D) in float64, in the order of `inputs`; NaN is a missing value.

    `wall` (T,) are the times on the clock of the place, in microseconds since 1970, for calendar
    features. `runs` (R, 2) are the rows whose features are needed, by default all of them in one
    run; in other rows nothing is checked. A value from k rows ahead is taken up to the end of the
    run, or up to `ends` (R,) where rows with known values follow it, and is NaN beyond.

    Raises InputError at the first cell in use that is not a value of its column: E_INPUT_CELL, or
    E_INPUT_MISSING unless `missing` allows it; and E_INPUT_RANGE for a number that float32 cannot
    hold even after its offset is subtracted.
    """
    if runs is None:
        runs = np.array([[0, cells.rows]])
    ends = runs[:, 1] if ends is None else ends
    features = np.empty((cells.rows, sum(each.width for each in inputs)))
    made: dict[tuple[object, ...], Numbers] = {}
    at = 0
    for each in inputs:
        use = each.column, each.kind, each.offset, each.levels, each.cycle
        if use not in made:
            made[use] = _encoded(each, cells, wall)
        used, values = _rows_ahead(cells.rows, runs, ends, each.ahead), made[use]
        if each.kind != "calendar":
            _check(each, cells, values, used, missing=missing)
        features[:, at : at + each.width] = _shifted(values, used, each.ahead)
        at += each.width
    return features


def _encoded(each: Input, cells: Cells, wall: Integers | None) -> Numbers:
    """Return the features (T, ·) of the cells at their own rows."""
    if each.kind == "calendar":
        assert each.cycle
        assert wall is not None
        return calendar_features(each.cycle, wall)
    column = cells.column(each.column)
    if each.kind != "category":
        return subtracted(column, each.offset)[:, None]
    if column.fault is not None and column.cells is None:
        raise cells.refusal(each.column, 0)
    return category_features(column, each.levels)


def _rows_ahead(rows: int, runs: Integers, ends: Integers, ahead: int) -> Mask | None:
    """Return which rows are `ahead` rows after one of a run, before its end; None if all are."""
    if len(runs) == 1 and not ahead and (runs[0] == (0, rows)).all():
        return None
    first = np.minimum(runs[:, 0] + ahead, ends)
    last = np.minimum(runs[:, 1] + ahead, ends)
    steps = np.zeros(rows + 1, np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, last, -1)
    return steps[:-1].cumsum() > 0


def _check(each: Input, cells: Cells, values: Numbers, used: Mask | None, *, missing: bool) -> None:
    """Raise InputError at the first used cell that has no value, or that float32 cannot hold."""
    lacking = ~np.isfinite(values[:, 0])
    if used is not None:
        lacking &= used
    rows = np.flatnonzero(lacking).tolist()
    if missing:
        rows = cells.column(each.column).filled(rows)
    if rows:
        raise cells.refusal(each.column, rows[0])
    if each.kind != "category":
        _check_range(each, cells, values[:, 0], used)


def _check_range(each: Input, cells: Cells, values: Numbers, used: Mask | None) -> None:
    """Raise InputError at the first used cell that is no boolean, or too large for float32."""
    column = cells.column(each.column)
    if each.kind == "boolean":
        wrong = ~np.isnan(values) & (values != 0) & (values != 1)
        must = "be true or false, or 1 or 0"
    elif each.offset:
        wrong = far_wholes(values)
        must = f"be within 16,777,216 of {each.offset:,}, which is subtracted from it"
    elif column.exact is not None:
        wrong = ~np.isnan(values) & (values.astype(np.int64) != column.exact)
        must = "fit float32"
    else:
        wrong = np.abs(values) > _LARGEST
        must = f"be at most {_LARGEST:.1e}, which float32 can hold"
    rows = np.flatnonzero(wrong if used is None else wrong & used)
    if len(rows):
        row = int(rows[0])
        code = "CELL" if each.kind == "boolean" else "RANGE"
        fix = "Correct it, or train again on data with such values."
        if abs(values[row]) > _LARGEST:
            fix = "Correct it, or scale the column."
        raise InputError(
            f"E_INPUT_{code}: {cells.cell_place(each.column, row)}: a cell must {must}, got"
            f" {column.text(row)!s:.60}. {fix}"
        )


def _shifted(values: Numbers, used: Mask | None, ahead: int) -> Numbers:
    """Return for each row the features of the row `ahead` of it; NaN where it is not in use."""
    if used is None:
        return values
    inside = np.where(used[:, None], values, np.nan)
    if not ahead:
        return inside
    shifted = np.full_like(values, np.nan)
    shifted[: max(0, len(values) - ahead)] = inside[ahead:]
    return shifted
