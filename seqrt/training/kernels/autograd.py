"""Our kernels of RNN and GRU, as autograd sees them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqrt.contract import Layer
from seqrt.training.kernels.parts import Weights
from seqrt.training.kernels.run import run


def through(layer: Layer, x: Tensor, weights: Weights, start: Tensor | None) -> Tensor:
    """Map x (B, T, D) to y (B, T, H) from h_0 = `start` (B, H), or from zero; torch's equations.

    One direction of a layer of RNN or GRU cells. The state after the last step is y[:, -1].
    Differentiable once, in x, `start` and the weights.
    """
    first = start if start is None else start.t()
    # torch gives `apply` no types
    y: Tensor = _Through.apply(layer, x.permute(1, 2, 0), first, *weights)  # type: ignore[no-untyped-call]
    return y.permute(2, 0, 1)


class _Through(torch.autograd.Function):
    """x (T, D, B), h_0 (H, B) to y (T, H, B)."""

    @staticmethod
    def forward(
        ctx: Any, layer: Layer, x: Tensor, start: Tensor | None, *weights: Tensor
    ) -> Tensor:
        ctx.run = run(layer, x, weights, start)
        # saved, so that torch refuses the way back where one of them was changed in its place
        ctx.save_for_backward(*weights)
        y: Tensor = ctx.run.y
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors
        slopes = ctx.run.back(dy, of_x=ctx.needs_input_grad[1])
        return None, slopes.x, slopes.start, *slopes.weights
