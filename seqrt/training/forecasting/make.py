"""A forecaster for a problem: its weights are drawn, and it has no linear part yet."""

from __future__ import annotations

from dataclasses import asdict

from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.problems.problem import Problem


def forecaster_for(problem: Problem) -> Forecaster:
    """Return an untrained forecaster with the columns of `problem`.

    The weights are drawn from torch's global generator. The linear part follows after training, see
    training.forecasting.finish: a network that learns beside it learns its errors on the training
    part, which are smaller than those on new rows.
    """
    assert problem.forecaster
    net = Forecaster(**asdict(problem.forecaster))
    net.metadata = problem.metadata
    net.set_scaling(net.metadata.features, net.metadata.outputs)
    return net
