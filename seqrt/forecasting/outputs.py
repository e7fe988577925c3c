"""Which output of a forecasting model is the forecast of which step, and of which quantile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.contract.quantiles import interval_levels, pair_of


@dataclass(frozen=True, eq=False)
class ForecastOutputs:
    """The places of a model's outputs: `points` (H, K), and `places` (Q, H, K) of its `quantiles`.

    The point forecast of a model with quantiles is the median.
    """

    points: NDArray[np.int64]
    quantiles: tuple[float, ...]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, manifest: Manifest) -> ForecastOutputs:
        """Find the outputs of a forecasting model: by step, then target, then quantile."""
        return cls.ordered(len(manifest.outputs), manifest.horizon or 1, manifest.quantiles)

    @classmethod
    def ordered(
        cls, count: int, horizon: int, quantiles: tuple[float, ...] = ()
    ) -> ForecastOutputs:
        """Find so many outputs in their order; `quantiles` are as a manifest records them."""
        places = np.arange(count).reshape(horizon, -1, max(1, len(quantiles)))
        each = np.moveaxis(places, -1, 0)
        return cls(places[..., len(quantiles) // 2], quantiles, each[: len(quantiles)])

    @property
    def intervals(self) -> dict[float, tuple[int, int]]:
        """The places of the two ends among the quantiles, by the level of the interval in percent.

        >>> ForecastOutputs.ordered(3, 1, (0.1, 0.5, 0.9)).intervals
        {80.0: (0, 2)}
        """
        return {level: pair_of(level, self.quantiles) for level in interval_levels(self.quantiles)}
