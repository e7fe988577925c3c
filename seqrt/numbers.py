"""Checks of input numbers: they must fit float32 or float64, and be finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from seqrt.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)

# A float this large or larger may exceed every integer type: converting it back is undefined.
_INT_LIMIT = 2.0**63


def checked_cast(
    name: str, array: NDArray[Any], kind: type[Float], origin: tuple[int, ...] | None = None
) -> NDArray[Float]:
    """Return `array` as `kind` in native byte order, without a copy if it already is.

    If the array is a slice of a larger one, `origin` is the index at which the slice begins; errors
    then give the index in the larger array.

    Raises InputError for an array of anything but numbers (E_INPUT_DTYPE), for an integer that
    would be rounded and for a number too large for `kind` (E_INPUT_RANGE). NaN and Inf pass.
    """
    if array.dtype.kind not in "buif":
        raise InputError(
            f"E_INPUT_DTYPE: {name} must hold numbers, got dtype {array.dtype}."
            f" Convert it first: .astype(np.{kind.__name__})."
        )
    type_name = kind.__name__
    with np.errstate(over="ignore", invalid="ignore"):
        floats = array.astype(kind, copy=False)
        if array.dtype.kind in "iu":
            lost = (floats.astype(array.dtype) != array) | (np.abs(floats) >= _INT_LIMIT)
            _check_none_lost(
                name, array, lost, f"is rounded by {type_name}", "Subtract an offset", origin
            )
        elif array.dtype.itemsize > floats.dtype.itemsize:
            lost = np.isinf(floats)
            if lost.any():
                lost &= np.isfinite(array)
            _check_none_lost(
                name, array, lost, f"is too large for {type_name}", "Scale the data", origin
            )
    return floats


def check_finite(
    name: str,
    arrays: Sequence[NDArray[Any]] | NDArray[Any],
    axes: tuple[str, ...] = ("step", "feature"),
    fix: str = "Fill or drop them.",
    *,
    missing: bool = False,
) -> None:
    """Raise InputError for the first NaN or Inf in `arrays`, one array per item.

    `axes` names the axes of an item; names beyond its last axis are not used. `fix` is the last
    sentence of the message. With `missing`, NaN is a missing value, and passes.

    >>> check_finite("x", [np.zeros((3, 1)), np.array([[0.0], [np.nan]])])
    Traceback (most recent call last):
    seqrt.errors.InputError: E_INPUT_NONFINITE: x must be finite; \
x[item 1, step 1, feature 0] is nan (1 non-finite values in 1 items). Fill or drop them.
    """
    counts = [int(nonfinite_mask(item, missing=missing).sum()) for item in arrays]
    if not any(counts):
        return
    first = next(i for i, count in enumerate(counts) if count)
    array = np.asarray(arrays[first])
    where = tuple(int(i) for i in np.argwhere(nonfinite_mask(array, missing=missing))[0])
    named = zip(axes, where, strict=False)
    place = ", ".join([f"item {first}", *(f"{axis} {index}" for axis, index in named)])
    raise InputError(
        f"E_INPUT_NONFINITE: {name} must be finite; {name}[{place}] is {array[where]}"
        f" ({sum(counts)} non-finite values in {sum(map(bool, counts))} items). {fix}"
    )


def nonfinite_mask(x: NDArray[Any], *, missing: bool) -> NDArray[np.bool_]:
    """Return a mask of Inf and NaN in x; with `missing`, NaN is a missing value, and passes."""
    wrong: NDArray[np.bool_] = np.isinf(x) if missing else ~np.isfinite(x)
    return wrong


def _check_none_lost(
    name: str,
    array: NDArray[Any],
    lost: NDArray[np.bool_],
    why: str,
    fix: str,
    origin: tuple[int, ...] | None,
) -> None:
    if lost.any():
        first = tuple(int(i) for i in np.argwhere(lost)[0])
        where = [sum(at) for at in zip(first, origin or (0,) * array.ndim, strict=True)]
        # The count in a slice would not be that of the whole array.
        total = int(lost.sum())
        count = "" if origin else f" ({total} such value{'s' * (total > 1)})"
        raise InputError(
            f"E_INPUT_RANGE: {name} must convert without loss; {array[first]!s} at {where}"
            f" {why}{count}. {fix} first."
        )
