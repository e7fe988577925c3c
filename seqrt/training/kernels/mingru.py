"""The minGRU, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrt.training.kernels.layout import (
    LayerGradients,
    Weights,
    allocate_states,
    flatten_time,
    input_gradient,
    project_input,
    state_gradients,
)

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


class MinGru:
    """x (T, D, B), h_0 (H, B) to y (T, H, B).

        z_t = σ(W_z x_t + b_z)
        c_t = tanh(W_c x_t + b_c)
        h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ c_t

    Only the last line needs the step before, so that a step is a product and a sum, element by
    element. On a CPU such a loop is faster than a parallel scan, which does more arithmetic.
    """

    @np.errstate(all="ignore")
    def __init__(self, x: Tensor, h_0: Tensor | None, weights: Weights) -> None:
        """Run forward, from h_0 or from zero."""
        self.w_ih, b = weights
        units, self.from_zero = len(b) // 2, h_0 is None
        self.x_flat = flatten_time(x)
        gates = x.new_empty(len(x), 2 * units, x.shape[2])
        project_input(self.w_ih, b, self.x_flat, out=gates)
        self.z, self.c = gates[:, :units].sigmoid_(), gates[:, units:].tanh_()
        self.states = allocate_states(x, units, h_0)
        self.y = self.states[1:]
        torch.mul(1 - self.z, self.c, out=self.y)
        _carry(self.z.numpy(), self.states.numpy())

    @np.errstate(all="ignore")
    def backward(self, dy: Tensor, *, need_dx: bool) -> LayerGradients:
        """Return the gradients of the inputs, given that of y.

        dh_t = dy_t + z_{t+1} ⊙ dh_{t+1} is the recurrence of the forward pass, backwards.
        """
        z, c, steps = self.z, self.c, len(dy)
        dh = state_gradients(dy)
        _carry(z.numpy()[::-1], dh.numpy()[::-1])
        da = dy.new_empty(steps, 2 * z.shape[1], z.shape[2])
        to_z, to_c = da.chunk(2, dim=1)
        _sigmoid_backward(dh[1:] * (self.states[:-1] - c), z, grad_input=to_z)
        _tanh_backward(dh[1:] * (1 - z), c, grad_input=to_c)
        da_flat = flatten_time(da)
        return LayerGradients(
            input_gradient(self.w_ih, da_flat, steps) if need_dx else None,
            None if self.from_zero else dh[0],
            (da_flat @ self.x_flat.t(), da_flat.sum(1)),
        )


def _carry(z: NDArray[Any], h: NDArray[Any]) -> None:
    """Add z_t ⊙ h_{t-1} to each h_t in turn: z (T, H, B) is z_1 ... z_T, h (T+1, H, B) from h_0."""
    kept = np.empty(h.shape[1:], h.dtype)
    before, *after = h
    for z_t, h_t in zip(z, after, strict=True):
        np.multiply(z_t, before, kept)
        np.add(h_t, kept, h_t)
        before = h_t
