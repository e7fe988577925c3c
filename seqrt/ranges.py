"""Inputs outside the range of the training data, where a network extrapolates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqrt.contract import Column, Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray  # which takes longer to import than the rest of the runtime

# A share of the range by which a value may leave it on either side.
MARGIN = 0.1
# What float32 may have rounded off a value.
_ROUNDING = 1e-6


class Outside(NamedTuple):
    """A value of a feature outside its range, and where it is, without the feature's own axis."""

    feature: str
    at: tuple[int, ...]
    value: float
    low: float
    high: float


def with_ranges(manifest: Manifest) -> tuple[Column, ...]:
    """Return the features of a model with the ranges that they should keep.

    A forecaster that reads whole series takes the level of its target from the series itself, so
    the target may leave its range; ids of tokens have no range.
    """
    lags = any(piece.what == "taps" for piece in manifest.carries)
    follows = lags and manifest.task == "forecast" and manifest.window is None
    free = manifest.targets if follows else ()
    return tuple(
        replace(each, low=None, high=None) if manifest.tokens or each.name in free else each
        for each in manifest.features
    )


class RangeGuard:
    """Finds features that leave their range in training, each once.

    A value may be outside by `margin` times the width of the range. A feature without a recorded
    range has none, and NaN is never outside.
    """

    def __init__(self, features: Sequence[Column], margin: float = MARGIN) -> None:
        """Take the features of a manifest."""
        self._features = features
        low = np.array([-np.inf if each.low is None else each.low for each in features])
        high = np.array([np.inf if each.high is None else each.high for each in features])
        with np.errstate(invalid="ignore"):
            wide = np.where(np.isfinite(high - low), margin * (high - low), 0.0)
            rounding = _ROUNDING * np.maximum(np.abs(low), np.abs(high))
        wide += np.where(np.isfinite(rounding), rounding, 0.0)
        self._low, self._high = low - wide, high + wide

    def found(self, x: NDArray[Any]) -> list[Outside]:
        """Return the first value outside of each feature of x (..., D), which is then passed over.

        Features that an earlier call returned are not looked at.
        """
        outside = (x < self._low) | (x > self._high)
        axes = tuple(range(x.ndim - 1))
        left = np.flatnonzero(outside.any(axis=axes)).tolist()
        found = []
        for d in left:
            index = tuple(int(i) for i in np.argwhere(outside[..., d])[0])
            each = self._features[d]
            assert each.low is not None or each.high is not None
            low = -np.inf if each.low is None else each.low
            high = np.inf if each.high is None else each.high
            found.append(Outside(each.name, index, float(x[(*index, d)]), low, high))
            self._low[d], self._high[d] = -np.inf, np.inf
        return found
