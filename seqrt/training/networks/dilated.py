"""A recurrent layer that continues from several steps before: one chain for each phase."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqrt.training.networks.recurrent import Recurrent


class Dilated(nn.Module):
    r"""A causal layer whose state is W steps old: h_t = cell(u_t, h_{t-W}).

    Steps t, t + W, t + 2W, ... form a chain of their own, so W chains run side by side, and a layer
    over daily data with W = 7 continues from the same weekday. Shapes: u (B, T, D) → h (B, T, H).
    The state (B, W S) holds the chains, the one that continues first coming first; of an LSTM all
    h, then all C.

    Chang et al. 2017, arXiv:1710.02224.
    """

    def __init__(self, layer: Recurrent, dilation: int) -> None:
        """Take a causal layer; with `dilation` 1 this is the layer itself."""
        super().__init__()
        self.layer, self.dilation = layer, dilation

    @property
    def state_size(self) -> int:
        """The size of the state of a sequence."""
        return self.dilation * self.layer.layer.state_size

    def forward(self, u: Tensor) -> Tensor:
        """Map u (B, T, D) to h (B, T, H) from zero state."""
        return self._in_time(self.layer(self._in_chains(u)), u.shape)

    def run(self, u: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, W S) over the first `lengths` steps of u; return h and the state."""
        chains = self._state_in_chains(state)
        steps = self._steps_of_chains(lengths)
        h, end = self.layer.run(self._in_chains(u), steps.clamp(min=1), chains)
        end = torch.where(steps[:, None] > 0, end, chains)
        return self._in_time(h, u.shape), self._state_in_time(end, lengths)

    def _in_chains(self, u: Tensor) -> Tensor:
        """Cut u (B, T, D) into its chains, each padded to the same length: (B W, T / W, D)."""
        padded = F.pad(u, (0, 0, 0, -u.shape[1] % self.dilation))
        chains: Tensor = padded.unflatten(1, (-1, self.dilation)).transpose(1, 2).flatten(0, 1)
        return chains

    def _in_time(self, h: Tensor, shape: torch.Size) -> Tensor:
        """Join chains (B W, T / W, H) to h (B, T, H)."""
        rows: Tensor = h.unflatten(0, (shape[0], self.dilation)).transpose(1, 2).flatten(1, 2)
        return rows[:, : shape[1]]

    def _steps_of_chains(self, lengths: Tensor) -> Tensor:
        """Return the number of steps of each chain (B W,)."""
        phase = torch.arange(self.dilation, device=lengths.device)
        return ((lengths[:, None] + self.dilation - 1 - phase) // self.dilation).flatten()

    def _state_in_chains(self, state: Tensor) -> Tensor:
        """Return a state (B, W S) as that of every chain (B W, S)."""
        parts: Tensor = state.unflatten(1, (-1, self.dilation, self.layer.layer.units))
        return parts.transpose(1, 2).flatten(2).flatten(0, 1)

    def _state_in_time(self, chains: Tensor, lengths: Tensor) -> Tensor:
        """Return the chains (B W, S) as a state (B, W S), after `lengths` more steps."""
        rows: Tensor = chains.unflatten(0, (len(lengths), self.dilation))
        phase = torch.arange(self.dilation, device=lengths.device)
        next_up = (phase + lengths[:, None]) % self.dilation
        turned: Tensor = rows.gather(1, next_up[..., None].expand_as(rows))
        parts: Tensor = turned.unflatten(2, (-1, self.layer.layer.units))
        return parts.transpose(1, 2).flatten(1)
