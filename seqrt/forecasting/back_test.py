"""A rolling-origin back-test: a model beside baselines on exactly the same origins."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqrt.ahead.layout import ForecastLayout
from seqrt.forecasting.autoregression import autoregression, known_history, least_rows
from seqrt.forecasting.bootstrap import Interval, difference_interval
from seqrt.forecasting.naive import (
    drift,
    history_mean,
    longer_season,
    persistence,
    season_of_origins,
    seasonal_naive,
)
from seqrt.forecasting.naive2 import naive2
from seqrt.forecasting.origins import Origins
from seqrt.forecasting.point import owa
from seqrt.forecasting.scores import BandScores, Scales, Scores

Numbers = NDArray[np.float64]
Forecaster = Callable[[Origins, int], Numbers]
MoreBaselines = Callable[[Origins, int], Iterator[tuple[str, Numbers]]]

MODEL: Final = "model"
RIDGE_AR: Final = "ridge AR"
NAIVE2: Final = "Naive2"


@dataclass(frozen=True, eq=False)
class BackTest:
    """The scores of a model and of baselines.

    `naive` are the baselines that need no fitting, and `fitted` the stronger ones. `season` is the
    season of the metrics and baselines, 1 if there is none. `bands` is None for a model without
    quantiles. `notes` are sentences for the user.
    """

    season: int
    origins: Origins
    model: Scores
    naive: tuple[Scores, ...]
    fitted: tuple[Scores, ...]
    bands: BandScores | None = None
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[Scores, ...]:
        """The scores of all forecasters, the model first."""
        return (self.model, *self.naive, *self.fitted)

    @property
    def metric(self) -> str:
        """The metric that decides: MASE, or MAE where no series has a scale."""
        return "MAE" if math.isnan(self.model.overall["MASE"]) else "MASE"

    @cached_property
    def best_naive(self) -> Scores:
        """The naive baseline with the smallest error on these origins."""
        return min(self.naive, key=self.error)

    @property
    def best_fitted(self) -> Scores | None:
        """The fitted baseline with the smallest error, if there is one."""
        return min(self.fitted, key=self.error, default=None)

    @property
    def beats_naive(self) -> bool:
        """Whether the model has a smaller error than every naive baseline."""
        return self.error(self.model) < self.error(self.best_naive)

    @cached_property
    def difference(self) -> Interval:
        """The MASE of the model minus that of the best naive baseline, with its 95 % interval."""
        losses = self.model.losses - self.best_naive.losses
        return difference_interval(losses, self.origins.edges, self.origins.horizon)

    @property
    def series_won(self) -> int:
        """The number of series in which the model beats the best naive baseline."""
        mine, other = (each.by_series[self.metric] for each in (self.model, self.best_naive))
        return int((mine < other).sum())

    def error(self, scores: Scores) -> float:
        """Return the metric that decides, for one forecaster; it is infinite for one of NaN."""
        error = scores.overall[self.metric]
        return math.inf if math.isnan(error) else error

    def owa(self, scores: Scores) -> float:
        """Return the OWA of a forecaster; NaN without a Naive2 to compare it with."""
        reference = next((each.overall for each in self.naive if each.name == NAIVE2), None)
        if reference is None:
            return math.nan
        mine = scores.overall
        pair = reference["sMAPE"], reference["MASE"]
        return float(owa(mine["sMAPE"], mine["MASE"], pair))


def back_test(
    origins: Origins,
    predicted: Numbers,
    layout: ForecastLayout,
    *,
    season: int | None = None,
    more: MoreBaselines | None = None,
) -> BackTest:
    """Measure predictions (N, O) of a model for `origins`, beside baselines.

    The season is found in the data unless it is given. `more` yields further fitted baselines: the
    name and forecasts (N, H, K) of each.
    """
    m = season or season_of_origins(origins)
    scales = Scales.of(origins, m)
    model = Scores.of(MODEL, layout.point(predicted), origins, scales)
    naive = tuple(
        Scores.of(name, forecast(origins, m), origins, scales)
        for name, forecast in naive_forecasters(origins, m).items()
    )
    fitted, notes = _fitted(origins, m, scales, more)
    bands = None
    if layout.quantiles:
        bands = BandScores.of(predicted, layout, origins, scales)
    return BackTest(m, origins, model, naive, fitted, bands, notes)


def naive_forecasters(origins: Origins, season: int) -> dict[str, Forecaster]:
    """Return the naive baselines by name, each a function of the origins and the season."""
    found: dict[str, Forecaster] = {"persistence": lambda o, _: persistence(o)}
    if season > 1:
        found[seasonal_name(season)] = seasonal_naive
        longer = longer_season(origins, season)
        if longer:
            found[seasonal_name(longer)] = lambda o, _: seasonal_naive(o, longer)
    found |= {"drift": lambda o, _: drift(o), "mean": lambda o, _: history_mean(o)}
    # a percentage has a meaning where values do not pass through zero, and Naive2 divides
    if np.nanmin(origins.values) > 0:
        found[NAIVE2] = naive2
    return found


def seasonal_name(season: int) -> str:
    """Return the name of the seasonal naive baseline."""
    return f"seasonal naive {season}"


def _fitted(
    origins: Origins, season: int, scales: Scales, more: MoreBaselines | None
) -> tuple[tuple[Scores, ...], tuple[str, ...]]:
    """Return the scores of fitted baselines, and a note on series with too few rows to fit them."""
    rows = [
        min(len(known_history(origins, group, k)) for k in range(origins.values.shape[1]))
        for group in range(len(origins.judged))
    ]
    least = least_rows(season)
    short = sum(count < least for count in rows)
    needs = f"{least} rows before the first origin"
    if short == len(rows):
        note = (
            f"{RIDGE_AR} and other fitted baselines are left out: they need {needs}, got"
            f" {max(rows)}. Choose later rows with --span."
        )
        return (), (note,)
    forecasts = [(RIDGE_AR, autoregression(origins, season))]
    forecasts += list(more(origins, season)) if more else []
    note = (
        f"{short:,} of {len(rows):,} series are persisted by fitted baselines, which need {needs}"
    )
    scores = tuple(Scores.of(name, each, origins, scales) for name, each in forecasts)
    return scores, (note,) if short else ()
