"""The shares of a network and of its linear part in the forecast, from the validation part."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.training.forecasting.linear import OUTLIER, Linear
from seqrt.training.forecasting.linear_part import shares_of
from seqrt.training.inputs.batches import all_logits
from seqrt.training.inputs.examples import Examples
from seqrt.training.networks.forecasting.forecaster import Forecaster

Doubles = NDArray[np.float64]


@torch.no_grad()
def install(net: Forecaster, linear: Linear) -> None:
    """Give a network its linear part; the share of the network stays as it is."""
    buffers = (net.linear, net.linear_offset, net.linear_level, net.linear_start)
    for buffer, values in zip(buffers, linear, strict=True):
        buffer.copy_(torch.from_numpy(values))


def choose_share(net: Forecaster, validation: Examples, *, few: bool) -> None:
    """Set the share of the network at each step ahead beside its linear part.

    Both are judged by the absolute error of their medians, in units of the scale, and weighed as
    the forecasts of the linear part are. Unless the values are `few`, so that the errors tell the
    better one for sure, one of the two alone is taken where it is better than the mean.
    """
    y = validation.y.double().numpy()
    truth, scale = y[:, :-1], y[:, -1:]
    network, linear = (_median(net, validation, share) for share in (1.0, 0.0))
    nearest = np.minimum(*(np.abs(each - truth) for each in (network, linear)))
    truth = np.where(nearest > OUTLIER * scale, np.nan, truth)
    errors = [_errors(each, truth, scale) for each in (network, linear)]
    weighed = shares_of(np.array(errors))[0]
    choices = [weighed] if few else [weighed, np.ones_like(weighed), np.zeros_like(weighed)]
    means = (each * network + (1 - each) * linear for each in choices)
    found = [float(_errors(mean, truth, scale).mean()) for mean in means]
    net.share.copy_(torch.from_numpy(choices[int(np.argmin(found))]))


def _errors(median: Doubles, truth: Doubles, scale: Doubles) -> Doubles:
    """Return the mean absolute error of each step ahead (H,)."""
    off = np.abs(median - truth) / scale
    known = np.isfinite(off)
    errors: Doubles = np.where(known, off, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return errors


def _median(net: Forecaster, validation: Examples, share: float) -> Doubles:
    net.share.fill_(share)
    v = all_logits(net, validation).double().numpy()
    middle: Doubles = v.reshape(len(v), net.architecture.horizon, -1)[:, :, net.architecture.median]
    return middle
