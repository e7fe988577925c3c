"""What the kernels of RNN and GRU have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Weights = Sequence[Tensor]
"""W_ih, W_hh, b_ih, b_hh, as torch's RNNBase keeps them."""


class Slopes(NamedTuple):
    """The gradients of x (T, D, B), of h_0 (H, B) and of the weights; None is not asked for."""

    x: Tensor | None
    start: Tensor | None
    weights: Weights


def rows(a: Tensor) -> Tensor:
    """Lay a (T, N, B) out as (N, T * B)."""
    return a.transpose(0, 1).reshape(a.shape[1], -1)


def room(x: Tensor, units: int, start: Tensor | None) -> Tensor:
    """Return room for the states h_0 ... h_T (T+1, H, B), the first one filled."""
    states = x.new_empty(len(x) + 1, units, x.shape[2])
    states[0] = 0 if start is None else start
    return states


def project(w: Tensor, b: Tensor, x_rows: Tensor, out: Tensor) -> None:
    """Write W x_t + b for every step into `out` (T, N, B), from x (D, T * B)."""
    steps, width, batch = out.shape
    torch.add((w @ x_rows).view(width, steps, batch).transpose(0, 1), b[:, None], out=out)


def behind_zero(dy: Tensor) -> Tensor:
    """Return the gradients of h_0 ... h_T (T+1, H, B) as far as they come from those of y."""
    dh = dy.new_empty(len(dy) + 1, *dy.shape[1:])
    dh[0], dh[1:] = 0, dy
    return dh


def of_input(w_ih: Tensor, da_rows: Tensor, steps: int) -> Tensor:
    """Return the gradient of x (T, D, B), from that of what W_ih makes of it (N, T * B)."""
    return (w_ih.t() @ da_rows).view(w_ih.shape[1], steps, -1).transpose(0, 1)
