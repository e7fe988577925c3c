"""One direction of a layer run forward, ready to run backward."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from seqrt.training.kernels.gru import Gru
from seqrt.training.kernels.kind import CellKind
from seqrt.training.kernels.layout import LayerGradients, Weights
from seqrt.training.kernels.lstm import Lstm
from seqrt.training.kernels.mingru import MinGru
from seqrt.training.kernels.rnn import Rnn


class LayerPass(Protocol):
    """A kernel's forward pass over x (T, D, B), with what its backward pass needs."""

    y: Tensor
    """h_1 ... h_T (T, H, B)."""

    def backward(self, dy: Tensor, *, need_dx: bool) -> LayerGradients:
        """Return the gradients of the inputs, given that of y; that of x only if `need_dx`."""
        ...


def run_layer(kind: CellKind, x: Tensor, weights: Weights, h_0: Tensor | None = None) -> LayerPass:
    """Run one direction of a layer over x (T, D, B), from h_0 (H, B) or from zero.

    An LSTM runs from zero only, in float32, and only if `has_lstm`.
    """
    if kind.cell == "lstm":
        assert h_0 is None
        return Lstm(x, weights)
    if kind.cell == "gru":
        return Gru(x, h_0, weights)
    if kind.cell == "mingru":
        return MinGru(x, h_0, weights)
    return Rnn(x, h_0, weights, kind.nonlinearity)


def has_lstm(x: Tensor) -> bool:
    """Return whether there is an LSTM kernel for the number format of x, on a CPU."""
    return (
        x.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
    )
