"""A recurrent layer in one direction or two, for padded batches, with its equations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqrt.contract import Carry, Layer
from seqrt.contract.manifest import Carried, Nonlinearity
from seqrt.errors import UsageError
from seqrt.training.kernels import CellKind, TrainedCell, apply_layer
from seqrt.training.networks.mingru import MinimalGru
from seqrt.training.networks.time_layer import TimeLayer, valid_steps


class Recurrent(TimeLayer):
    r"""A layer of RNN, LSTM, GRU or minGRU cells over a padded batch.

    RNN, f is tanh or relu:
        h_t = f(W_xh x_t + W_hh h_{t-1} + b_h)

    LSTM:
        i_t = σ(W_xi x_t + W_hi h_{t-1} + b_i)        write
        f_t = σ(W_xf x_t + W_hf h_{t-1} + b_f)        keep
        o_t = σ(W_xo x_t + W_ho h_{t-1} + b_o)        show
        g_t = tanh(W_xg x_t + W_hg h_{t-1} + b_g)     what to write
        C_t = f_t ⊙ C_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(C_t)

    GRU:
        r_t = σ(W_xr x_t + W_hr h_{t-1} + b_r)        look back
        z_t = σ(W_xz x_t + W_hz h_{t-1} + b_z)        keep
        n_t = tanh(W_xn x_t + b_xn + r_t ⊙ (W_hn h_{t-1} + b_hn))
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    minGRU:
        z_t = σ(W_z x_t + b_z)                        keep
        c_t = tanh(W_c x_t + b_c)                     new
        h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ c_t

    Shapes: x (B, T, D) → y (B, T, H), or (B, T, 2H) with both directions. The state of a causal
    layer is (B, H), and (B, 2H) for the LSTM: h, then C.

    The weights and most kernels are torch's. Each direction has its own kernel, because on a CPU
    only a dense batch runs on the fused LSTM; the backward direction reads each row reversed within
    its own length. Gate order: torch stacks i f g o and r z n, and stores each bias as b_ih + b_hh.
    On a CPU, where torch has no fused RNN and GRU, these train with seqrt.training.kernels.

    The minGRU has the weights of z and c only. It is a GRU whose recurrent weights are zero, so
    that r gates nothing. A file holds it as that, and `layer`, which describes it in the file, has
    the cell "gru".

    Elman 1990, doi:10.1207/s15516709cog1402_1; Hochreiter & Schmidhuber 1997,
    doi:10.1162/neco.1997.9.8.1735, forget gate: Gers et al. 2000, doi:10.1162/089976600300015015;
    Cho et al. 2014, arXiv:1406.1078, in the form of cuDNN (reset after the matrix product);
    Feng et al. 2024, arXiv:2410.01201, with the tanh of Bradbury et al. 2016, arXiv:1611.01576.
    """

    def __init__(
        self,
        cell: TrainedCell,
        features: int,
        units: int,
        *,
        bidirectional: bool = False,
        nonlinearity: Nonlinearity = "tanh",
    ) -> None:
        """Make the layer with torch's initial weights, uniform within ±1/sqrt(units)."""
        super().__init__()
        self.kind = CellKind(cell, nonlinearity if cell == "rnn" else "tanh")
        self.layer = Layer(self.kind.in_file, units, bidirectional, self.kind.nonlinearity)
        self.features = features
        directions = 2 if bidirectional else 1
        self.cells = nn.ModuleList(_kernel(self.kind, features, units) for _ in range(directions))
        self.widest = units
        if bidirectional:
            self.not_streamable = "its layers are bidirectional"
        else:
            parts: tuple[Carried, ...] = ("h", "c") if cell == "lstm" else ("h",)
            self.carries = tuple(Carry(part, units) for part in parts)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map x (B, T, D) to y (B, T, H or 2H) from zero state; ignore steps past `lengths`."""
        y = self._run_direction(self.cells[0], x)
        if len(self.cells) == 1:
            return y
        y_reversed = self._run_direction(self.cells[1], reverse(x, lengths))
        return torch.cat([y, reverse(y_reversed, lengths)], dim=-1)

    def last(self, y: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return from y (B, T, ·) the output of each direction after its last step: (B, ·).

        For the forward direction that is at the last valid step, for the backward one at the first.
        """
        rows = torch.arange(len(y), device=y.device)
        end = y[:, -1] if lengths is None else y[rows, lengths - 1]
        if len(self.cells) == 1:
            return end
        units = self.layer.units
        return torch.cat([end[:, :units], y[:, 0, units:]], dim=-1)

    def run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) of a causal layer over x; return y and the next state.

        This is slower than `forward`: torch returns the state after a row's own last step only for
        packed sequences, which have no fused kernel. Steps of y past `lengths` are zero.
        """
        if self.kind.cell == "mingru":
            return self._run_mingru(x, lengths, state)
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        y, end = self.cells[0](packed, self._unpacked(state))
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
        return y, self._packed(end)

    def _run_mingru(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Do the same for a minGRU, which has no form for packed sequences."""
        y = self.cells[0](x, self._unpacked(state))[0]
        return torch.where(valid_steps(x, lengths), y, 0), self.last(y, lengths)

    def advance(
        self, x: Tensor, state: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) of a causal layer over all steps of x, with the fast kernels."""
        if self._uses_own_kernel(x):
            y = self._apply_own_kernel(self.cells[0], x, state)
            return y, y[:, -1]
        y, end = self.cells[0](x, self._unpacked(state))
        return y, self._packed(end)

    def input_weights(self) -> Iterator[Tensor]:
        """Yield the weights of the inputs in each direction, (G H, D)."""
        return (weights_of(cell)[0] for cell in self.cells)

    def _uses_own_kernel(self, x: Tensor) -> bool:
        """Return whether seqrt's kernel runs: in training, for all cells but the LSTM.

        It is differentiable once, on plain CPU tensors. In eval mode torch's kernel runs, or
        MinimalGru; they support everything else: second derivatives, vmap, other number formats.
        """
        return (
            self.layer.cell != "lstm"
            and self.training
            and torch.is_grad_enabled()
            and x.device.type == "cpu"
            and x.dtype in (torch.float32, torch.float64)
            and not torch.is_autocast_enabled("cpu")
        )

    def _run_direction(self, cell: nn.Module, x: Tensor) -> Tensor:
        """Map x (B, T, D) to y (B, T, H) in one direction, from zero state."""
        y: Tensor = self._apply_own_kernel(cell, x) if self._uses_own_kernel(x) else cell(x)[0]
        return y

    def _apply_own_kernel(self, cell: Any, x: Tensor, h: Tensor | None = None) -> Tensor:
        """Map x (B, T, D) to y (B, T, H) with seqrt's kernel, from h (B, H) or from zero state."""
        return apply_layer(self.kind, x, weights_of(cell), h)

    def _unpacked(self, state: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return a state (B, S) in the form that torch's kernels take."""
        parts = [part.contiguous() for part in state[None].split(self.layer.units, dim=-1)]
        return tuple(parts) if self.layer.cell == "lstm" else parts[0]

    def _packed(self, end: Any) -> Tensor:
        """Return a state (B, S) from the form that torch's kernels return."""
        state: Tensor = torch.cat(end, dim=-1)[0] if self.layer.cell == "lstm" else end[0]
        return state


def weights_of(cell: Any) -> tuple[Tensor, ...]:
    """Return W_ih, W_hh, b_ih, b_hh of one of torch's kernels, or W_ih, b_ih of a minGRU."""
    if isinstance(cell, MinimalGru):
        return cell.weight_ih_l0, cell.bias_ih_l0
    return cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0, cell.bias_hh_l0


def reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Reverse each row of x (B, T, ·) in time within its own length; padding stays in place."""
    if lengths is None:
        return x.flip(1)
    step = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths[:, None] - 1 - step
    source = torch.where(mirrored >= 0, mirrored, step)
    return x.gather(1, source[..., None].expand_as(x))


def _kernel(kind: CellKind, features: int, units: int) -> nn.Module:
    if kind.cell == "rnn":
        return nn.RNN(features, units, nonlinearity=kind.nonlinearity, batch_first=True)
    if kind.cell == "lstm":
        return nn.LSTM(features, units, batch_first=True)
    if kind.cell == "gru":
        return nn.GRU(features, units, batch_first=True)
    if kind.cell == "mingru":
        return MinimalGru(features, units)
    raise UsageError(f"cell must be one of {', '.join(get_args(TrainedCell))}, got {kind.cell!r}.")
