"""GRU and RNN layers for training on a CPU: few calls a step forwards, fewer backwards.

torch has no fused kernel for these two on a CPU: it runs them step by step, and so does its
autograd, at some twenty calls a step. Here the steps hold only what truly follows one after the
other. The input's part of every gate is one product before the loop; on the way back all that does
not depend on the gradient is worked out for the whole sequence at once, a step is then one
elementwise product and one matrix product, and each weight has its gradient in one product behind
the loop.

Shapes: B batch, T time, D features, H hidden. Inside, time comes first, the batch last: (T, ·, B),
so that the gates of a step lie one behind the other in memory. The elementwise work of a step is
numpy's, on the same memory: its calls cost a third of torch's at these sizes, its tanh a ninth.
Matrix products are torch's, with torch's number of threads; what overflows stays silent, as in
torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqrt.contract.manifest import Nonlinearity

Weights = Sequence[Tensor]
"""W_ih, W_hh, b_ih, b_hh, as torch's RNNBase keeps them."""

_slope_of_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
_slope_of_tanh = torch.ops.aten.tanh_backward.grad_input


def rnn(x: Tensor, h: Tensor | None, weights: Weights, nonlinearity: Nonlinearity) -> Tensor:
    """Map x (B, T, D) to y (B, T, H) from state h (B, H), or from zero; torch's equations.

    The state after the last step is y[:, -1]. Differentiable once, in x, h and the weights.
    """
    return _batch_first(_Rnn.apply, x, h, *weights, nonlinearity)


def gru(x: Tensor, h: Tensor | None, weights: Weights) -> Tensor:
    """Map x (B, T, D) to y (B, T, H) from state h (B, H), or from zero; torch's equations.

    The state after the last step is y[:, -1]. Differentiable once, in x, h and the weights.
    """
    return _batch_first(_Gru.apply, x, h, *weights)


def _batch_first(
    kernel: Callable[..., Tensor], x: Tensor, h: Tensor | None, *rest: object
) -> Tensor:
    states = kernel(x.permute(1, 2, 0), h if h is None else h.t(), *rest)
    return states[1:].permute(2, 0, 1)


class _Rnn(torch.autograd.Function):
    """h_t = f(W_xh x_t + W_hh h_{t-1} + b_h): x (T, D, B), h (H, B) to h_0 ... h_T (T+1, H, B)."""

    @staticmethod
    @np.errstate(all="ignore")
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor | None,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor,
        b_hh: Tensor,
        nonlinearity: Nonlinearity,
    ) -> Tensor:
        x_rows = _rows(x)
        states = _states(h, x, w_hh)
        _project(w_ih, b_ih + b_hh, x_rows, out=states[1:])
        before, *after = states.unbind()
        for t, (h_t, array) in enumerate(zip(after, states[1:].numpy(), strict=True)):
            if t or h is not None:
                h_t.addmm_(w_hh, before)
            if nonlinearity == "tanh":
                np.tanh(array, array)
            else:
                np.maximum(array, 0, out=array)
            before = h_t
        ctx.save_for_backward(x_rows, w_ih, w_hh, states)
        ctx.from_zero, ctx.nonlinearity = h is None, nonlinearity
        return states

    @staticmethod
    @once_differentiable
    @np.errstate(all="ignore")
    def backward(ctx: Any, dstates: Tensor) -> tuple[Tensor | None, ...]:
        x_rows, w_ih, w_hh, states = ctx.saved_tensors
        y = states[1:]
        da = 1 - y * y if ctx.nonlinearity == "tanh" else (y > 0).to(y)
        dh = dstates.clone(memory_format=torch.contiguous_format)
        w_back, da_steps, dh_steps = w_hh.t(), da.unbind(), dh.unbind()
        da_arrays, dh_arrays = list(da.numpy()), list(dh.numpy())
        for t in reversed(range(len(y))):
            np.multiply(da_arrays[t], dh_arrays[t + 1], da_arrays[t])
            if t or not ctx.from_zero:
                dh_steps[t].addmm_(w_back, da_steps[t])
        da_rows = _rows(da)
        db = da_rows.sum(1)
        return (
            _input_gradient(ctx, w_ih, da_rows, len(y)),
            None if ctx.from_zero else dh[0],
            da_rows @ x_rows.t(),
            da_rows @ _rows(states[:-1]).t(),
            db,
            db,
            None,
        )


class _Gru(torch.autograd.Function):
    """x (T, D, B), h (H, B) to h_0 ... h_T (T+1, H, B).

    The gates of a step stand in the order q r z n; q is what r lets through:

        q_t = W_hn h_{t-1} + b_hn
        r_t = σ(W_xr x_t + W_hr h_{t-1} + b_r)
        z_t = σ(W_xz x_t + W_hz h_{t-1} + b_z)
        n_t = tanh(W_xn x_t + b_xn + r_t ⊙ q_t)
        h_t = n_t + z_t ⊙ (h_{t-1} - n_t)

    In this order the state's product writes q r z and the input's r z n, each in one piece.
    """

    @staticmethod
    @np.errstate(all="ignore")
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor | None,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor,
        b_hh: Tensor,
    ) -> Tensor:
        units = w_hh.shape[1]
        x_rows, w_qrz, b_qrz = _rows(x), w_hh.roll(units, 0), b_hh.roll(units)
        b_rzn = b_ih.clone()
        b_rzn[: 2 * units] += b_qrz[units:]
        gates = x.new_empty(len(x), 4 * units, x.shape[2])
        gates[:, :units] = b_qrz[:units, None]
        _project(w_ih, b_rzn, x_rows, out=gates[:, units:])
        states = _states(h, x, w_hh)
        _gru_steps(gates, states, w_qrz, from_zero=h is None)
        ctx.save_for_backward(x_rows, w_ih, w_qrz, gates, states)
        ctx.from_zero = h is None
        return states

    @staticmethod
    @once_differentiable
    @np.errstate(all="ignore")
    def backward(ctx: Any, dstates: Tensor) -> tuple[Tensor | None, ...]:
        x_rows, w_ih, w_qrz, gates, states = ctx.saved_tensors
        steps, units = len(gates), states.shape[1]
        slopes = _gru_slopes(gates, states[:-1])
        da, arrays = slopes.flatten(1, 2)[:, : 4 * units], list(slopes.numpy())
        dh = dstates.clone(memory_format=torch.contiguous_format)
        dh_steps, dh_arrays = dh.unbind(), list(dh.numpy())
        w_back, dqrz = w_qrz.t(), da[:, : 3 * units].unbind()
        for t in reversed(range(steps)):
            np.multiply(arrays[t], dh_arrays[t + 1], arrays[t])
            if t or not ctx.from_zero:
                np.add(dh_arrays[t], arrays[t][4], dh_arrays[t])
                dh_steps[t].addmm_(w_back, dqrz[t])
        da_rows = _rows(da)
        db = da_rows.sum(1)
        return (
            _input_gradient(ctx, w_ih, da_rows[units:], steps),
            None if ctx.from_zero else dh[0],
            da_rows[units:] @ x_rows.t(),
            (da_rows[: 3 * units] @ _rows(states[:-1]).t()).roll(-units, 0),
            db[units:],
            db[: 3 * units].roll(-units),
        )


def _gru_steps(gates: Tensor, states: Tensor, w_qrz: Tensor, *, from_zero: bool) -> None:
    """Fill states (T+1, H, B) behind the first, and `gates` (T, 4H, B), where the input's part is.

    The first step needs no product where nothing comes from a zero state.
    """
    units = states.shape[1]
    qrz, rz = gates[:, : 3 * units].unbind(), gates[:, units : 3 * units].unbind()
    arrays = gates.numpy().reshape(len(gates), 4, *states.shape[1:])
    befores = states.unbind()
    h, *after = states.numpy()
    for t, h_t in enumerate(after):
        if t or not from_zero:
            qrz[t].addmm_(w_qrz, befores[t])
        rz[t].sigmoid_()
        q, r, z, n = arrays[t]
        np.multiply(r, q, h_t)
        np.add(n, h_t, n)
        np.tanh(n, n)
        np.subtract(h, n, h_t)
        np.multiply(z, h_t, h_t)
        np.add(n, h_t, h_t)
        h = h_t


def _gru_slopes(gates: Tensor, before: Tensor) -> Tensor:
    """Return what the gradient of h_t is multiplied by on its way to q r z n and h_{t-1}.

    (T, 5, H, B); for the last without the way through the gates.
    """
    steps, units, batch = before.shape
    q, r, z, n = gates.view(steps, 4, units, batch).unbind(1)
    slopes = gates.new_empty(steps, 5, units, batch)
    to_q, to_r, to_z, to_n, to_h = slopes.unbind(1)
    _slope_of_tanh(1 - z, n, grad_input=to_n)
    torch.mul(to_n, r, out=to_q)
    _slope_of_sigmoid(to_n * q, r, grad_input=to_r)
    _slope_of_sigmoid(before - n, z, grad_input=to_z)
    to_h.copy_(z)
    return slopes


def _states(h: Tensor | None, x: Tensor, w_hh: Tensor) -> Tensor:
    """Return room for the states (T+1, H, B), the first one filled."""
    states = x.new_empty(len(x) + 1, w_hh.shape[1], x.shape[2])
    states[0] = 0 if h is None else h
    return states


def _project(w: Tensor, b: Tensor, x_rows: Tensor, out: Tensor) -> None:
    """Write W x_t + b for every step into `out` (T, N, B), from x (D, T * B)."""
    steps, width, batch = out.shape
    torch.add((w @ x_rows).view(width, steps, batch).transpose(0, 1), b[:, None], out=out)


def _input_gradient(ctx: Any, w_ih: Tensor, da_rows: Tensor, steps: int) -> Tensor | None:
    """Return the gradient of x (T, D, B), where somebody asks for it."""
    if not ctx.needs_input_grad[0]:
        return None
    return (w_ih.t() @ da_rows).view(w_ih.shape[1], steps, -1).transpose(0, 1)


def _rows(a: Tensor) -> Tensor:
    """Lay a (T, N, B) out as (N, T * B)."""
    return a.transpose(0, 1).reshape(a.shape[1], -1)
