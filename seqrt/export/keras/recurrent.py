"""The recurrent layers of Keras as modules of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqrt.contract.manifest import Cell
from seqrt.export.keras.layer import CELLS, KerasLayer

_MODULES: dict[Cell, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
# The block of Keras at each place of torch: LSTM has i f c o in both, GRU z r h becomes r z n.
_ORDER: dict[Cell, tuple[int, ...]] = {"rnn": (0,), "lstm": (0, 1, 2, 3), "gru": (1, 0, 2)}

Weights = NDArray[np.float32]


class ResetBeforeGRU(nn.GRU):
    """A GRU whose reset gate acts on the state before its product, Keras' reset_after=False.

    r, z = σ(W x + b + R h), n = tanh(W_n x + b_n + R_n (r ∘ h)), h' = (1 - z) ∘ n + z ∘ h.
    While it is traced it is one operator, as nn.GRU is, and its mode tells which.
    """

    def __init__(self, *sizes: int, **options: Any) -> None:
        """Take what nn.GRU takes, batch_first=True among it."""
        super().__init__(*sizes, **options)
        self.mode = "GRU_RESET_BEFORE"

    def forward(self, x: Any, hx: Any = None) -> Any:
        """Map x (B, T, D) to the outputs (B, T, W) and the final states (directions, B, H)."""
        if torch.compiler.is_exporting():
            return super().forward(x)
        steps, ends = self._direction(x, "")
        if not self.bidirectional:
            return steps, ends[None]
        back, back_ends = self._direction(x.flip(1), "_reverse")
        return torch.cat([steps, back.flip(1)], -1), torch.stack([ends, back_ends])

    def _direction(self, x: Tensor, suffix: str) -> tuple[Tensor, Tensor]:
        w, r, bias, recurrent_bias = (
            getattr(self, f"{name}_l0{suffix}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = x.new_zeros(len(x), self.hidden_size)
        two = 2 * self.hidden_size
        outputs = []
        for inputs in (x @ w.T + bias + recurrent_bias).unbind(1):
            reset, keep = torch.sigmoid(inputs[:, :two] + h @ r[:two].T).chunk(2, -1)
            new = torch.tanh(inputs[:, two:] + (reset * h) @ r[two:].T)
            h = (1 - keep) * new + keep * h
            outputs.append(h)
        return torch.stack(outputs, 1), h


class KerasRecurrent(nn.Module):
    """SimpleRNN, LSTM or GRU, in one direction or both.

    A SimpleRNN with a linear activation has no counterpart in torch. It becomes a ReLU RNN of twice
    the units, which keeps the positive and the negative part of h: h = relu(h) - relu(-h).
    """

    def __init__(self, layers: tuple[KerasLayer, ...], merge: str) -> None:
        """Take one layer, or a forward and a backward one whose outputs are merged."""
        super().__init__()
        first = layers[0]
        cell, units = CELLS[first.kind], first.options["units"]
        self.linear = first.options["activation"] == "linear"
        self.every_step = bool(first.options["return_sequences"])
        self.backwards = bool(first.options["go_backwards"])
        self.both, self.merge = len(layers) == 2, merge
        self.width = units * (2 if self.both and merge == "concat" else 1)
        more = {}
        if cell == "rnn":
            more["nonlinearity"] = "tanh" if first.options["activation"] == "tanh" else "relu"
        self.features = first.weights["kernel"].shape[0]
        reset_before = cell == "gru" and not first.options["reset_after"]
        module = ResetBeforeGRU if reset_before else _MODULES[cell]
        self.rnn = module(
            self.features,
            units * (2 if self.linear else 1),
            batch_first=True,
            bidirectional=self.both,
            **more,
        )
        with torch.no_grad():
            for layer, suffix in zip(layers, ("", "_reverse"), strict=False):
                for name, values in _torch_weights(layer, cell, self.linear).items():
                    getattr(self.rnn, f"{name}_l0{suffix}").copy_(torch.from_numpy(values))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to the outputs (B, T, W), or to the last one (B, W)."""
        if self.backwards:
            x = x.flip(1)
        steps, state = self.rnn(x)
        if not self.both:
            return self._joined(steps if self.every_step else steps[:, -1])
        if self.every_step:
            size = self.rnn.hidden_size
            return self._merged(steps[..., :size], steps[..., size:])
        h = state[0] if isinstance(state, tuple) else state
        return self._merged(h[-2], h[-1])

    def _merged(self, a: Tensor, b: Tensor) -> Tensor:
        a, b = self._joined(a), self._joined(b)
        if self.merge == "concat":
            return torch.cat([a, b], -1)
        if self.merge == "mul":
            return a * b
        return (a + b) / 2 if self.merge == "ave" else a + b

    def _joined(self, h: Tensor) -> Tensor:
        """Return h from its positive and its negative part, for a linear activation."""
        if not self.linear:
            return h
        half = self.rnn.hidden_size // 2
        return h[..., :half] - h[..., half:]


def _torch_weights(layer: KerasLayer, cell: Cell, linear: bool) -> dict[str, Weights]:
    """Return the weights of one direction under torch's names, gates in torch's order."""
    kernel, recurrent = layer.weights["kernel"], layer.weights["recurrent_kernel"]
    biases = np.zeros((2, kernel.shape[1]), np.float32)
    if "bias" in layer.weights:
        # GRU has one bias for the input and one for the state; in others they are the same one.
        given = layer.weights["bias"].reshape(-1, kernel.shape[1])
        biases[: len(given)] = given
    w, r = kernel.T, recurrent.T
    if linear:
        w, r = np.concatenate([w, -w]), np.block([[r, -r], [-r, r]])
        biases = np.concatenate([biases, -biases], axis=1)
    return {
        "weight_ih": _reordered(w, cell),
        "weight_hh": _reordered(r, cell),
        "bias_ih": _reordered(biases[0], cell),
        "bias_hh": _reordered(biases[1], cell),
    }


def _reordered(array: Weights, cell: Cell) -> Weights:
    blocks = np.split(array, len(_ORDER[cell]))
    return np.ascontiguousarray(np.concatenate([blocks[i] for i in _ORDER[cell]]))
