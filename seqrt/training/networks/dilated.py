"""Recurrent layers whose steps continue from several steps before, and rows in segments."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from seqrt.contract import Carry
from seqrt.contract.idioms import MOST_CONTEXT
from seqrt.contract.manifest import Nonlinearity
from seqrt.errors import UsageError
from seqrt.training.kernels import TrainedCell
from seqrt.training.networks.recurrent import Recurrent


class Dilated(Recurrent):
    r"""A causal recurrent layer that continues each step from the state W steps before.

        h_t = cell(x_t, h_{t-W})        W the dilation; zero before the first step

    A row is W sequences in turn, its phases: steps 0, W, 2 W, ..., steps 1, W + 1, ... and so on.
    Each is a row for the kernels of `Recurrent`.

    Shapes: x (B, T, D) → y (B, T, H). The state (B, W H), and (B, 2 W H) for the LSTM, holds the
    last W values of h, oldest first, then those of C.

    Chang et al. 2017, arXiv:1710.02224.
    """

    def __init__(
        self,
        cell: TrainedCell,
        features: int,
        units: int,
        *,
        dilation: int,
        nonlinearity: Nonlinearity = "tanh",
    ) -> None:
        """Make the layer with torch's initial weights."""
        super().__init__(cell, features, units, nonlinearity=nonlinearity)
        if dilation * units > MOST_CONTEXT:
            raise UsageError(
                f"a layer of {units} units over segments of {dilation} steps keeps"
                f" {dilation * units:,} numbers, more than {MOST_CONTEXT:,}. Take shorter segments."
            )
        self.layer = replace(self.layer, dilation=dilation)
        self.dilation = dilation
        self.carries = tuple(Carry(piece.what, dilation * piece.size) for piece in self.carries)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map x (B, T, D) to y (B, T, H) from zero state."""
        whole = F.pad(x, (0, 0, 0, -x.shape[1] % self.dilation))
        y = self._of_phases(super().forward(self._to_phases(whole)), len(x))
        return y[:, : x.shape[1]]

    def of_segments(self, x: Tensor, counts: Tensor | None) -> Tensor:
        """Map x (B, K, D) for K segments to y (B, K, H), each continuing from the one before."""
        return super().forward(x, counts)

    def run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over x; return y and the state after each row's last step.

        Steps of y past `lengths` are zero.
        """
        before, dilation = self._ring(state), self.dilation
        whole = F.pad(x, (0, 0, 0, -x.shape[1] % dilation))
        down = torch.arange(dilation - 1, -1, -1, device=lengths.device)
        steps = torch.div(lengths[:, None] + down, dilation, rounding_mode="floor").flatten()
        used = steps.nonzero()[:, 0]  # a phase of no step keeps its state
        phases, ends = self._to_phases(whole), before.flatten(0, 1).clone()
        y = phases.new_zeros(*phases.shape[:2], self.layer.units)
        y[used], ends[used] = super().run(phases[used], steps[used], ends[used])
        after = torch.cat([before, ends.view_as(before)], dim=1)
        places = lengths[:, None] + torch.arange(dilation, device=lengths.device)
        places = torch.minimum(places, places % dilation + dilation)
        rows = torch.arange(len(x), device=x.device)[:, None]
        return self._of_phases(y, len(x))[:, : x.shape[1]], self._from_ring(after[rows, places])

    def advance(
        self, x: Tensor, state: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over all steps of x, with the fast kernels."""
        rows, dilation, ring = len(x), self.dilation, self._ring(state)
        rest = x.shape[1] % dilation
        whole, parts = x.shape[1] - rest, []
        if whole:
            phases, start = self._to_phases(x[:, :whole]), ring.flatten(0, 1)
            y, ends = super().advance(phases, start)
            parts, ring = [self._of_phases(y, rows)], ends.view_as(ring)
        if rest:
            single = x[:, whole:].flatten(0, 1)[:, None]
            y, ends = super().advance(single, ring[:, :rest].flatten(0, 1))
            parts.append(y.view(rows, rest, -1))
            ring = torch.cat([ring[:, rest:], ends.view(rows, rest, -1)], dim=1)
        return torch.cat(parts, dim=1), self._from_ring(ring)

    def _to_phases(self, x: Tensor) -> Tensor:
        """Return x (B, K W, D) with each phase as a row: (B W, K, D)."""
        phases: Tensor = x.unflatten(1, (-1, self.dilation)).transpose(1, 2)
        return phases.flatten(0, 1)

    def _of_phases(self, y: Tensor, rows: int) -> Tensor:
        """Return y (B W, K, H) with the steps back in order: (B, K W, H)."""
        steps: Tensor = y.unflatten(0, (rows, self.dilation)).transpose(1, 2)
        return steps.flatten(1, 2)

    def _ring(self, state: Tensor) -> Tensor:
        """Return a state (B, S) as W states of `Recurrent`, oldest first: (B, W, S / W)."""
        parts = state.split(self.dilation * self.layer.units, dim=1)
        return torch.cat([part.unflatten(1, (self.dilation, -1)) for part in parts], dim=2)

    def _from_ring(self, ring: Tensor) -> Tensor:
        """Return the state (B, S) of `_ring`."""
        return torch.cat([part.flatten(1) for part in ring.split(self.layer.units, dim=2)], dim=1)


def segments_of(x: Tensor, lengths: Tensor | None, steps: int) -> tuple[Tensor, Tensor | None]:
    """Return the segments of `steps` steps of each row that end at its last step, and their number.

    x (B, T, D) → (B, K, steps D), the steps of a segment side by side; zeros fill the first one of
    a row. Past a row's own number of segments there are zeros.
    """
    if lengths is None:
        whole = F.pad(x, (0, 0, -x.shape[1] % steps, 0))
        return whole.unflatten(1, (-1, steps)).flatten(2), None
    counts = torch.div(lengths + steps - 1, steps, rounding_mode="floor")
    longest = -(-x.shape[1] // steps) * steps
    source = torch.arange(longest, device=x.device) - (counts * steps - lengths)[:, None]
    inside = (source >= 0) & (source < lengths[:, None])
    rows = torch.arange(len(x), device=x.device)[:, None]
    moved = torch.where(inside[..., None], x[rows, source.clamp(0, x.shape[1] - 1)], 0)
    return moved.unflatten(1, (-1, steps)).flatten(2), counts
