"""The gradient of a step: by hand for plain networks on a CPU, by autograd for all others.

Building a graph around the kernels, walking it and discarding it costs a small network an eighth
(LSTM) to a quarter (RNN) of its step. By hand, each layer passes its results straight to the next,
forward and backward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from seqrt.training.inputs.batches import Batch
from seqrt.training.kernels import LayerPass, has_lstm, run_layer
from seqrt.training.loop.adam import Adam
from seqrt.training.loop.loss import MeanLoss, Objective
from seqrt.training.loop.steps import MicroBatch
from seqrt.training.networks.dropout import Dropout
from seqrt.training.networks.mingru import MinimalGru
from seqrt.training.networks.network import Network
from seqrt.training.networks.recurrent import Recurrent, weights_of
from seqrt.training.networks.stack import Stack

_CELLS: Final = {nn.RNN, nn.LSTM, nn.GRU, MinimalGru}
_PLAIN: Final = {Network, nn.ModuleList, Recurrent, *_CELLS, Dropout, nn.Linear}


class StepGradient:
    """Computes the gradient of a step in the cheapest way that the network allows."""

    def __init__(self, net: Stack, optimizer: Adam, objective: MeanLoss) -> None:
        """Choose the way for `net`, whose weights `optimizer` updates to lower `objective`."""
        self.net, self.optimizer, self.objective = net, optimizer, objective
        self.manual = None
        if isinstance(objective, Objective) and ManualGradient.supports(net):
            self.manual = ManualGradient(net, objective)

    def compute(self, micro_batches: Sequence[MicroBatch]) -> float:
        """Replace the gradients by those of this process's share of a step; return its loss.

        Both are weighted so that their sums over all processes are those of the mean loss.
        """
        self.optimizer.clear()
        targets = sum(map(len, micro_batches))
        return sum(self._add(batch, batch.own_count() / targets) for batch in micro_batches)

    def _add(self, batch: MicroBatch, share: float) -> float:
        """Add `share` of the gradient of the mean loss of `batch`; return `share` of the loss."""
        if self.manual and type(batch) is MicroBatch and not torch.is_autocast_enabled("cpu"):
            return self.manual.add(batch.batch(self.net), share)
        loss = self.objective.mean(*batch.forward(self.net)) * share
        loss.backward()
        return loss.item()


class ManualGradient:
    """Forward and backward pass of a plain network without autograd.

    B batch, T time, H hidden, O outputs, N targets. Between layers, time comes first and the batch
    last: h (T, H, B).
    """

    @staticmethod
    def supports(net: Stack) -> bool:
        """Return whether `net` is plain: unidirectional layers and a linear head, without hooks."""
        modules: list[Any] = list(net.modules())
        return (
            all(type(module) in _PLAIN and not has_hooks(module) for module in modules)
            and not any(module.p for module in modules if type(module) is Dropout)
            and all(len(layer.cells) == 1 for layer in net.recurrent())
            and all(weight.requires_grad for weight in net.parameters())
            and net.x_mean.device.type == "cpu"
            and (
                has_lstm(net.x_mean) or all(layer.layer.cell != "lstm" for layer in net.recurrent())
            )
        )

    def __init__(self, net: Stack, objective: Objective) -> None:
        """Take a supported network whose weights have gradients to add to."""
        self.net, self.objective = net, objective
        self.kinds = [layer.kind for layer in net.recurrent()]
        self.cells = [weights_of(layer.cells[0]) for layer in net.recurrent()]
        dense: Any = net.steps()[-1]
        self.dense = dense.weight, dense.bias
        self.weights = [weight for cell in (*self.cells, self.dense) for weight in cell]

    @torch.no_grad()
    def add(self, batch: Batch, share: float) -> float:
        """Add `share` of the gradient of the mean loss to the gradients; return `share` of it."""
        passes, h = self._forward(self.net.inputs(batch.x).permute(1, 2, 0))
        y, index = h.permute(2, 0, 1), self._target_index(batch)
        h_head = y[index]
        loss, dweight, dbias, dh_head = self._head(h_head.reshape(-1, y.shape[2]), batch.y, share)
        dh = torch.zeros_like(h)
        dh.permute(2, 0, 1)[index] = dh_head.view(h_head.shape)
        gradients = [*self._backward(passes, dh), dweight, dbias]
        torch._foreach_add_([weight.grad for weight in self.weights], gradients)
        return loss

    def _forward(self, h: Tensor) -> tuple[list[LayerPass], Tensor]:
        passes: list[LayerPass] = []
        for kind, weights in zip(self.kinds, self.cells, strict=True):
            done = run_layer(kind, h, weights)
            h = done.y + h if passes and self.net.residual else done.y
            passes.append(done)
        return passes, h

    def _backward(self, passes: list[LayerPass], dh: Tensor | None) -> list[Tensor]:
        gradients: list[Tensor] = []
        while passes and dh is not None:
            dx, _, dweights = passes.pop().backward(dh, need_dx=bool(passes))
            dh = dx + dh if dx is not None and self.net.residual else dx
            gradients[:0] = dweights
        return gradients

    def _head(self, h: Tensor, y: Tensor, share: float) -> tuple[float, Tensor, Tensor, Tensor]:
        """Return `share` of the loss on h (N, H), and its gradients in the head's W, b and h."""
        weight, bias = self.dense
        v = torch.addmm(bias, h, weight.t())
        loss, dv = self.objective.gradient(v, y, share)
        return loss, dv.t() @ h, dv.sum(0), dv @ weight

    def _target_index(self, batch: Batch) -> Any:
        """Return the index into y (B, T, H) of the steps that have targets."""
        last = self.net.head == "last"
        if batch.lengths is None:
            return (slice(None), -1) if last else slice(None)
        return (torch.arange(len(batch.x)), batch.lengths - 1) if last else batch.valid()


def has_hooks(module: Any) -> bool:
    """Return whether a torch hook is registered on `module`."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )
