"""A recurrent forecaster for series of any size, with its equations."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqrt.contract import Carry
from seqrt.training.networks.dilated import Dilated
from seqrt.training.networks.forecasting.config import LATER, ForecasterConfig
from seqrt.training.networks.forecasting.early import EarlyGaps, summed_gaps
from seqrt.training.networks.forecasting.lags import Normalised, lags, normalised
from seqrt.training.networks.forecasting.seasonal_base import SeasonalBase
from seqrt.training.networks.missing import carried_size, carry, fill
from seqrt.training.networks.stack import Stack

# Beyond this, a normalised value is an outlier and not read further off than this.
CLIP_LAGS = 20.0
CLIP_OTHERS = 10.0


class Forecaster(Stack):
    r"""Forecasts the next H values of a series at each of its steps.

    Shapes: B batch, T time, D features, H horizon, Q quantiles, L lags, m season. At each step:

        z = (lags - level) / scale            the last L values of the target, in their own units
        e = relu(W_e [z, statistics, others] + b_e)
        h_t = cell(e_t, h_{t-m})              the state of the step a season before
        mid = base(h, z) + W_r [h, others] + b_r    a mix of past seasons, and a correction
        mid = share mid + (1 - share) linear(z)     the linear part beside it
        q_j = mid ± sum of widen_i gap_i      quantiles on either side, which cannot cross
        y = level + scale q ± sum of early gaps     which widen the first intervals

    `others` are the other features at the step. Unlike in a Network, a series has no fixed window:
    the state holds the lags and the m chains of the recurrent layer. At the start, where there are
    fewer than L values, the missing lags count as the level.

    With a floor, no answer in raw units is below it; the loss and the state do not know of it.

    The loss is the mean pinball loss of the quantiles, in units of the scale; so series of all
    sizes count alike. The base is in the spirit of Smyl 2020, doi:10.1016/j.ijforecast.2019.03.017;
    for quantiles that cannot cross see Gasthaus et al. 2019, PMLR 89.
    """

    linear: Tensor
    linear_offset: Tensor
    linear_level: Tensor
    linear_start: Tensor
    share: Tensor
    widen: Tensor

    def __init__(self, **options: Any) -> None:
        """Make a forecaster from the fields of ForecasterConfig, with random weights."""
        config = ForecasterConfig(**options)
        outputs = config.horizon * len(config.answers)
        super().__init__(config.features, outputs, "sequence", "none", config.missing)
        self.architecture = config
        others, units = len(self._others()), config.units
        self.embed = nn.Linear(config.lags + 2 + others, units)
        self.layer = Dilated(config.cell, units, units, dilation=config.season)
        self.base = SeasonalBase(units, config.horizon, config.season, config.seasons)
        self.correct = nn.Linear(units + others, config.horizon * len(config.quantiles))
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.correct.weight, std=0.01)
        with torch.no_grad():
            self.correct.bias.copy_(self._first_gaps().repeat(config.horizon))
        self._register_linear(config)
        self.early = EarlyGaps(config) if config.knots else None

    def _register_linear(self, config: ForecasterConfig) -> None:
        """Add the linear part, which is absent at first, and the factors of the gaps."""
        steps = config.horizon
        self.register_buffer("linear", torch.zeros(config.lags, steps))
        for name in ("linear_offset", "linear_level", "linear_start"):
            self.register_buffer(name, torch.zeros(steps))
        self.register_buffer("share", torch.ones(steps))
        self.register_buffer("widen", torch.ones(steps, len(config.quantiles)))

    def _first_gaps(self) -> Tensor:
        """Return the biases (Q,) with which the quantiles start as those of N(0, 1/2)."""
        normal, middle = NormalDist(0, 0.5), self.architecture.median
        at = [normal.inv_cdf(q) for q in self.architecture.quantiles]
        apart = torch.tensor([b - a for a, b in itertools.pairwise(at)])
        biases = torch.where(apart < 1, apart.log(), apart - 1)
        return torch.cat([biases[:middle], torch.zeros(1), biases[middle:]])

    def steps(self) -> list[nn.Module]:
        """Return the layers in order."""
        return [self.embed, self.layer, self.correct]

    def config(self) -> dict[str, Any]:
        """Return the arguments that make the same forecaster."""
        options = asdict(self.architecture).items()
        return {name: value for name, value in options if value != LATER.get(name, ...)}

    @property
    def carries(self) -> tuple[Carry, ...]:
        """The pieces of the state: the chains of the layer, the lags and which are known."""
        before, known = self._lags - 1, carried_size(len(self.x_mean), self.missing)
        taps, last_known = Carry("taps", before), Carry("known", known)
        pieces = (*self.layer.carries, taps, taps, last_known)
        return tuple(piece for piece in pieces if piece.size)

    @property
    def widest(self) -> int:
        """The most numbers that are computed for a step: lags, and quantiles of all steps ahead."""
        return 2 * self.architecture.lags + self.logit_size

    @property
    def logit_size(self) -> int:
        """The number of quantiles of all steps ahead, H Q."""
        return self.architecture.horizon * len(self.architecture.quantiles)

    def logits(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map raw x (B, T, D) to all quantiles in scaled units at every step: (B, T, H Q)."""
        del lengths  # a causal network needs no lengths to answer at every step
        values, known, others = self._channels(self.inputs(x))
        read = self._normalised(lags(values, self._lags), lags(known, self._lags))
        return self._quantiles(read, self.layer(self._embedded(read, others)), others)

    def logits_of_chain(self, x: Tensor, steps: Tensor) -> Tensor:
        """Return what `logits` has at `steps` (N,), which are a season apart: (B, N, H Q).

        This takes a season-th of the time, because the other steps belong to other chains.
        """
        values, known, others = self._channels(self.inputs(x))
        read = self._normalised(
            lags(values, self._lags)[:, steps], lags(known, self._lags)[:, steps]
        )
        others = others[:, steps]
        h = self.layer.of_segments(self._embedded(read, others), None)
        return self._quantiles(read, h, others)

    def run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over x: return y and the next state."""
        logits, end = self._run(x, lengths, state)
        return self.output(logits), end

    def advance(self, x: Tensor, lengths: Tensor | None, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over x: return all quantiles in scaled units, and the state."""
        ends = torch.full((len(x),), x.shape[1], device=x.device) if lengths is None else lengths
        return self._run(x, ends, state)

    def _run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        before = self._lags - 1
        sizes = [self.layer.state_size, before, before, carried_size(x.shape[2], self.missing)]
        chains, old_values, old_known, last_known = state.split(sizes, dim=1)
        u = fill(self.scaled(x), self.missing, last_known)
        values, known, others = self._channels(u)
        read = self._normalised(
            lags(values, self._lags, old_values), lags(known, self._lags, old_known)
        )
        h, chains = self.layer.run(self._embedded(read, others), lengths, chains)
        ends = [_last(values, old_values, lengths), _last(known, old_known, lengths)]
        carried = carry(u, lengths, self.missing)
        logits = self._quantiles(read, h, others)
        return logits, torch.cat([chains, *ends, carried], dim=1)

    def output(self, logits: Tensor) -> Tensor:
        """Map all quantiles in scaled units to the answers in raw units: (..., H A)."""
        config = self.architecture
        places = [config.quantiles.index(q) for q in config.answers]
        found: Tensor = logits.unflatten(-1, (config.horizon, -1))[..., places].flatten(-2)
        y = found * self.y_scale + self.y_mean
        return y if config.floor is None else y.clamp(min=config.floor)

    def normalise(self, x: Tensor) -> Normalised:
        """Return the normalised lags of the target at every step of raw x (B, T, D)."""
        values, known, _ = self._channels(self.inputs(x))
        return self._normalised(lags(values, self._lags), lags(known, self._lags))

    def linear_forecast(self, read: Normalised) -> Tensor:
        """Return the linear part (..., H) in units of the scale."""
        drift = (read.level * self.linear_level + self.linear_start) / read.scale
        return read.z @ self.linear + self.linear_offset + drift

    @property
    def _lags(self) -> int:
        return self.architecture.lags

    def _others(self) -> list[int]:
        """Return the places of the features other than the target."""
        target = self.architecture.target
        return [place for place in range(self.architecture.features) if place != target]

    def _channels(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return from inputs u (B, T, ·) values and known (B, T), and the others (B, T, ·)."""
        place, features = self.architecture.target, self.architecture.features
        values = u[..., place]
        known = torch.ones_like(values)
        if self.missing == "indicator":
            known = 1 - u[..., features + place]
        return values, known, u[..., self._others()].clamp(-CLIP_OTHERS, CLIP_OTHERS)

    def _normalised(self, values: Tensor, known: Tensor) -> Normalised:
        config = self.architecture
        return normalised(values, known, config.level_window, config.season)

    def _embedded(self, read: Normalised, others: Tensor) -> Tensor:
        z = read.z.clamp(-CLIP_LAGS, CLIP_LAGS)
        inputs = torch.cat([z, read.statistics, others], dim=-1)
        if self.training and self.architecture.noise:
            inputs = inputs + self.architecture.noise * torch.randn_like(inputs)
        embedded: Tensor = self.dropout(F.relu(self.embed(inputs)))
        return embedded

    def _quantiles(self, read: Normalised, h: Tensor, others: Tensor) -> Tensor:
        """Return all quantiles in scaled units, (..., H Q)."""
        config, h = self.architecture, self.dropout(h)
        middle, steps = config.median, config.horizon
        r = self.correct(torch.cat([h, others], dim=-1)).unflatten(-1, (steps, -1))
        mid = self.base(h, read.z, read.known) + r[..., middle]
        mid = self.share * mid + (1 - self.share) * self.linear_forecast(read)
        gaps = (F.relu(r) + r.clamp(max=0).exp()) * self.widen
        offsets = summed_gaps(gaps, middle)
        q = read.level[..., None] + read.scale[..., None] * (mid[..., None] + offsets)
        if self.early is not None:
            q = q + self.early(read)
        scaled: Tensor = q.flatten(-2)
        return scaled


def _last(values: Tensor, before: Tensor, lengths: Tensor) -> Tensor:
    """Return the last values of each row after `lengths` steps, as many as `before` has."""
    row = torch.cat([before, values], dim=1)
    places = lengths[:, None] + torch.arange(before.shape[1], device=lengths.device)
    return row.gather(1, places)
