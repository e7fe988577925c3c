"""Baselines: predictions made without a network, reported beside every metric."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.training.problems.problem import Problem

Array = NDArray[Any]


def baseline(problem: Problem) -> tuple[str, Array]:
    """Return the name of the baseline, and its predictions for the judged part: (N, O).

    Built-in tasks: the best predictions without memory, if the task defines them.
    Forecasts: the last value of the target (persistence).
    Numbers: the mean of the training part.
    Labels: the class frequencies of the training part, so that the majority class wins.
    """
    if problem.plain is not None:
        return "no memory", problem.plain(problem.judged)
    if problem.judged.known is not None:
        return "persistence", problem.judged.known
    count = len(problem.judged.truth)
    truth = problem.train.truth
    if problem.activation == "softmax":
        classes = np.array(problem.metadata.classes)
        frequencies = (truth.reshape(-1, 1) == classes).mean(0)
        return "majority class", np.tile(frequencies, (count, 1))
    means = truth.reshape(len(truth), -1).astype(np.float64).mean(0)
    name = "mean" if problem.activation == "none" else "majority of each label"
    return name, np.tile(means, (count, 1))
