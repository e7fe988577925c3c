"""The sizes and weights of one call of a recurrent layer, in ONNX's order of gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqrt.contract.manifest import Cell, Layer
from seqrt.export.graph.weights import BLOCKS


@dataclass(frozen=True)
class RecurrentCall:
    """A call of nn.RNN, nn.LSTM or nn.GRU: all of its layers.

    `steps` is the fixed number of steps of a decoder, 0 for layers over time. `name` says which
    module it is.
    """

    cell: Cell
    mode: str
    hidden: int
    out: int
    directions: int
    depth: int
    bias: bool
    steps: int
    name: str
    weights: list[Tensor]

    def layer(self) -> Layer:
        """Return one of the layers, as the manifest lists it."""
        relu = "tanh" if self.cell != "rnn" or "TANH" in self.mode else "relu"
        nonlinearity: Any = relu
        both = self.directions == 2
        return Layer(
            *(self.cell, self.hidden, both, nonlinearity),
            steps=self.steps,
            activations=self.activations,
        )

    @property
    def activations(self) -> tuple[str, ...]:
        """The functions of an LSTM or GRU in ONNX's order, if its mode names others than torch's.

        Such a mode ends in those of its gates and of its candidate: "LSTM HardSigmoid Relu".
        """
        gate, *inner = self.mode.split()[1:] or ("",)
        return (gate, *inner * (2 if self.cell == "lstm" else 1)) if gate else ()

    def onnx_weights(self, depth: int) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        """Return W, R, B of one layer in ONNX's order of gates, and the projections, if any.

        h' = W_hr g with g = o tanh(c): the node computes g, with R' = R W_hr, exactly.
        """
        each = 2 + 2 * self.bias + (self.out != self.hidden)
        order = BLOCKS[self.cell]

        def turned(tensor: Tensor) -> Tensor:
            blocks = tensor.chunk(len(order))
            return torch.cat([blocks[i] for i in order])

        w, r, b, projections = [], [], [], []
        for direction in range(self.directions):
            own = self.weights[(depth * self.directions + direction) * each :][:each]
            zeros = own[0].new_zeros(len(own[0]))
            biases = own[2:4] if self.bias else [zeros, zeros]
            recurrent = own[1]
            if self.out != self.hidden:
                projections.append(own[-1])
                recurrent = recurrent @ own[-1]
            w.append(turned(own[0]))
            r.append(turned(recurrent))
            b.append(torch.cat([turned(bias) for bias in biases]))
        return torch.stack(w), torch.stack(r), torch.stack(b), projections
