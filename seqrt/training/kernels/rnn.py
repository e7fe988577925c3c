"""The vanilla RNN, forwards and back."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from seqrt.contract.manifest import Nonlinearity
from seqrt.training.kernels.parts import (
    Slopes,
    Weights,
    behind_zero,
    of_input,
    project,
    room,
    rows,
)


class Rnn:
    """h_t = f(W_xh x_t + W_hh h_{t-1} + b_h): x (T, D, B), h_0 (H, B) to y (T, H, B)."""

    @np.errstate(all="ignore")
    def __init__(
        self, x: Tensor, start: Tensor | None, weights: Weights, nonlinearity: Nonlinearity
    ) -> None:
        """Go forwards, from h_0 = `start` or from zero."""
        self.w_ih, self.w_hh, b_ih, b_hh = weights
        self.tanh, self.from_zero = nonlinearity == "tanh", start is None
        self.x_rows = rows(x)
        self.states = room(x, len(self.w_hh), start)
        self.y = self.states[1:]
        project(self.w_ih, b_ih + b_hh, self.x_rows, out=self.y)
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
    def back(self, dy: Tensor, *, of_x: bool) -> Slopes:
        """Go back: return the gradients from that of y."""
        y = self.y
        da, dh = 1 - y * y if self.tanh else (y > 0).to(y), behind_zero(dy)
        w_back, da_steps, dh_steps = self.w_hh.t(), da.unbind(), dh.unbind()
        da_arrays, dh_arrays = list(da.numpy()), list(dh.numpy())
        for t in reversed(range(len(y))):
            np.multiply(da_arrays[t], dh_arrays[t + 1], da_arrays[t])
            if t or not self.from_zero:
                dh_steps[t].addmm_(w_back, da_steps[t])
        da_rows = rows(da)
        db = da_rows.sum(1)
        return Slopes(
            of_input(self.w_ih, da_rows, len(y)) if of_x else None,
            None if self.from_zero else dh[0],
            (da_rows @ self.x_rows.t(), da_rows @ rows(self.states[:-1]).t(), db, db),
        )
