"""Forecasts where the scale says little, whose intervals are wider than its multiples.

The scale of a few values is small: that of one value is next to nothing, and within the first
season it misses the swing of the season. So each gap between quantiles grows by an amount that
depends on the number of known lags, and is 0 once all are known. Then it grows where the lags are
flat, all of one value, as those of counts that are mostly zero: their scale is next to nothing.
"""

from __future__ import annotations

import itertools
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.lags import LEAST_SCALE, LEAST_SHARE, Normalised

UNITS: Final = ("scale of training", "size", "scale")
"""What the amounts are multiples of: 1 in scaled units, the mean |x| of the lags, their scale."""


class EarlyGaps(nn.Module):
    r"""Returns by how much quantiles lie further from the median, in scaled units.

    Shapes: K knots, U units, H horizon, Q quantiles, L lags → (..., H, Q).

        hat_k(n)    1 where n values are known and n is knot k, 0 from the knots beside it on
        hat_K(n)    at the last knot, L: 1 where the lags are flat, else 0
        amount = sum_k sum_u hat_k(n) unit_u gaps_kuh
    """

    gaps: Tensor

    def __init__(self, config: ForecasterConfig) -> None:
        """Make gaps of 0 for the knots of a forecaster."""
        super().__init__()
        self.hats, self.middle = Hats.of(config.knots), config.median
        sizes = len(config.knots), len(UNITS), config.horizon, len(config.quantiles)
        self.register_buffer("gaps", torch.zeros(sizes))

    def forward(self, read: Normalised) -> Tensor:
        """Return what to add to the quantiles, below the median and above it."""
        hats = self.hats.at(read.known.sum(-1, keepdim=True))
        flat = flatness(read) - hats.sum(-1, keepdim=True)
        hats = torch.cat([hats, flat.clamp(0, 1)], dim=-1)
        units = torch.cat([torch.ones_like(read.size), read.size, read.scale], dim=-1)
        weights = (hats.unsqueeze(-1) * units.unsqueeze(-2)).flatten(-2)
        amounts: Tensor = (weights @ self.sums()).unflatten(-1, self.gaps.shape[2:])
        return amounts

    def sums(self) -> Tensor:
        """Return the gaps summed from the median, with sign: (K U, H Q)."""
        return summed_gaps(self.gaps, self.middle).flatten(2).flatten(0, 1)


def flatness(read: Normalised) -> Tensor:
    """Return 1 where the scale is the least that there is, and 0 where it is twice that."""
    least = LEAST_SHARE * read.size + LEAST_SCALE
    return (2 - read.scale / least).clamp(0, 1)


class Hats(NamedTuple):
    """Where the hat of each knot but the last begins and ends, and how far it is to the knot."""

    starts: list[int]
    rises: list[int]
    ends: list[int]
    falls: list[int]

    @classmethod
    def of(cls, knots: tuple[int, ...]) -> Hats:
        """Make the hats of some knots; the first is 1 from 0 on."""
        inner = knots[:-1]
        starts = [inner[0] - 2, *inner[:-1]]
        rises = [1, *(b - a for a, b in itertools.pairwise(inner))]
        return cls(starts, rises, list(knots[1:]), [b - a for a, b in itertools.pairwise(knots)])

    def at(self, known: Tensor) -> Tensor:
        """Return how near the number of known lags (..., 1) is to each knot but the last: (..., K).

        All are 0 at the last knot; at any other number they sum to 1.
        """
        starts, rises, ends, falls = map(known.new_tensor, self)
        hats: Tensor = torch.minimum((known - starts) / rises, (ends - known) / falls)
        return hats.clamp(0, 1)


def knots_for(lags: int, season: int) -> tuple[int, ...]:
    """Return the numbers of known lags at which early gaps are given, from 1 to all.

    They grow by half each, and hold the first whole seasons, which make a forecast much better
    than one value less does. A single lag has no knots.
    """
    if lags == 1:
        return ()
    found, knot = {1, lags}, 1
    while knot < lags:
        found.add(knot)
        knot = max(knot + 1, knot * 3 // 2)
    for many in (1, 2):
        found |= {each for each in (many * season - 1, many * season) if 0 < each < lags}
    return tuple(sorted(found))


def summed_gaps(gaps: Tensor, middle: int) -> Tensor:
    """Return how far quantiles lie from the median, the one at `middle`: sums of gaps (..., Q)."""
    below = gaps[..., :middle].flip(-1).cumsum(-1).flip(-1)
    above = gaps[..., middle + 1 :].cumsum(-1)
    return torch.cat([-below, torch.zeros_like(gaps[..., :1]), above], dim=-1)
