"""What follows the training of a network: a forecaster is calibrated, and its forecasts judged."""

from __future__ import annotations

from typing import Any

import numpy as np
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


def calibrate(net: Forecaster, problem: Problem) -> LinearPart | None:
    """Give a trained network its linear part, its share and the width of its quantiles.

    All of them are judged by the validation part. Without one, a network has no linear part unless
    it learnt from few values, and then both count equally. The first intervals of a series are
    calibrated by all parts. Returns the linear part.
    """
    linear, part = linear_part(problem), problem.validation
    few = int(problem.train.x.lengths.sum()) < MANY_VALUES
    if linear is not None:
        install(net, linear.forecast)
        net.share.fill_(0.5 if few else 1.0)
    if part is not None:
        (validation,) = examples(net, (part.x, part.y))
        if linear is not None:
            choose_share(net, validation, few=few)
        calibrate_quantiles(net, validation)
    calibrate_early(net, problem)
    return linear


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
