"""Numbers that float32 cannot hold: the whole number that is subtracted from them first.

float32 holds every whole number up to 2^24 = 16,777,216, and seven digits of any other number. A
counter of 1,000,000,017 or an air pressure of 101,325.25 loses what makes it change. Subtracting a
whole number first, in int64 or float64, keeps it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.column import Numbers, TableColumn
from seqrt.errors import InputError

_LARGEST_WHOLE = 2.0**24
# Beyond this, a float64 is not one whole number, but the nearest of several.
_EXACT = 2.0**53
# The largest share of the changes in a column that rounding may take.
_SHARE = 1e-3
_SHARE_OF_MEASUREMENTS = 0.02


class _Rounding(NamedTuple):
    """What float32 does to the values of a column: their range, and the largest rounding."""

    low: int | float
    high: int | float
    largest: float
    whole: bool


def counter_offset(column: TableColumn, place: str) -> int:
    """Return the whole number to subtract from a feature column before its cast to float32.

    That is 0 if float32 holds the column as it is. Whole numbers are shifted by their minimum if
    some of them are rounded and all differences from it are at most 2^24, which keeps each exactly.
    Other numbers are shifted if rounding exceeds a thousandth of their standard deviation.

    Whole numbers over a wider range are rounded like any other number. Raises InputError
    (E_INPUT_RANGE) if that hides how they change: if it exceeds a thousandth of the median change
    from row to row, or if float64 rounds them already. `place` names the column in the message.
    """
    found = _rounding(column)
    if found is None or found.largest == 0:
        return 0
    if found.whole and found.high - found.low <= _LARGEST_WHOLE:
        return int(found.low)
    values = column.values[np.isfinite(column.values)]
    if found.whole:
        steps = np.abs(np.diff(values))
        usual = float(np.median(steps[steps > 0]))
        if _largest(found) > _EXACT or found.largest > _SHARE * usual:
            changes = f"that change by about {usual:,.6g} from row to row"
            raise _range_error(place, found, changes, "leave the column out of --features")
    if found.largest > _SHARE * values.std() > 0:
        return int(np.floor(found.low))
    return 0


def rounding_note(column: TableColumn, name: str) -> tuple[str, ...]:
    """Say of whole numbers without an offset that float32 rounds them, and by how much."""
    found = _rounding(column)
    if found is None or not found.whole or not found.largest:
        return ()
    return (
        f"{name}: its whole numbers from {found.low:,} to {found.high:,} are rounded to float32, by"
        f" up to {found.largest:,.6g}",
    )


def check_target(column: TableColumn, place: str) -> None:
    """Raise InputError (E_INPUT_RANGE) for a target column that float32 cannot hold.

    Outputs are float32 in raw units. Rounding must not exceed a thousandth of the standard
    deviation of whole numbers, and a fiftieth of that of measurements, which are not exact.
    """
    found = _rounding(column)
    if found is None:
        return
    spread = float(column.values[np.isfinite(column.values)].std())
    share = _SHARE if found.whole else _SHARE_OF_MEASUREMENTS
    if found.largest > share * spread > 0:
        changes = f"with a standard deviation of {spread:,.6g}"
        raise _range_error(place, found, changes, "subtract a whole number from the target first")


def subtracted(column: TableColumn, offset: int) -> Numbers:
    """Return the values of a column minus a whole number, in float64, exactly where they are whole.

    NaN stays NaN.
    """
    if column.exact is None:
        return column.values - offset
    difference = column.exact - np.int64(offset)
    # of numbers so far apart that int64 overflows, only the size matters
    rough = column.values - float(offset)
    return np.where(np.abs(rough) <= _EXACT, difference, rough)


def far_wholes(values: Numbers) -> NDArray[np.bool_]:
    """Return which numbers are whole and beyond those that float32 holds without a gap."""
    far: NDArray[np.bool_] = (np.abs(values) > _LARGEST_WHOLE) & (values == np.round(values))
    return far


def _rounding(column: TableColumn) -> _Rounding | None:
    """Return what float32 does to a column; None if it has no values, or they are too large."""
    known = np.isfinite(column.values)
    values = column.values[known]
    if not len(values):
        return None
    with np.errstate(over="ignore"):
        error = values.astype(np.float32) - values
    if not np.isfinite(error).all():
        return None
    low, high = values.min(), values.max()
    if column.exact is not None:
        exact = column.exact[known]
        low, high = exact.min(), exact.max()
        # the largest float64 below 2^63 is 2^63 - 1024
        error = error + (np.clip(values, -(2.0**63), 2.0**63 - 1024).astype(np.int64) - exact)
    whole = column.exact is not None or bool(_is_whole(values).all())
    kind = int if whole else float
    return _Rounding(kind(low), kind(high), float(np.abs(error).max()), whole)


def _is_whole(values: Numbers) -> NDArray[np.bool_]:
    whole: NDArray[np.bool_] = (values == np.round(values)) & (np.abs(values) <= _EXACT)
    return whole


def _largest(found: _Rounding) -> float:
    return max(abs(found.low), abs(found.high))


def _range_error(place: str, found: _Rounding, changes: str, fix: str) -> InputError:
    kind = "whole numbers" if found.whole else "numbers"
    return InputError(
        f"E_INPUT_RANGE: {place}: float32 must hold the values, but {kind} from {found.low:,} to"
        f" {found.high:,} {changes} would be rounded by up to {found.largest:,.6g}. Use the"
        f" differences from row to row, or {fix}."
    )
