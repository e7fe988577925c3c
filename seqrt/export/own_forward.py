"""LSTM and GRU with the functions and the reset gate of Keras and ONNX that torch's own lack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Function = Callable[[Tensor], Tensor]


def _hard_sigmoid(x: Tensor) -> Tensor:
    return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


# What torch computes by ONNX's names.
_FUNCTIONS: dict[str, Function] = {
    "Tanh": torch.tanh,
    "Relu": torch.relu,
    "Sigmoid": torch.sigmoid,
    "HardSigmoid": _hard_sigmoid,
}
_USUAL = ("Sigmoid", "Tanh")


class OwnForward(nn.Module):
    """A layer of torch whose steps are written out here, because torch's own has other functions.

    While it is traced it is one operator, as nn.LSTM and nn.GRU are, and its mode tells which. The
    mode names the functions of its gates and of its candidate: "LSTM Sigmoid Relu".
    """

    mode: str
    batch_first: bool
    bidirectional: bool
    hidden_size: int

    def forward(self, x: Any, hx: Any = None) -> Any:
        """Map x to the outputs and the final states (directions, B, H), a pair for an LSTM.

        x is (B, T, D), or (T, B, D) without batch_first.
        """
        if torch.compiler.is_exporting():
            return super().forward(x, hx)
        time = int(bool(self.batch_first))
        both = list(hx) if isinstance(hx, tuple) else [hx] * 2
        found = []
        for place, suffix in enumerate(("", "_reverse")[: 1 + self.bidirectional]):
            start = [self._start(x, state, place, x.shape[1 - time]) for state in both]
            found.append(self._direction(x.flip(time) if suffix else x, suffix, start, time))
        steps = [y.flip(time) if place else y for place, (y, _) in enumerate(found)]
        h, c = (torch.stack([end[part] for _, end in found]) for part in (0, 1))
        return torch.cat(steps, -1), ((h, c) if isinstance(self, nn.LSTM) else h)

    def _start(self, x: Tensor, state: Tensor | None, place: int, rows: int) -> Tensor:
        return x.new_zeros(rows, self.hidden_size) if state is None else state[place]

    def _direction(
        self, x: Tensor, suffix: str, start: list[Tensor], time: int
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        weights = [
            getattr(self, f"{name}_l0{suffix}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        gate, inner = (_FUNCTIONS[name] for name in self.mode.split()[1:] or _USUAL)
        outputs, state = [], (start[0], start[1])
        for inputs in (x @ weights[0].T + weights[2]).unbind(time):
            state = self.step(inputs, state, weights, gate, inner)
            outputs.append(state[0])
        return torch.stack(outputs, time), state

    def step(
        self, inputs: Tensor, state: Any, weights: list[Tensor], gate: Function, inner: Function
    ) -> tuple[Tensor, Tensor]:
        """Return h and c after one step, of which a GRU has h alone; `inputs` is W x + b."""
        raise NotImplementedError


class OwnLSTM(OwnForward, nn.LSTM):
    """An LSTM with other functions.

    i, f, o = g(W x + R h + b), c' = f c + i a(W_c x + R_c h + b_c), h' = o a(c').
    """

    def step(
        self, inputs: Tensor, state: Any, weights: list[Tensor], gate: Function, inner: Function
    ) -> tuple[Tensor, Tensor]:
        """Return h and c after one step."""
        h, c = state
        i, f, new, o = (inputs + h @ weights[1].T + weights[3]).chunk(4, -1)
        c = gate(f) * c + gate(i) * inner(new)
        return gate(o) * inner(c), c


class OwnGRU(OwnForward, nn.GRU):
    """A GRU with other functions, or whose reset gate acts on the state before its product.

    r, z = g(W x + R h + b), h' = (1 - z) n + z h, with n = a(W_n x + b_n + r (R_n h + b_rn)), or in
    Keras' reset_after=False n = a(W_n x + b_n + R_n (r h)).
    """

    def step(
        self, inputs: Tensor, state: Any, weights: list[Tensor], gate: Function, inner: Function
    ) -> tuple[Tensor, Tensor]:
        """Return h after one step, twice."""
        h, two = state[0], 2 * self.hidden_size
        r, b = weights[1], weights[3]
        reset, keep = gate(inputs[:, :two] + h @ r[:two].T + b[:two]).chunk(2, -1)
        if "_RESET_BEFORE" in self.mode:
            new = (reset * h) @ r[two:].T + b[two:]
        else:
            new = reset * (h @ r[two:].T + b[two:])
        h = (1 - keep) * inner(inputs[:, two:] + new) + keep * h
        return h, h
