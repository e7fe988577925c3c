"""The vanilla RNN, forward and backward."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from seqrt.contract.manifest import Nonlinearity
from seqrt.training.kernels.layout import (
    LayerGradients,
    Weights,
    allocate_states,
    flatten_time,
    input_gradient,
    project_input,
    state_gradients,
)


class Rnn:
    """h_t = f(W_xh x_t + W_hh h_{t-1} + b_h): x (T, D, B), h_0 (H, B) to y (T, H, B)."""

    @np.errstate(all="ignore")
    def __init__(
        self, x: Tensor, h_0: Tensor | None, weights: Weights, nonlinearity: Nonlinearity
    ) -> None:
        """Run forward, from h_0 or from zero."""
        self.w_ih, self.w_hh, b_ih, b_hh = weights
        self.tanh, self.from_zero = nonlinearity == "tanh", h_0 is None
        self.x_flat = flatten_time(x)
        self.states = allocate_states(x, len(self.w_hh), h_0)
        self.y = self.states[1:]
        project_input(self.w_ih, b_ih + b_hh, self.x_flat, out=self.y)
        before, *after = self.states.unbind()
        for t, (h_t, array) in enumerate(zip(after, self.y.numpy(), strict=True)):
            if t or not self.from_zero:
                h_t.addmm_(self.w_hh, before)
            if self.tanh:
                np.tanh(array, array)
            else:
                np.maximum(array, 0, out=array)
            before = h_t

    @np.errstate(all="ignore")
    def backward(self, dy: Tensor, *, need_dx: bool) -> LayerGradients:
        """Return the gradients of the inputs, given that of y.

        da_t = f'(a_t) ⊙ dh_t and dh_{t-1} = dy_{t-1} + W_hhᵀ da_t, with a_t the argument of f.
        """
        y = self.y
        da, dh = 1 - y * y if self.tanh else (y > 0).to(y), state_gradients(dy)
        w_back, da_steps, dh_steps = self.w_hh.t(), da.unbind(), dh.unbind()
        da_arrays, dh_arrays = list(da.numpy()), list(dh.numpy())
        for t in reversed(range(len(y))):
            np.multiply(da_arrays[t], dh_arrays[t + 1], da_arrays[t])
            if t or not self.from_zero:
                dh_steps[t].addmm_(w_back, da_steps[t])
        da_flat = flatten_time(da)
        db = da_flat.sum(1)
        return LayerGradients(
            input_gradient(self.w_ih, da_flat, len(y)) if need_dx else None,
            None if self.from_zero else dh[0],
            (da_flat @ self.x_flat.t(), da_flat @ flatten_time(self.states[:-1]).t(), db, db),
        )
