"""A step of training without autograd, for plain networks on a CPU.

To build a graph around the kernels, to walk it and to throw it away costs a small network an eighth
(LSTM) to a quarter (RNN) of its step. Here the layers hand one another what they made, forwards and
back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from seqrt.training.inputs.batches import Batch
from seqrt.training.kernels import LayerPass, has_lstm, run_layer
from seqrt.training.loop.adam import Descent
from seqrt.training.loop.loss import LOSSES, SLOPES
from seqrt.training.loop.steps import Part
from seqrt.training.networks.dropout import Dropout
from seqrt.training.networks.network import Network
from seqrt.training.networks.recurrent import Recurrent, weights_of
from seqrt.training.networks.stack import Stack

_PLAIN: Final = {Network, nn.ModuleList, Recurrent, nn.RNN, nn.LSTM, nn.GRU, Dropout, nn.Linear}


def suits(net: Stack) -> bool:
    """Say whether `net` is plain: layers that read one way and a head, and nobody listens."""
    modules: list[Any] = list(net.modules())
    return (
        all(type(module) in _PLAIN and not heard(module) for module in modules)
        and not any(module.p for module in modules if type(module) is Dropout)
        and all(len(layer.cells) == 1 for layer in net.recurrent())
        and all(weight.requires_grad for weight in net.parameters())
        and net.x_mean.device.type == "cpu"
        and (has_lstm(net.x_mean) or all(layer.layer.cell != "lstm" for layer in net.recurrent()))
    )


class Chain:
    """A plain network's way forwards and back.

    B batch, T time, H hidden, O outputs, N answers. Between the layers time comes first, the batch
    last: h (T, H, B).
    """

    def __init__(self, net: Stack) -> None:
        """Take a network that suits, whose weights have gradients that add up."""
        self.net = net
        self.slope = SLOPES[net.activation]
        self.layers = [layer.layer for layer in net.recurrent()]
        self.cells = [weights_of(layer.cells[0]) for layer in net.recurrent()]
        dense: Any = net.steps()[-1]
        self.dense = dense.weight, dense.bias
        self.weights = [weight for cell in (*self.cells, self.dense) for weight in cell]

    @torch.no_grad()
    def learn(self, read: Batch, share: float) -> float:
        """Add the gradient of `share` of the mean loss to the gradients; return that much of it."""
        runs = self._forward(self.net.inputs(read.x).permute(1, 2, 0))
        h = runs[-1].y
        y, place = h.permute(2, 0, 1), self._place(read)
        answers = y[place]
        loss, dweight, dbias, danswers = self._head(answers.reshape(-1, y.shape[2]), read.y, share)
        dh = torch.zeros_like(h)
        dh.permute(2, 0, 1)[place] = danswers.view(answers.shape)
        slopes = [*self._backward(runs, dh), dweight, dbias]
        torch._foreach_add_([weight.grad for weight in self.weights], slopes)
        return loss

    def _forward(self, h: Tensor) -> list[LayerPass]:
        runs = []
        for layer, weights in zip(self.layers, self.cells, strict=True):
            runs.append(run_layer(layer, h, weights))
            h = runs[-1].y
        return runs

    def _backward(self, runs: list[LayerPass], dh: Tensor | None) -> list[Tensor]:
        slopes: list[Tensor] = []
        while runs and dh is not None:
            dh, _, dweights = runs.pop().backward(dh, need_dx=bool(runs))
            slopes[:0] = dweights
        return slopes

    def _head(self, h: Tensor, y: Tensor, share: float) -> tuple[float, Tensor, Tensor, Tensor]:
        """Return the share of the loss of the answers h (N, H), and its gradients: W, b and h."""
        weight, bias = self.dense
        v = torch.addmm(bias, h, weight.t())
        loss, dv = self.slope(v, y, share)
        return loss, dv.t() @ h, dv.sum(0), dv @ weight

    def _place(self, read: Batch) -> Any:
        """Return where in y (B, T, H) the answers are that count."""
        last = self.net.head == "last"
        if read.lengths is None:
            return (slice(None), -1) if last else slice(None)
        return (torch.arange(len(read.x)), read.lengths - 1) if last else read.valid()


def heard(module: Any) -> bool:
    """Say whether somebody listens to `module` by a hook of torch's."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )


class Learning:
    """Gathers the gradient of what a network says to the parts of a step."""

    def __init__(self, net: Stack, descent: Descent) -> None:
        """Take a network, and the descent that its weights follow."""
        self.net, self.descent = net, descent
        self.chain = Chain(net) if suits(net) else None

    def gather(self, parts: Sequence[Part]) -> float:
        """Gather the gradient of this process's share of a step; return its share of the loss."""
        self.descent.clear()
        answers = sum(map(len, parts))
        return sum(self._learn(part, part.own() / answers) for part in parts)

    def _learn(self, part: Part, share: float) -> float:
        if self.chain and type(part) is Part and not torch.is_autocast_enabled("cpu"):
            return self.chain.learn(part.read(self.net), share)
        loss = LOSSES[self.net.activation](*part.answer(self.net)) * share
        loss.backward()
        return loss.item()
