"""The LSTM by oneDNN, forward and backward, as torch's nn.LSTM calls it on a CPU."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from seqrt.training.kernels.layout import LayerGradients, Weights

_forward = torch.ops.aten.mkldnn_rnn_layer.default
_backward = torch.ops.aten.mkldnn_rnn_layer_backward.default
_OPTIONS: Final[dict[str, Any]] = {
    "mode": 2,  # LSTM
    "num_layers": 1,
    "has_biases": True,
    "bidirectional": False,
    "reverse": False,
    "batch_first": False,
    "batch_sizes": [],
    "train": True,
}


class Lstm:
    """x (T, D, B) to y (T, H, B), float32, from h_0 = C_0 = 0; see Recurrent for the equations.

    oneDNN wants the features last. What one of these layers passes to the next is transposed twice,
    so no memory is moved between them.
    """

    def __init__(self, x: Tensor, weights: Weights) -> None:
        """Run forward."""
        self.units = weights[1].shape[1]
        zero = x.new_zeros(x.shape[2], self.units)
        self.inputs = (
            x.transpose(1, 2).contiguous(),
            *(weight.detach() for weight in weights),
            zero,
            zero,
        )
        with torch.enable_grad():  # otherwise oneDNN keeps nothing for the backward pass
            self.outputs = _forward(*self.inputs, hidden_size=self.units, **_OPTIONS)
        self.y = self.outputs[0].transpose(1, 2)

    def backward(self, dy: Tensor, *, need_dx: bool) -> LayerGradients:
        """Return the gradients of the inputs, given that of y; oneDNN always computes that of x."""
        *ends, workspace = self.outputs
        gradients = (dy.transpose(1, 2).contiguous(), None, None)
        context = {"hidden_size": self.units, "workspace": workspace}
        dx, *dweights, _, _ = _backward(*self.inputs, *ends, *gradients, **context, **_OPTIONS)
        return LayerGradients(dx.transpose(1, 2) if need_dx else None, None, dweights)
