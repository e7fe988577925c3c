"""What numbers may enter: those that keep their value as float32 or float64, and are finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from seqrt.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)

# A whole number from here on may lie outside every integer type that it is compared in.
_ANY_INTEGER = 2.0**63


def checked_cast(
    name: str, array: NDArray[Any], kind: type[Float], origin: tuple[int, ...] | None = None
) -> NDArray[Float]:
    """Return `array` as native `kind`, without copying where it is that already.

    `origin` says that it is a part of what `name` names, and where the part begins in it.

    Raises InputError for what holds no numbers (E_INPUT_DTYPE), for an integer that would be
    rounded and for a number too large for `kind` (E_INPUT_RANGE). NaN and Inf pass.
    """
    if array.dtype.kind not in "buif":
        raise InputError(
            f"E_INPUT_DTYPE: {name} must hold numbers, got dtype {array.dtype}."
            f" Convert it first: .astype(np.{kind.__name__})."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        floats = array.astype(kind, copy=False)
        if array.dtype.kind in "iu":
            lost = (floats.astype(array.dtype) != array) | (np.abs(floats) >= _ANY_INTEGER)
            _refuse_lost(
                name, array, lost, f"is rounded by {kind.__name__}", "Subtract an offset", origin
            )
        elif array.dtype.itemsize > floats.dtype.itemsize:
            lost = np.isinf(floats)
            if lost.any():
                lost &= np.isfinite(array)
            _refuse_lost(
                name, array, lost, f"is too large for {kind.__name__}", "Scale the data", origin
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
    """Raise InputError at the first NaN or Inf in `arrays`, one array an item.

    `axes` are the words for the axes of one item; spare words at the end are not used. `fix` ends
    the message. With `missing` NaN passes: it stands for a value that is missing.

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
    words = zip(axes, where, strict=False)
    place = ", ".join([f"item {first}", *(f"{word} {index}" for word, index in words)])
    raise InputError(
        f"E_INPUT_NONFINITE: {name} must be finite; {name}[{place}] is {array[where]}"
        f" ({sum(counts)} non-finite values in {sum(map(bool, counts))} items). {fix}"
    )


def nonfinite_mask(x: NDArray[Any], *, missing: bool) -> NDArray[np.bool_]:
    """Return where x is Inf, or NaN, unless that stands for a value that is missing."""
    wrong: NDArray[np.bool_] = np.isinf(x) if missing else ~np.isfinite(x)
    return wrong


def _refuse_lost(
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
        # a part does not know how many there are in all
        count = "" if origin else f" ({int(lost.sum())} such values)"
        raise InputError(
            f"E_INPUT_RANGE: {name} must keep its values; {array[first]!s} at {where} {why}{count}."
            f" {fix} first."
        )
