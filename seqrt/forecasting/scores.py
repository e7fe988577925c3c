"""The errors of one forecaster over all origins, and the metrics that follow from them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqrt.ahead.layout import ForecastLayout
from seqrt.forecasting.intervals import interval_score, pinball
from seqrt.forecasting.origins import Origins
from seqrt.forecasting.point import percentages

Numbers = NDArray[np.float64]

METRICS: Final = ("MASE", "RMSSE", "sMAPE", "MAE")


@dataclass(frozen=True, eq=False)
class Scales:
    """What the errors of each series and target are divided by (G, K): see `seasonal_scale`."""

    absolute: Numbers
    squared: Numbers

    @classmethod
    def of(cls, origins: Origins, season: int) -> Scales:
        """Measure the scales before the first origin of each series."""
        return cls(origins.scales(season), origins.scales(season, 2))


@dataclass(frozen=True, eq=False)
class Scores:
    """The errors of one forecaster, averaged over the origins of each series: (G, H, K) each.

    `losses` (N,) is the scaled absolute error of each origin, over all steps and targets. A series
    whose scale is not defined, because it never changes, is left out of MASE and RMSSE.
    """

    name: str
    absolute: Numbers
    squared: Numbers
    percentage: Numbers
    scales: Scales
    losses: Numbers

    @classmethod
    def of(cls, name: str, predicted: Numbers, origins: Origins, scales: Scales) -> Scores:
        """Measure forecasts (N, H, K) in units of the targets."""
        truth = origins.truth
        error = np.abs(truth - predicted)
        series = np.searchsorted(origins.judged, origins.series)
        with _quiet():
            losses = np.nanmean(error.mean(axis=1) / scales.absolute[series], axis=1)
        return cls(
            name,
            origins.means(error),
            origins.means(error**2),
            origins.means(percentages(truth, predicted)),
            scales,
            losses,
        )

    @cached_property
    def overall(self) -> dict[str, float]:
        """Each metric, as the mean over the series."""
        with _quiet():
            return {name: float(np.nanmean(each)) for name, each in self.by_series.items()}

    @cached_property
    def by_series(self) -> Mapping[str, Numbers]:
        """Each metric of each series (G,), over all steps and targets."""
        return self._metrics((1,))

    @cached_property
    def by_step(self) -> Mapping[str, Numbers]:
        """Each metric at each step (H,), as the mean over the series."""
        with _quiet():
            return {name: np.nanmean(each, axis=0) for name, each in self._metrics(()).items()}

    def _metrics(self, over: tuple[int, ...]) -> dict[str, Numbers]:
        """Return the metrics averaged over the targets and some axes before: (G,) or (G, H)."""
        absolute, squared, percentage = (
            each.mean(axis=over, keepdims=True) if over else each
            for each in (self.absolute, self.squared, self.percentage)
        )
        with _quiet():
            found = {
                "MASE": np.nanmean(absolute / self.scales.absolute[:, None], axis=2),
                "RMSSE": np.nanmean(np.sqrt(squared / self.scales.squared[:, None]), axis=2),
                "sMAPE": percentage.mean(axis=2),
                "MAE": absolute.mean(axis=2),
            }
        return {name: each[:, 0] if over else each for name, each in found.items()}


@dataclass(frozen=True, eq=False)
class BandScores:
    """How good the quantiles of a forecaster are.

    `wql` is the weighted quantile loss and `wql_by_step` (H,) that of each step. `intervals` has
    coverage, width and MSIS of each interval, by its level in percent: the means of each series at
    each step (G, H).
    """

    wql: float
    wql_by_step: Numbers
    intervals: Mapping[float, Mapping[str, Numbers]]

    @classmethod
    def of(
        cls, predicted: Numbers, layout: ForecastLayout, origins: Origins, scales: Scales
    ) -> BandScores:
        """Measure the quantiles in outputs (N, O), in units of the targets."""
        truth, quantiles = origins.truth, np.array(layout.quantiles)
        loss = 2 * pinball(truth[..., None], layout.split(predicted), quantiles).sum(axis=(0, 2))
        loss = loss.mean(axis=1)
        size = np.abs(truth).sum(axis=(0, 2))
        intervals = {}
        for level in layout.levels:
            lower, upper = layout.interval(predicted, level)
            score = origins.means(interval_score(truth, lower, upper, level / 100))
            inside = ((lower <= truth) & (truth <= upper)).astype(np.float64)
            with _quiet():
                intervals[level] = {
                    "coverage": origins.means(inside).mean(axis=2),
                    "width": origins.means(upper - lower).mean(axis=2),
                    "MSIS": np.nanmean(score / scales.absolute[:, None], axis=2),
                }
        with _quiet():
            return cls(float(loss.sum() / size.sum()), loss / size, intervals)

    def overall(self, level: float) -> dict[str, float]:
        """Return coverage, width and MSIS of an interval, as means over the series."""
        return {name: float(each) for name, each in self._means(level, (0, 1)).items()}

    def by_step(self, level: float) -> dict[str, Numbers]:
        """Return coverage, width and MSIS of an interval at each step (H,)."""
        return self._means(level, (0,))

    def by_series(self, level: float) -> dict[str, Numbers]:
        """Return coverage, width and MSIS of an interval in each series (G,)."""
        return self._means(level, (1,))

    def _means(self, level: float, axes: tuple[int, ...]) -> dict[str, Numbers]:
        with _quiet():
            each = self.intervals[level].items()
            return {name: np.asarray(np.nanmean(values, axis=axes)) for name, values in each}


@contextmanager
def _quiet() -> Iterator[None]:
    """Let the mean of no defined value be NaN, without a warning."""
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
