"""Calibration on the validation part: the width of quantiles."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.training.inputs.batches import all_logits
from seqrt.training.inputs.examples import Examples
from seqrt.training.networks.forecasting.forecaster import Forecaster

Doubles = NDArray[np.float64]

# A gap may vanish in float32, where the scale of a series is tiny beside its level.
_LEAST_GAP = 1e-30


@torch.no_grad()
def calibrate_quantiles(net: Forecaster, validation: Examples) -> None:
    """Widen or narrow the gaps between quantiles, so that as many targets lie inside as should.

    For each step ahead and each pair of quantiles, from the inner one to the outer, the factor is
    the split-conformal quantile of what the gap would have to be multiplied with to reach the
    target: with n targets and the miss rate a, that of rank ceil((n + 1)(1 - a)). Quantiles remain
    in order, whatever the input. Steps with too few targets for a level keep their factor.

    Romano et al. 2019, arXiv:1905.03222.
    """
    config = net.architecture
    net.widen.fill_(1.0)
    truth = validation.y[:, :-1].double().numpy()
    v = all_logits(net, validation).double().numpy().reshape(len(truth), config.horizon, -1)
    for step in range(config.horizon):
        known = ~np.isnan(truth[:, step])
        factors = gap_factors(truth[known, step], v[known, step], config.quantiles)
        net.widen[step] = torch.from_numpy(factors)


def gap_factors(truth: Doubles, v: Doubles, quantiles: tuple[float, ...]) -> Doubles:
    """Return the factors (Q,) of the gaps between quantiles v (N, Q) of targets (N,)."""
    middle = len(quantiles) // 2
    factors = np.ones(len(quantiles))
    off = truth - v[:, middle]
    reached = np.zeros((2, len(truth)))
    for j in range(1, middle + 1):
        ends = [middle - j, middle + j]
        inner = [middle - j + 1, middle + j - 1]
        gap = np.maximum(np.abs(v[:, ends] - v[:, inner]).T, _LEAST_GAP)
        beyond = np.maximum(np.stack([-off, off]) - reached, 0) / gap
        factor = conformal(beyond.max(axis=0), 2 * quantiles[middle - j])
        if factor is not None:
            factors[ends] = factor
        reached += factors[middle - j] * gap
    return factors


def conformal(scores: Doubles, miss: float) -> float | None:
    """Return the smallest bound that holds for a new score with probability 1 - `miss`, or None."""
    rank = math.ceil((len(scores) + 1) * (1 - miss))
    if rank > len(scores):
        return None
    return float(np.partition(scores, rank - 1)[rank - 1])
