"""Overlapping windows of a long series, without copying it."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import InputError, UsageError

Scalar = TypeVar("Scalar", bound=np.generic)


def windows(values: NDArray[Scalar], window: int) -> NDArray[Scalar]:
    """Return every window of `values` (T, D) as a read-only view (T - window + 1, window, D).

    >>> windows(np.arange(4.0)[:, None], 3)[..., 0]
    array([[0., 1., 2.],
           [1., 2., 3.]])
    """
    if values.ndim != len("TD"):
        raise InputError(
            f"E_INPUT_SHAPE: a series must have shape (time, features), got {values.shape}."
            " Try values[:, None]."
        )
    count_windows(len(values), window)
    view: NDArray[Any] = np.lib.stride_tricks.sliding_window_view(values, window, axis=0)
    return np.moveaxis(view, -1, 1)


def count_windows(rows: int, window: int) -> int:
    """Return the number of windows in a series; raise InputError where not even one fits."""
    if window < 1:
        raise UsageError(f"window must be at least 1 step, got {window}.")
    if rows < window:
        raise InputError(
            f"E_INPUT_SHORT: a window of {window} steps needs at least {window} rows,"
            f" got {rows}. Use a shorter window, or more data."
        )
    return rows - window + 1
