"""What follows the training of a network: a forecaster is calibrated, and its forecasts judged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.training.forecasting.calibrate import calibrate_quantiles, choose_share
from seqrt.training.forecasting.early import calibrate_early
from seqrt.training.inputs.batches import predict
from seqrt.training.inputs.examples import examples
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.stack import Stack
from seqrt.training.problems.problem import Problem


def calibrate(net: Forecaster, problem: Problem) -> None:
    """Set the share of the linear part and the width of the quantiles by the validation part.

    The first intervals of a series are calibrated by all parts.
    """
    part = problem.validation
    if part is not None:
        (validation,) = examples(net, (part.x, part.y))
        if net.linear.any():
            choose_share(net, validation)
        calibrate_quantiles(net, validation)
    calibrate_early(net, problem)


def predictions(net: Stack, problem: Problem) -> NDArray[Any]:
    """Return the predictions for the judged part of `problem`: (N, O); of quantiles, the median."""
    if problem.forecasts is None or not isinstance(net, Forecaster):
        return predict(net, problem.judged.x)
    part = problem.validation or problem.train
    y = predict(net, part.x)[problem.forecasts.steps]
    answers = net.architecture.answers
    median: NDArray[np.float32] = y.reshape(len(y), -1, len(answers))[..., len(answers) // 2]
    return median
