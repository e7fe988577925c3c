"""The recurrent nodes of ONNX as modules of torch, which export reads whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqrt.export.onnx_in.operators.table import Numbers, OnnxCall, tensor
from seqrt.export.onnx_in.refusal import CannotCarry
from seqrt.export.own_forward import OwnGRU, OwnLSTM

RECURRENT = ("RNN", "LSTM", "GRU")
# The block of ONNX at each place of torch: LSTM i o f c becomes i f c o, GRU z r h becomes r z n.
_ORDER = {"RNN": (0,), "LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2)}
_ACTIVATIONS = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
_FUNCTIONS = {
    "RNN": ("Tanh", "Relu"),
    "LSTM": ("Sigmoid", "HardSigmoid", "Tanh", "Relu"),
    "GRU": ("Sigmoid", "HardSigmoid", "Tanh", "Relu"),
}
_NAMES = {name.lower(): name for name in _FUNCTIONS["LSTM"]}
_CLOSE = 1e-6
_X, _W, _R, _B, _LENGTHS, _H, _C, _PEEPHOLES = range(8)


class OnnxRecurrent(nn.Module):
    """An RNN, LSTM or GRU node: Y (T, directions, B, H), Y_h and Y_c (directions, B, H)."""

    def __init__(self, call: OnnxCall) -> None:
        """Take over the weights; refuse an option that torch's layers lack."""
        super().__init__()
        kind = call.node.operator
        _check_options(call)
        w, r = (_weights(call, place, rank=3) for place in (_W, _R))
        self.directions, rows, features = w.shape
        gates = len(_ORDER[kind])
        hidden = rows // gates
        b = call.constants.get(_B)
        b = np.zeros((self.directions, 2 * rows), np.float32) if b is None else b
        whole = r.shape == (self.directions, rows, hidden) and b.shape == (w.shape[0], 2 * rows)
        if rows != gates * hidden or not whole or not hidden or not features:
            raise CannotCarry(f"its weights {w.shape}, {r.shape} and {b.shape} do not fit together")
        direction = call.attribute("direction", "forward")
        if self.directions != (2 if direction == "bidirectional" else 1):
            raise CannotCarry(f"it is {direction} and has weights for {self.directions} directions")
        self.backwards, self.lstm = direction == "reverse", kind == "LSTM"
        options: dict[str, Any] = {"bidirectional": self.directions == 2}
        if kind == "RNN":
            options["nonlinearity"] = _activations(call)[0].lower()
        mode = _mode(call)
        own: dict[str, Any] = {"LSTM": OwnLSTM, "GRU": OwnGRU}
        made: Any = getattr(nn, kind) if mode == kind or kind == "RNN" else own[kind]
        self.rnn = made(features, hidden, **options)
        if made is own.get(kind):
            self.rnn.mode = mode
        for place, suffix in enumerate(("", "_reverse")[: self.directions]):
            blocks = {
                "weight_ih": w[place],
                "weight_hh": r[place],
                "bias_ih": b[place, :rows],
                "bias_hh": b[place, rows:],
            }
            for name, block in blocks.items():
                turned = np.concatenate([np.split(block, gates)[i] for i in _ORDER[kind]])
                parameter = getattr(self.rnn, f"{name}_l0{suffix}")
                with torch.no_grad():
                    parameter.copy_(torch.from_numpy(np.array(turned, np.float32)))

    def forward(self, call: OnnxCall, x: Any, *more: Any) -> tuple[Any, ...]:
        """Run the layer from zeros, or from the first states that the graph gives."""
        x = tensor(x)
        if x.ndim != 3:
            raise CannotCarry(f"it must read (time, batch, features), got {x.ndim} axes")
        given = dict(enumerate(more, start=1))
        states = [
            self._state(call, place, given.get(place), x)
            for place in ((_H, _C) if self.lstm else (_H,))
        ]
        start: Any = tuple(states) if self.lstm else states[0]
        steps, ends = self.rnn(x.flip(0) if self.backwards else x, start)
        steps = steps.flip(0) if self.backwards else steps
        y = steps.reshape(*x.shape[:2], self.directions, self.rnn.hidden_size).permute(0, 2, 1, 3)
        return (y, *(ends if self.lstm else (ends,)))

    def _state(self, call: OnnxCall, place: int, given: Any, x: Tensor) -> Tensor:
        sizes = (self.directions, x.shape[1], self.rnn.hidden_size)
        if given is None:
            return x.new_zeros(sizes)
        if place not in call.constants:
            return tensor(given)
        # A first state that was fixed for the rows of some batch is that of each row.
        array = call.constants[place]
        if array.ndim != 3 or not array.size or bool((array != array[:, :1]).any()):
            raise CannotCarry("its first state differs from row to row of the batch")
        if not array.any():
            return x.new_zeros(sizes)
        return tensor(given)[:, :1].expand(sizes)


def _check_options(call: OnnxCall) -> None:
    kind = call.node.operator
    call.only("layout", 0)
    call.only("input_forget", 0)
    call.only("direction", "forward", "reverse", "bidirectional")
    if call.attribute("clip", 0.0):
        raise CannotCarry(f"it clips its gates at {call.attribute('clip', 0.0):g}")
    if _PEEPHOLES in call.constants and call.constants[_PEEPHOLES].any():
        raise CannotCarry("it has peephole weights")
    if len(call.node.inputs) > _PEEPHOLES and _PEEPHOLES not in call.constants:
        raise CannotCarry("its peephole weights are computed")
    found, gates = _activations(call), len(_ACTIVATIONS[kind])
    each = [found[i : i + gates] for i in range(0, len(found), gates)]
    unknown = [name for name in found if name not in _FUNCTIONS[kind]]
    if unknown or len(each[-1]) != gates or any(one != each[0] for one in each):
        raise CannotCarry(
            f"its activations are {', '.join(found)}; they must be {' or '.join(_FUNCTIONS[kind])},"
            " the same in both directions"
        )
    if kind == "LSTM" and found[1] != found[2]:
        raise CannotCarry(f"its cell has {found[1]} and its output {found[2]}; give it one of them")
    slopes = call.attribute("activation_alpha", []), call.attribute("activation_beta", [])
    if any(abs(a - 0.2) > _CLOSE for a in slopes[0]) or any(
        abs(b - 0.5) > _CLOSE for b in slopes[1]
    ):
        raise CannotCarry("its activations have other slopes than ONNX's default")


def _activations(call: OnnxCall) -> list[str]:
    kind = call.node.operator
    return [_NAMES.get(n.lower(), n) for n in call.attribute("activations", [])] or list(
        _ACTIVATIONS[kind]
    )


def _mode(call: OnnxCall) -> str:
    """Return the mode of a layer: its cell, where its reset gate acts, its functions if unusual."""
    mode, found = call.node.operator, _activations(call)[:2]
    if mode == "GRU" and not call.attribute("linear_before_reset", 0):
        mode += "_RESET_BEFORE"
    return mode if found == ["Sigmoid", "Tanh"] else " ".join([mode, *found])


def _weights(call: OnnxCall, place: int, rank: int) -> NDArray[Any]:
    array = call.constants.get(place)
    if array is None or array.ndim != rank or array.dtype != np.float32:
        raise CannotCarry(f"its input {place} must be constant float32 weights of {rank} axes")
    return array


def check_lengths(call: OnnxCall, value: Any, steps: Any) -> None:
    """Refuse lengths of a recurrent node unless they say that every row is whole."""
    if value is None:
        return
    if isinstance(value, Numbers):
        # Symbols are compared by name: to compare their values would fix the number of steps.
        fixed = [each for each in value.values if str(each) != str(steps)]
        if not fixed or any(all(n == size for n in fixed) for size in call.traced):
            return
    raise CannotCarry(
        "it reads only a part of the steps, by lengths that are computed",
        "Make the lengths an input of the graph, or leave them out.",
    )
