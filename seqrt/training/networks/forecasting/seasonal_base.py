"""The base of a forecast: a mix of the seasons before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# An absent season is as unlikely as if its logit were lower by this.
ABSENT = 20.0


class SeasonalBase(nn.Module):
    r"""Mixes past seasons, as they were and moved to today's level, for each season ahead.

    Shapes: h (..., U), lags z (..., n m) of n seasons of m steps, oldest first → (..., H).

        p, b = softmax(W h + b + start)           2 n weights for each season ahead
        base = sum_i (p_i + b_i) z_i + b_i (mean z_n - mean z_i)

    The first weights prefer the last season. With m = 1 this is a learned exponential smoothing.
    Seasons without a known value are left out.
    """

    start: Tensor

    def __init__(self, units: int, horizon: int, season: int, seasons: int) -> None:
        """Make the base with random weights."""
        super().__init__()
        self.horizon, self.season, self.seasons = horizon, season, seasons
        self.ahead = -(-horizon // season)
        self.weigh = nn.Linear(units, self.ahead * 2 * seasons)
        start = torch.zeros(2 * seasons)
        start[0], start[seasons - 1], start[-1] = 1.0, 2.0, 1.0
        self.register_buffer("start", start)

    def forward(self, h: Tensor, z: Tensor, known: Tensor) -> Tensor:
        """Return the base in the units of z."""
        cut = (self.seasons, self.season)
        seasons, count = z.unflatten(-1, cut), known.unflatten(-1, cut).sum(-1)
        mean = seasons.sum(-1) / count.clamp(min=1)
        absent = ABSENT * (count / self.season - 1)
        logits = self.weigh(h).unflatten(-1, (self.ahead, -1)) + self.start
        weights = (logits + torch.cat([absent, absent], dim=-1).unsqueeze(-2)).softmax(-1)
        as_it_was, moved = weights.split(self.seasons, dim=-1)
        mixed = ((as_it_was + moved).unsqueeze(-1) * seasons.unsqueeze(-3)).sum(-2)
        shift = (moved * (mean[..., -1:] - mean).unsqueeze(-2)).sum(-1, keepdim=True)
        base: Tensor = (mixed + shift).flatten(-2)[..., : self.horizon]
        return base
