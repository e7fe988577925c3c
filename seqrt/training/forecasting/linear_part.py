"""The linear part of a forecaster: a weighted mean of forecasts that are linear in the lags.

A series does not say which of them suits it: one has a level that it returns to, the next one
wanders, and the difference from last season, last week or last year may be what is regular. So
several are fitted, and the validation part gives each its weight.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.data.understanding.season import multiple_of_season
from seqrt.training.forecasting.lagged import target_series, windows_of
from seqrt.training.forecasting.linear import Linear, Windows, mixture, naive, seasonal_mean
from seqrt.training.forecasting.regressions import (
    direct_fit,
    iterated_fit,
    mean_forecast,
    median_forecast,
)
from seqrt.training.problems.problem import Problem

Doubles = NDArray[np.float64]
Fit = Callable[[Windows], Linear | None]

# A forecast counts with this power of its accuracy: half the error, 16 times the weight. For 24
# series, this was better than the least error on few validation rows, and than equal weights.
_POWER = 4

# A forecast without error is not infinitely better than another one.
_LEAST_ERROR = 1e-6

# With so many times the error of the best, a forecast is left out: it would hardly count, but an
# unstable autoregression may exceed any number.
_HOPELESS = 10

# A fit to all rows has seen those it is judged by here. If it is still so much worse than the fit
# to the training part, it has gone astray.
_ASTRAY = 1.5


class LinearPart(NamedTuple):
    """Forecasts with their shares (K, H) for each step ahead; `fits` make the same of new rows."""

    fits: tuple[Fit, ...]
    members: tuple[Linear, ...]
    shares: Doubles

    @property
    def forecast(self) -> Linear:
        """The weighted mean."""
        return mixture(self.members, self.shares)


def linear_part(problem: Problem) -> LinearPart | None:
    """Return the linear part fitted to the training part, with shares from the validation part.

    A single series keeps its own level; several series share forecasts of their normalised values.
    Returns None if no series is long enough.
    """
    train = windows_of(problem, [problem.train])
    judged = _judged(problem)
    found = [(fit, linear) for fit in _fits(problem) if (linear := fit(train))]
    if len(judged.lags):
        simple = [(fit, linear) for fit in _naive_fits(problem) if (linear := fit(train))]
        found.append(min(simple, key=lambda pair: float(pair[1].errors(judged).mean())))
    if not found:
        return None
    fits, members = zip(*found, strict=True)
    if not len(judged.lags):
        return LinearPart(fits, members, shares_of(np.ones((len(members), train.ahead.shape[1]))))
    errors = np.array([each.errors(judged) for each in members])
    overall = errors.mean(axis=1)
    kept = np.flatnonzero(overall <= _HOPELESS * max(np.nanmin(overall), _LEAST_ERROR)).tolist()
    fits, members = (tuple(each[i] for i in kept) for each in (fits, members))
    return LinearPart(fits, members, shares_of(errors[kept]))


def refitted(part: LinearPart, problem: Problem) -> Linear:
    """Return the linear part with its shares, fitted to the validation part as well.

    The last rows say most about what comes next.
    """
    if problem.validation is None:
        return part.forecast
    rows, judged = windows_of(problem, [problem.train, problem.validation]), _judged(problem)

    def again(fit: Fit, before: Linear) -> Linear:
        new = fit(rows)
        if new is None or not len(judged.lags):
            return new or before
        usual = max(before.errors(judged).mean(), _LEAST_ERROR)
        return new if new.errors(judged).mean() <= _ASTRAY * usual else before

    members = [again(*pair) for pair in zip(part.fits, part.members, strict=True)]
    return mixture(members, part.shares)


def shares_of(errors: Doubles) -> Doubles:
    """Return the shares (K, H) of forecasts with errors (K, H) on the validation part.

    They fall with the fourth power of the error, half of which counts at the step ahead, and half
    over all steps, since those of one step are few.
    """
    errors = np.maximum(errors, _LEAST_ERROR)
    overall = errors.mean(axis=1, keepdims=True)
    relative = errors / errors.mean(axis=0) + overall / overall.mean()
    weights = relative**-_POWER
    shares: Doubles = weights / weights.sum(axis=0)
    return shares


def _fits(problem: Problem) -> list[Fit]:
    """Return the functions that fit the linear forecasts."""
    config = problem.forecaster
    assert config
    relative, season = len(problem.keys) > 1, config.season
    ar = partial(iterated_fit, season=season, relative=relative)
    found: list[Fit] = [ar, partial(ar, differences=(1,)), partial(direct_fit, relative=relative)]
    longer = multiple_of_season(target_series(problem), season)
    if longer:
        found += [partial(ar, differences=(longer,)), partial(ar, differences=(1, longer))]
    elif season > 1:
        found.append(partial(ar, differences=(1, season)))
    return found


def _naive_fits(problem: Problem) -> list[Fit]:
    """Return the functions that make the naive forecasts: the last value or season, and means."""
    config = problem.forecaster
    assert config
    seasons = (1, config.season, multiple_of_season(target_series(problem), config.season))
    copies = [
        naive(config.lags, config.horizon, m)
        for m in dict.fromkeys(seasons)
        if m and m <= config.lags
    ]
    mean = partial(mean_forecast, relative=len(problem.keys) > 1)
    copies.append(seasonal_mean(config.lags, config.horizon, config.season))
    return [mean, median_forecast, *(partial(_copied, linear=linear) for linear in copies)]


def _copied(_: Windows, linear: Linear) -> Linear:
    """Return a forecast that needs no fit."""
    return linear


def _judged(problem: Problem) -> Windows:
    """Return the examples with all lags and targets, if there are any."""
    config = problem.forecaster
    assert config
    for part in (problem.validation, problem.train):
        if part is not None:
            found = windows_of(problem, [part]).known(config.lags, config.horizon)
            if len(found.lags):
                break
    return found
