"""A run through one direction of a layer, which knows the way back."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from seqrt.contract import Layer
from seqrt.training.kernels.gru import Gru
from seqrt.training.kernels.lstm import Lstm
from seqrt.training.kernels.parts import Slopes, Weights
from seqrt.training.kernels.rnn import Rnn


class Run(Protocol):
    """What a kernel made of x (T, D, B), kept for the way back."""

    y: Tensor
    """h_1 ... h_T (T, H, B)."""

    def back(self, dy: Tensor, *, of_x: bool) -> Slopes:
        """Return the gradients, from that of y."""
        ...


def run(layer: Layer, x: Tensor, weights: Weights, start: Tensor | None = None) -> Run:
    """Run one direction of `layer` over x (T, D, B), from h_0 = `start` (H, B) or from zero.

    The LSTM runs from zero alone, in float32, and where `has_lstm`.
    """
    if layer.cell == "lstm":
        assert start is None
        return Lstm(x, weights)
    if layer.cell == "gru":
        return Gru(x, start, weights)
    return Rnn(x, start, weights, layer.nonlinearity)


def has_lstm(x: Tensor) -> bool:
    """Say whether there is a kernel for an LSTM that reads numbers like those of x, on a CPU."""
    return (
        x.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
    )
