"""The examples that the linear part of a forecaster is fitted to, and judged by."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.data import Part
from seqrt.training.forecasting.linear import Windows
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.lags import normalised
from seqrt.training.problems.problem import Problem

Doubles = NDArray[np.float64]

# The most examples to fit a linear part to, or to judge it by.
_MOST_STEPS = 20_000


def windows_of(problem: Problem, parts: Iterable[Part]) -> Windows:
    """Return the steps of some parts with a known next value, in the units that targets have.

    A missing lag is the last known value of its series, and NaN before the first.
    """
    config = problem.forecaster
    assert config
    scale = problem.metadata.outputs[0].scale
    found = [_of_part(part, config, scale) for part in parts]
    return Windows(*map(np.concatenate, zip(*found, strict=True)))


def target_series(problem: Problem) -> list[Doubles]:
    """Return the target in the sequences of the training part, a missing value as NaN."""
    x, config = problem.train.x, problem.forecaster
    assert config
    return [
        x.values[first : first + count, config.target].astype(np.float64)
        for first, count in zip(x.starts.tolist(), x.lengths.tolist(), strict=True)
    ]


def _of_part(part: Part, config: ForecasterConfig, scale: float) -> Windows:
    y = np.concatenate(list(part.y)).astype(np.float64)
    inside = np.concatenate([np.arange(count) for count in part.x.lengths.tolist()])
    starts = np.repeat(part.x.starts, part.x.lengths)
    steps = np.flatnonzero(~np.isnan(y[:, 0]))
    if len(steps) > _MOST_STEPS:
        steps = steps[np.linspace(0, len(steps) - 1, _MOST_STEPS).astype(np.int64)]
    back = np.arange(1 - config.lags, 1)
    rows = (starts + inside)[steps, None] + back
    values = _filled(part.x.values[:, config.target].astype(np.float64)) / scale
    lags = np.where(inside[steps, None] + back >= 0, values[np.maximum(rows, 0)], np.nan)
    return Windows(lags, y[steps, :-1], *_units(lags, config))


def _filled(values: Doubles) -> Doubles:
    """Return values (T,) with each NaN replaced by the last value before it, if there is one."""
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))
    filled: Doubles = values[last]
    return filled


def _units(lags: Doubles, config: ForecasterConfig) -> tuple[Doubles, Doubles]:
    """Return the level and scale of lags (N, L), both (N, 1)."""
    known = np.isfinite(lags)
    rows = torch.from_numpy(np.where(known, lags, 0.0)), torch.from_numpy(known.astype(np.float64))
    read = normalised(*rows, config.level_window, config.season)
    return read.level.numpy(), read.scale.numpy()
