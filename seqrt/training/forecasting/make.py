"""A forecaster for a problem: its weights drawn, its linear part fitted in closed form."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.data import Part
from seqrt.training.forecasting.linear import (
    COMBINED,
    NAIVE,
    Linear,
    combined,
    fitted_autoregression,
    naive_forecasts,
)
from seqrt.training.forecasting.rules import MANY_VALUES
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.forecasting.lags import normalised
from seqrt.training.problems.problem import Problem

Doubles = NDArray[np.float64]

# The most steps to fit a linear part to, or to judge it by.
_MOST_STEPS = 20_000

# Of two forecasts that are nearly as good, the autoregression is the safer one: the mean with a
# naive forecast must be better than it by the first factor, and the naive forecast by the second.
_BETTER = 0.95
_CLEARLY = 0.9

_WEEK = 7


class Lagged(NamedTuple):
    """Lags (N, L) that are all known, the values after them (N, H), and their scales (N, 1)."""

    lags: Doubles
    ahead: Doubles
    scale: Doubles


def forecaster_for(problem: Problem) -> Forecaster:
    """Return an untrained forecaster with the columns and the linear part of `problem`.

    The weights are drawn from torch's global generator.
    """
    assert problem.forecaster
    net = Forecaster(**asdict(problem.forecaster))
    net.metadata = problem.metadata
    net.set_scaling(net.metadata.features, net.metadata.outputs)
    found = linear_part(problem)
    if found is not None:
        _install(net, found)
        few = int(problem.train.x.lengths.sum()) < MANY_VALUES
        net.share.fill_(0.5 if few else 1.0)
    return net


def linear_part(problem: Problem) -> Linear | None:
    """Return the linear forecast that suits the validation part, fitted to the training part.

    It is an autoregression, the mean of it and the best naive forecast where that is better, or the
    naive forecast alone where that is clearly better. Returns None if no series is long enough.
    """
    found = _fitted(problem, [problem.train])
    judged = _lagged(problem, [problem.validation or problem.train], whole=True)
    naive = _naive(problem, judged)
    if found is None:
        return naive
    error = partial(_error, judged=judged, config=_config(problem))
    if naive is None or not len(judged.lags):
        return found
    both = combined(found, naive)
    best = both if error(both) < _BETTER * error(found) else found
    return naive if error(naive) < _CLEARLY * error(best) else best


def refit_linear_part(net: Forecaster, problem: Problem) -> None:
    """Fit the linear part of a trained network once more, to the validation part as well.

    The last rows say most about what comes next. The choice between autoregression and naive
    forecast, and all that is calibrated, stay as they are.
    """
    if problem.validation is None:
        return
    chosen = linear_part(problem)
    found = _fitted(problem, [problem.train, problem.validation])
    if chosen is None or found is None or chosen.name == NAIVE:
        return
    if chosen.name == COMBINED:
        judged = _lagged(problem, [problem.validation], whole=True)
        naive = _naive(problem, judged)
        assert naive
        found = combined(found, naive)
    _install(net, found)


def _fitted(problem: Problem, parts: list[Part]) -> Linear | None:
    """Return an autoregression fitted to some parts, or None for too few rows.

    A single series keeps its own level: the forecasts are drawn towards its mean. Several series
    share one autoregression, fitted to their normalised values.
    """
    config, relative = _config(problem), len(problem.keys) > 1
    found = _lagged(problem, parts, whole=False)
    found = _normalised(found, config) if relative else found
    return fitted_autoregression(
        found.lags, found.ahead[:, 0], config.horizon, config.season, relative=relative
    )


def _naive(problem: Problem, judged: Lagged) -> Linear | None:
    """Return the naive forecast that is best on some steps, or None if there are none."""
    config = _config(problem)
    each = naive_forecasts(config.lags, config.horizon, (config.season, _WEEK * config.season))
    if not len(judged.lags):
        return None
    return min(each, key=lambda linear: _error(linear, judged, config))


def _config(problem: Problem) -> ForecasterConfig:
    assert problem.forecaster
    return problem.forecaster


def _lagged(problem: Problem, parts: list[Part], *, whole: bool) -> Lagged:
    """Return the steps of some parts with all lags, and all their targets, or else the next one.

    Lags are scaled as targets are; a missing one is the last known value of its series.
    """
    config, scale = _config(problem), problem.metadata.outputs[0].scale
    found = [_of_part(part, config, scale, whole=whole) for part in parts]
    return Lagged(*map(np.concatenate, zip(*found, strict=True)))


def _of_part(part: Part, config: ForecasterConfig, scale: float, *, whole: bool) -> Lagged:
    y = np.concatenate(list(part.y)).astype(np.float64)
    inside = np.concatenate([np.arange(count) for count in part.x.lengths.tolist()])
    starts = np.repeat(part.x.starts, part.x.lengths)
    wanted = ~np.isnan(y[:, :-1] if whole else y[:, :1]).any(axis=1)
    steps = np.flatnonzero(wanted & (inside >= config.lags - 1))
    if len(steps) > _MOST_STEPS:
        steps = steps[np.linspace(0, len(steps) - 1, _MOST_STEPS).astype(np.int64)]
    rows = (starts + inside)[steps, None] + np.arange(1 - config.lags, 1)
    lags = _filled(part.x.values[:, config.target].astype(np.float64))[rows] / scale
    known = ~np.isnan(lags).any(axis=1)
    return Lagged(lags[known], y[steps[known], :-1], y[steps[known], -1:])


def _filled(values: Doubles) -> Doubles:
    """Return values (T,) with each NaN replaced by the last value before it, if there is one."""
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))
    filled: Doubles = values[last]
    return filled


def _normalised(found: Lagged, config: ForecasterConfig) -> Lagged:
    """Return examples in units of their own level and scale."""
    lags = torch.from_numpy(found.lags)
    read = normalised(lags, torch.ones_like(lags), config.level_window, config.season)
    level, scale = read.level.numpy(), read.scale.numpy()
    return Lagged(read.z.numpy(), (found.ahead - level) / scale, np.ones_like(scale))


def _error(linear: Linear, judged: Lagged, config: ForecasterConfig) -> float:
    """Return the mean absolute error in units of the scale."""
    found = _normalised(judged, config) if linear.relative else judged
    return float((np.abs(linear.forecast(found.lags) - found.ahead) / found.scale).mean())


@torch.no_grad()
def _install(net: Forecaster, linear: Linear) -> None:
    weights, start = torch.from_numpy(linear.weights), torch.from_numpy(linear.start)
    net.linear.copy_(weights)
    if linear.relative:
        net.linear_offset.copy_(start)
    else:
        net.linear_level.copy_(weights.sum(0) - 1)
        net.linear_start.copy_(start)
