"""What follows the training of a network: a forecaster is calibrated, and its forecasts judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.training.forecasting.calibrate import calibrate_quantiles
from seqrt.training.forecasting.early import calibrate_early
from seqrt.training.forecasting.linear_part import LinearPart, linear_part, refitted
from seqrt.training.forecasting.rules import MANY_VALUES
from seqrt.training.forecasting.share import choose_share, install
from seqrt.training.inputs.batches import predict
from seqrt.training.inputs.examples import examples
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.stack import Stack
from seqrt.training.problems.problem import Problem

# What a network that is trained further takes over from before.
_LINEAR = ("linear", "linear_offset", "linear_level", "linear_start")


def calibrate(net: Forecaster, problem: Problem, before: Stack | None = None) -> LinearPart | None:
    """Give a trained network its linear part, its share and the width of its quantiles.

    All of them are judged by the validation part. Without one, a network has no linear part unless
    it learnt from few values, and then both count equally. The first intervals of a series are
    calibrated by all parts. Returns the linear part.

    A network that is trained further keeps the linear part that it had `before`, which was fitted
    to other data as well; None is returned.
    """
    few = int(problem.train.x.lengths.sum()) < MANY_VALUES
    if isinstance(before, Forecaster):
        _take_over(net, before)
        shared = any(getattr(net, name).any() for name in _LINEAR)
        _calibrate(net, problem, few=few, shared=shared)
        if net.early and before.early and not net.early.gaps.any():
            net.early.gaps.copy_(before.early.gaps)
        return None
    linear = linear_part(problem)
    if linear is not None:
        install(net, linear.forecast)
        net.share.fill_(0.5 if few else 1.0)
    _calibrate(net, problem, few=few, shared=linear is not None)
    return linear


def _calibrate(net: Forecaster, problem: Problem, *, few: bool, shared: bool) -> None:
    """Set the width of the quantiles, and the share of a network beside a linear part."""
    part = problem.validation
    if part is not None:
        (validation,) = examples(net, (part.x, part.y))
        if shared:
            choose_share(net, validation, few=few)
        calibrate_quantiles(net, validation)
    calibrate_early(net, problem)


@torch.no_grad()
def uncalibrate(net: Forecaster) -> None:
    """Take from a network what follows training: linear part, share, width of the quantiles."""
    for name in _LINEAR:
        getattr(net, name).zero_()
    net.share.fill_(1.0)
    net.widen.fill_(1.0)
    if net.early:
        net.early.gaps.zero_()


@torch.no_grad()
def _take_over(net: Forecaster, before: Forecaster) -> None:
    for name in (*_LINEAR, "share", "widen"):
        getattr(net, name).copy_(getattr(before, name))


def refit(net: Forecaster, linear: LinearPart | None, problem: Problem) -> None:
    """Fit the linear part of a calibrated network to the validation part as well."""
    if linear is not None:
        install(net, refitted(linear, problem))


def predictions(net: Stack, problem: Problem) -> NDArray[Any]:
    """Return the predictions for the judged part of `problem`: (N, O); of quantiles, the median."""
    if problem.forecasts is None or not isinstance(net, Forecaster):
        return predict(net, problem.judged.x)
    part = problem.validation or problem.train
    y = predict(net, part.x)[problem.forecasts.steps]
    answers = net.architecture.answers
    median: NDArray[np.float32] = y.reshape(len(y), -1, len(answers))[..., len(answers) // 2]
    return median
