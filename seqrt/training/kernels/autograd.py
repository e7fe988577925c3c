"""The RNN, GRU and minGRU kernels as an autograd function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqrt.training.kernels.kind import CellKind
from seqrt.training.kernels.layer_pass import run_layer
from seqrt.training.kernels.layout import Weights


def apply_layer(kind: CellKind, x: Tensor, weights: Weights, h_0: Tensor | None) -> Tensor:
    """Map x (B, T, D) to y (B, T, H) from h_0 (B, H), or from zero; Recurrent has the equations.

    Runs one direction of a layer of RNN, GRU or minGRU cells. The state after the last step is
    y[:, -1]. Differentiable once, in x, h_0 and the weights.
    """
    first = h_0 if h_0 is None else h_0.t()
    apply: Any = _LayerFunction.apply  # which torch leaves without types
    y: Tensor = apply(kind, x.permute(1, 2, 0), first, *weights)
    return y.permute(2, 0, 1)


class _LayerFunction(torch.autograd.Function):
    """Map x (T, D, B) and h_0 (H, B) to y (T, H, B)."""

    @staticmethod
    def forward(
        ctx: Any, kind: CellKind, x: Tensor, h_0: Tensor | None, *weights: Tensor
    ) -> Tensor:
        ctx.layer_pass = run_layer(kind, x, weights, h_0)
        # saved, so that torch rejects a backward pass after one of them was changed in place
        ctx.save_for_backward(*weights)
        y: Tensor = ctx.layer_pass.y
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors
        gradients = ctx.layer_pass.backward(dy, need_dx=ctx.needs_input_grad[1])
        return None, gradients.x, gradients.h_0, *gradients.weights
