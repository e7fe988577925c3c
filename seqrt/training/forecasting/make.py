"""A forecaster for a problem: its weights drawn, its linear part fitted in closed form."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.data import Part
from seqrt.training.forecasting.linear import Linear, autoregression, naive_forecasts
from seqrt.training.forecasting.rules import MANY_VALUES
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.forecasting.lags import normalised
from seqrt.training.problems.problem import Problem

Doubles = NDArray[np.float64]

# The most steps to fit a linear part to, or to judge it by.
_MOST_STEPS = 20_000

# A naive forecast takes the place of an autoregression if its error is lower by this factor: of
# two that are nearly as good, the autoregression is the safer one.
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
    """Return the best linear forecast for the validation part, fitted to the training part.

    A single series keeps its own level: an autoregression is fitted to its values, and draws them
    towards their mean. Several series share one, fitted to their normalised values. Returns None if
    no series is long enough.
    """
    config = problem.forecaster
    assert config
    relative = len(problem.keys) > 1
    scale = problem.metadata.outputs[0].scale
    train = _examples(problem.train, config, scale, whole=False)
    if not len(train.lags):
        return None
    train = _normalised(train, config) if relative else train
    fitted = autoregression(
        train.lags, train.ahead[:, 0], config.horizon, config.season, relative=relative
    )
    naive = list(
        naive_forecasts(config.lags, config.horizon, (config.season, _WEEK * config.season))
    )
    judged = _examples(problem.validation or problem.train, config, scale, whole=True)
    if not len(judged.lags):
        return fitted or naive[0]
    simplest = min(naive, key=lambda each: _error(each, judged, config))
    if fitted is None:
        return simplest
    clearly = _CLEARLY * _error(fitted, judged, config)
    return simplest if _error(simplest, judged, config) < clearly else fitted


def _examples(part: Part, config: ForecasterConfig, scale: float, *, whole: bool) -> Lagged:
    """Return the steps of a part with all lags known, and all targets, or else the next one.

    The lags are scaled as the targets of a part are.
    """
    y = np.concatenate(list(part.y)).astype(np.float64)
    inside = np.concatenate([np.arange(count) for count in part.x.lengths.tolist()])
    starts = np.repeat(part.x.starts, part.x.lengths)
    wanted = ~np.isnan(y[:, :-1] if whole else y[:, :1]).any(axis=1)
    steps = np.flatnonzero(wanted & (inside >= config.lags - 1))
    if len(steps) > _MOST_STEPS:
        steps = steps[np.linspace(0, len(steps) - 1, _MOST_STEPS).astype(np.int64)]
    rows = (starts + inside)[steps, None] + np.arange(1 - config.lags, 1)
    lags = part.x.values[rows, config.target] / scale
    known = ~np.isnan(lags).any(axis=1)
    return Lagged(lags[known], y[steps[known], :-1], y[steps[known], -1:])


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
