"""The LSTM by oneDNN, forwards and back, as torch's nn.LSTM takes it on a CPU."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from seqrt.training.kernels.parts import Slopes, Weights

_forward = torch.ops.aten.mkldnn_rnn_layer.default
_backward = torch.ops.aten.mkldnn_rnn_layer_backward.default
_HOW: Final[dict[str, Any]] = {
    "mode": 2,  # the LSTM
    "num_layers": 1,
    "has_biases": True,
    "bidirectional": False,
    "reverse": False,
    "batch_first": False,
    "batch_sizes": [],
    "train": True,
}


class Lstm:
    """x (T, D, B) to y (T, H, B), float32, from h_0 = C_0 = 0; the equations stand in Recurrent.

    In the memory of oneDNN the features come last; what two of these layers hand one another is
    turned twice, and thereby nowhere.
    """

    def __init__(self, x: Tensor, weights: Weights) -> None:
        """Go forwards."""
        self.units = weights[1].shape[1]
        zero = x.new_zeros(x.shape[2], self.units)
        self.read = (
            x.transpose(1, 2).contiguous(),
            *(weight.detach() for weight in weights),
            zero,
            zero,
        )
        with torch.enable_grad():  # without, it keeps nothing for the way back
            self.made = _forward(*self.read, hidden_size=self.units, **_HOW)
        self.y = self.made[0].transpose(1, 2)

    def back(self, dy: Tensor, *, of_x: bool) -> Slopes:
        """Go back: return the gradients from that of y; oneDNN always has that of x."""
        *ends, workspace = self.made
        slopes = (dy.transpose(1, 2).contiguous(), None, None)
        kept = {"hidden_size": self.units, "workspace": workspace}
        dx, *dweights, _, _ = _backward(*self.read, *ends, *slopes, **kept, **_HOW)
        return Slopes(dx.transpose(1, 2) if of_x else None, None, dweights)
