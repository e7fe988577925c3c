"""The memory layout of all kernels but the LSTM's, and the products around their loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Weights = Sequence[Tensor]
"""W_ih, W_hh, b_ih, b_hh, as torch's RNNBase stores them; of a minGRU, W_ih and b_ih."""


class LayerGradients(NamedTuple):
    """The gradients of x (T, D, B), of h_0 (H, B) and of the weights; None if not needed."""

    x: Tensor | None
    h_0: Tensor | None
    weights: Weights


def flatten_time(a: Tensor) -> Tensor:
    """Return a (T, N, B) as (N, T * B)."""
    return a.transpose(0, 1).reshape(a.shape[1], -1)


def allocate_states(x: Tensor, units: int, h_0: Tensor | None) -> Tensor:
    """Return memory for the states h_0 ... h_T (T+1, H, B), with h_0 (zero if None) filled in."""
    states = x.new_empty(len(x) + 1, units, x.shape[2])
    states[0] = 0 if h_0 is None else h_0
    return states


def project_input(w: Tensor, b: Tensor, x_flat: Tensor, out: Tensor) -> None:
    """Write W x_t + b for every step into `out` (T, N, B), from x (D, T * B)."""
    steps, width, batch = out.shape
    torch.add((w @ x_flat).view(width, steps, batch).transpose(0, 1), b[:, None], out=out)


def state_gradients(dy: Tensor) -> Tensor:
    """Return the gradients of h_0 ... h_T (T+1, H, B) so far: those of y, and zero for h_0."""
    dh = dy.new_empty(len(dy) + 1, *dy.shape[1:])
    dh[0], dh[1:] = 0, dy
    return dh


def input_gradient(w_ih: Tensor, da_flat: Tensor, steps: int) -> Tensor:
    """Return the gradient of x (T, D, B), given that of a = W_ih x (N, T * B)."""
    return (w_ih.t() @ da_flat).view(w_ih.shape[1], steps, -1).transpose(0, 1)
