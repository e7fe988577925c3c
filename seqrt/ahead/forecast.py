"""A forecast: the point forecasts of several series and their intervals, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.ahead.layout import ForecastLayout

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Forecast:
    """What comes after B series: H steps of K targets, in raw units.

    `point` (B, H, K) is the forecast: the median where the model has quantiles. `lower` and `upper`
    have the ends (B, H, K) of the interval of each level in percent, such as `lower[80]`. They are
    NaN from step `direct` on, where H is more than the horizon of the model: those steps are
    forecast from forecasts, and the model has no quantiles for them.
    """

    targets: tuple[str, ...]
    point: Floats
    lower: Mapping[float, Floats]
    upper: Mapping[float, Floats]
    direct: int

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of the intervals, in percent, from the narrowest to the widest."""
        return tuple(self.lower)

    def __repr__(self) -> str:
        """Return the sizes, the targets and the levels."""
        series, steps, _ = self.point.shape
        levels = ", ".join(f"{level:g}" for level in self.levels)
        intervals = f", levels {levels}" if levels else ""
        return f"<Forecast: {series} series, {steps} steps of {', '.join(self.targets)}{intervals}>"


def forecast_of(
    layout: ForecastLayout, y: NDArray[Any], steps: int, levels: Sequence[float]
) -> Forecast:
    """Return outputs y (B, N, O) as a forecast of `steps`.

    Block 0 of N was forecast from data, and each further one from the medians of that before it.
    """
    direct = min(steps, layout.horizon)
    point = layout.point(y).reshape(len(y), -1, len(layout.targets))[:, :steps]
    lower: dict[float, Floats] = {}
    upper: dict[float, Floats] = {}
    for level in levels:
        for ends, values in zip((lower, upper), layout.interval(y[:, 0], level), strict=True):
            ends[level] = np.full_like(point, np.nan)
            ends[level][:, :direct] = values[:, :direct]
    return Forecast(layout.targets, point.copy(), lower, upper, direct)
