"""What anyone could say without a network: the honest company of every figure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.training.problems.problem import Problem

Array = NDArray[Any]


def baseline(problem: Problem) -> tuple[str, Array]:
    """Return a name, and what it predicts for the judged part: (N, O).

    Built-in tasks: what can be known without memory, where that is more than the following.
    Forecasts: the target stays as it was last (persistence). Numbers: the mean of the training
    part. Labels: the shares of the training part, so that the majority class wins.
    """
    if problem.plain is not None:
        return "no memory", problem.plain(problem.judged)
    if problem.judged.known is not None:
        return "persistence", problem.judged.known
    count = len(problem.judged.truth)
    truth = problem.train.truth
    if problem.activation == "softmax":
        classes = np.array(problem.metadata.classes)
        shares = (truth.reshape(-1, 1) == classes).mean(0)
        return "majority class", np.tile(shares, (count, 1))
    shares = truth.reshape(len(truth), -1).astype(np.float64).mean(0)
    name = "mean" if problem.activation == "none" else "majority of each label"
    return name, np.tile(shares, (count, 1))
