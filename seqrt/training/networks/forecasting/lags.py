"""The last values of a series at each step, and their level and scale: what a forecaster reads."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# The scale is at least this share of the mean size of the values, so that a constant series has
# one; and this number, so that a series of zeros has one.
LEAST_SHARE = 1e-3
LEAST_SCALE = 1e-8


class Normalised(NamedTuple):
    """Values in units of their own: z = (values - level known) / scale, 0 where unknown.

    Shapes: z, known (..., L), level, scale, each of `statistics`, and size, the mean |x| (..., 1).
    """

    z: Tensor
    known: Tensor
    level: Tensor
    scale: Tensor
    statistics: Tensor
    size: Tensor


def lags(values: Tensor, count: int, before: Tensor | None = None) -> Tensor:
    """Return the last `count` values at each step, oldest first: (B, T) to (B, T, count).

    `before` (B, count - 1) are the values before the first step, by default zeros.
    """
    if before is None:
        before = values.new_zeros(len(values), count - 1)
    return torch.cat([before, values], dim=1).unfold(1, count, 1)


def normalised(values: Tensor, known: Tensor, window: int, season: int) -> Normalised:
    """Normalise lags (..., L) by the mean and the mean deviation of the last `window` of them.

    `known` (..., L) is 1 where a value is known, and 0 where it is missing or before the start,
    where the value is 0. The statistics (..., 2) say how the scale compares with the values' size,
    and with their seasonal differences; both lie between 0 and 1.

        level = mean x,   scale = mean |x - level| + 0.001 mean |x| + 1e-8
    """
    recent, there = values[..., -window:], known[..., -window:]
    count = there.sum(-1, keepdim=True).clamp(min=1)
    level = recent.sum(-1, keepdim=True) / count
    spread = (recent - level * there).abs().sum(-1, keepdim=True) / count
    size = recent.abs().sum(-1, keepdim=True) / count
    scale = spread + LEAST_SHARE * size + LEAST_SCALE
    z = (values - level * known) / scale
    statistics = torch.cat([scale / (scale + size), _seasonal_difference(z, known, season)], dim=-1)
    return Normalised(z, known, level, scale, statistics, size)


def _seasonal_difference(z: Tensor, known: Tensor, season: int) -> Tensor:
    """Return d / (1 + d), d the mean difference |z_t - z_{t-m}| of the pairs that are known."""
    if z.shape[-1] <= season:
        return torch.zeros_like(z[..., :1])
    pairs = known[..., season:] * known[..., :-season]
    apart = ((z[..., season:] - z[..., :-season]).abs() * pairs).sum(-1, keepdim=True)
    d = apart / pairs.sum(-1, keepdim=True).clamp(min=1)
    return d / (1 + d)
