"""The GRU, forward and backward."""

from __future__ import annotations

import numpy as np
import torch
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

_LARGE = 128


class Gru:
    """x (T, D, B), h_0 (H, B) to y (T, H, B).

    The gates of a step are stored in the order q r z n; q is what r gates:

        q_t = W_hn h_{t-1} + b_hn
        r_t = σ(W_xr x_t + W_hr h_{t-1} + b_r)
        z_t = σ(W_xz x_t + W_hz h_{t-1} + b_z)
        n_t = tanh(W_xn x_t + b_xn + r_t ⊙ q_t)
        h_t = n_t + z_t ⊙ (h_{t-1} - n_t)

    In this order the product of the state writes q r z and that of the input r z n, each to
    contiguous memory.
    """

    @np.errstate(all="ignore")
    def __init__(self, x: Tensor, h_0: Tensor | None, weights: Weights) -> None:
        """Run forward, from h_0 or from zero."""
        self.w_ih, w_hh, b_ih, b_hh = weights
        units, self.from_zero = w_hh.shape[1], h_0 is None
        self.x_flat, self.w_qrz, b_qrz = flatten_time(x), w_hh.roll(units, 0), b_hh.roll(units)
        b_rzn = b_ih.clone()
        b_rzn[: 2 * units] += b_qrz[units:]
        self.gates = x.new_empty(len(x), 4 * units, x.shape[2])
        self.gates[:, :units] = b_qrz[:units, None]
        project_input(self.w_ih, b_rzn, self.x_flat, out=self.gates[:, units:])
        self.states = allocate_states(x, units, h_0)
        self.y = self.states[1:]
        self._run_steps()

    @np.errstate(all="ignore")
    def backward(self, dy: Tensor, *, need_dx: bool) -> LayerGradients:
        """Return the gradients of the inputs, given that of y."""
        steps, units = dy.shape[:2]
        factors, dh = self._factors(), state_gradients(dy)
        da, step_factors = factors.flatten(1, 2)[:, : 4 * units], factors.unbind()
        to_h, dh_steps, dh_arrays = list(factors[:, 4].numpy()), dh.unbind(), list(dh.numpy())
        w_back, dqrz = self.w_qrz.t(), da[:, : 3 * units].unbind()
        if units >= _LARGE and dy.shape[2] > 1:
            w_back = w_back.contiguous()  # the same product, in four fifths of the time
        for t in reversed(range(steps)):
            step_factors[t].mul_(dh_steps[t + 1])  # five products, one factor: torch is faster here
            if t or not self.from_zero:
                np.add(dh_arrays[t], to_h[t], dh_arrays[t])
                dh_steps[t].addmm_(w_back, dqrz[t])
        da_flat = flatten_time(da)
        db = da_flat.sum(1)
        dw_ih = da_flat[units:] @ self.x_flat.t()
        dw_hh = (da_flat[: 3 * units] @ flatten_time(self.states[:-1]).t()).roll(-units, 0)
        return LayerGradients(
            input_gradient(self.w_ih, da_flat[units:], steps) if need_dx else None,
            None if self.from_zero else dh[0],
            (dw_ih, dw_hh, db[units:], db[: 3 * units].roll(-units)),
        )

    def _run_steps(self) -> None:
        """Fill in the states, and the gates (T, 4H, B), which hold the input's part already.

        From a zero state, the first step needs no matrix product.
        """
        gates, states, units = self.gates, self.states, self.states.shape[1]
        qrz, rz = gates[:, : 3 * units].unbind(), gates[:, units : 3 * units].unbind()
        arrays = gates.numpy().reshape(len(gates), 4, *states.shape[1:])
        befores = states.unbind()
        h, *after = states.numpy()
        for t, h_t in enumerate(after):
            if t or not self.from_zero:
                qrz[t].addmm_(self.w_qrz, befores[t])
            rz[t].sigmoid_()
            q, r, z, n = arrays[t]
            np.multiply(r, q, h_t)
            np.add(n, h_t, n)
            np.tanh(n, n)
            np.subtract(h, n, h_t)
            np.multiply(z, h_t, h_t)
            np.add(n, h_t, h_t)
            h = h_t

    def _factors(self) -> Tensor:
        """Return the factors (T, 5, H, B) from the gradient of h_t to those of q r z n and h_{t-1}.

        The last one, z, leaves out the path through the gates.
        """
        before = self.states[:-1]
        steps, units, batch = before.shape
        q, r, z, n = self.gates.view(steps, 4, units, batch).unbind(1)
        factors = self.gates.new_empty(steps, 5, units, batch)
        to_q, to_r, to_z, to_n, to_h = factors.unbind(1)
        _tanh_backward(1 - z, n, grad_input=to_n)
        torch.mul(to_n, r, out=to_q)
        _sigmoid_backward(to_n * q, r, grad_input=to_r)
        _sigmoid_backward(before - n, z, grad_input=to_z)
        to_h.copy_(z)
        return factors
