"""The GRU, forwards and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from seqrt.training.kernels.parts import (
    Slopes,
    Weights,
    behind_zero,
    of_input,
    project,
    room,
    rows,
)

_slope_of_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
_slope_of_tanh = torch.ops.aten.tanh_backward.grad_input


class Gru:
    """x (T, D, B), h_0 (H, B) to y (T, H, B).

    The gates of a step stand in the order q r z n; q is what r lets through:

        q_t = W_hn h_{t-1} + b_hn
        r_t = σ(W_xr x_t + W_hr h_{t-1} + b_r)
        z_t = σ(W_xz x_t + W_hz h_{t-1} + b_z)
        n_t = tanh(W_xn x_t + b_xn + r_t ⊙ q_t)
        h_t = n_t + z_t ⊙ (h_{t-1} - n_t)

    In this order the state's product writes q r z and the input's r z n, each in one piece.
    """

    @np.errstate(all="ignore")
    def __init__(self, x: Tensor, start: Tensor | None, weights: Weights) -> None:
        """Go forwards, from h_0 = `start` or from zero."""
        self.w_ih, w_hh, b_ih, b_hh = weights
        units, self.from_zero = w_hh.shape[1], start is None
        self.x_rows, self.w_qrz, b_qrz = rows(x), w_hh.roll(units, 0), b_hh.roll(units)
        b_rzn = b_ih.clone()
        b_rzn[: 2 * units] += b_qrz[units:]
        self.gates = x.new_empty(len(x), 4 * units, x.shape[2])
        self.gates[:, :units] = b_qrz[:units, None]
        project(self.w_ih, b_rzn, self.x_rows, out=self.gates[:, units:])
        self.states = room(x, units, start)
        self.y = self.states[1:]
        self._steps()

    @np.errstate(all="ignore")
    def back(self, dy: Tensor, *, of_x: bool) -> Slopes:
        """Go back: return the gradients from that of y."""
        steps, units = dy.shape[:2]
        slopes, dh = self._slopes(), behind_zero(dy)
        da, of_each = slopes.flatten(1, 2)[:, : 4 * units], slopes.unbind()
        to_h, dh_steps, dh_arrays = list(slopes[:, 4].numpy()), dh.unbind(), list(dh.numpy())
        w_back, dqrz = self.w_qrz.t(), da[:, : 3 * units].unbind()
        for t in reversed(range(steps)):
            of_each[t].mul_(dh_steps[t + 1])  # five products of one factor: here torch is faster
            if t or not self.from_zero:
                np.add(dh_arrays[t], to_h[t], dh_arrays[t])
                dh_steps[t].addmm_(w_back, dqrz[t])
        da_rows = rows(da)
        db = da_rows.sum(1)
        of_gates = da_rows[units:] @ self.x_rows.t()
        of_h = (da_rows[: 3 * units] @ rows(self.states[:-1]).t()).roll(-units, 0)
        return Slopes(
            of_input(self.w_ih, da_rows[units:], steps) if of_x else None,
            None if self.from_zero else dh[0],
            (of_gates, of_h, db[units:], db[: 3 * units].roll(-units)),
        )

    def _steps(self) -> None:
        """Fill in the states, and the gates (T, 4H, B), where the input's part is.

        The first step needs no product where nothing comes from a zero state.
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

    def _slopes(self) -> Tensor:
        """Return what the gradient of h_t is multiplied by on its way to q r z n and h_{t-1}.

        (T, 5, H, B); for the last without the way through the gates.
        """
        before = self.states[:-1]
        steps, units, batch = before.shape
        q, r, z, n = self.gates.view(steps, 4, units, batch).unbind(1)
        slopes = self.gates.new_empty(steps, 5, units, batch)
        to_q, to_r, to_z, to_n, to_h = slopes.unbind(1)
        _slope_of_tanh(1 - z, n, grad_input=to_n)
        torch.mul(to_n, r, out=to_q)
        _slope_of_sigmoid(to_n * q, r, grad_input=to_r)
        _slope_of_sigmoid(before - n, z, grad_input=to_z)
        to_h.copy_(z)
        return slopes
