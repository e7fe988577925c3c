"""Baselines: predictions made without a network, reported beside every metric."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.forecasting.back_test import seasonal_name
from seqrt.forecasting.naive import longer_season, season_of_origins, seasonal_naive
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
        labels, counts = np.unique(truth, return_counts=True)
        shares = dict(zip(labels.tolist(), counts / len(truth), strict=True))
        frequencies = np.array([shares.get(each, 0.0) for each in problem.metadata.classes])
        return "majority class", np.tile(frequencies, (count, 1))
    means = truth.reshape(len(truth), -1).astype(np.float64).mean(0)
    name = "mean" if problem.activation == "none" else "majority of each label"
    return name, np.tile(means, (count, 1))


def seasonal_baselines(problem: Problem) -> dict[str, Array]:
    """Return the predictions (N, O) of seasonal naive for the judged part, by name.

    There are none without a forecast or a season, and two if a multiple of the season has a higher
    autocorrelation, such as the week beside the day.
    """
    if problem.origins is None:
        return {}
    # the parts of a committee follow each other fold by fold
    rows = problem.judged.first_rows
    assert rows is not None
    order = np.argsort(rows, kind="stable")
    origins = problem.origins(rows[order])
    season = season_of_origins(origins)
    if season == 1:
        return {}
    seasons = filter(None, (season, longer_season(origins, season)))
    place = np.argsort(order, kind="stable")
    return {
        seasonal_name(m): seasonal_naive(origins, m)[place].reshape(len(rows), -1) for m in seasons
    }
