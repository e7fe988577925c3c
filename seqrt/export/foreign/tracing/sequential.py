"""nn.Sequential of torch's own layers, whose forward cannot run: layers give tuples."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from seqrt.contract.manifest import Head
from seqrt.errors import UsageError


class Chain(nn.Module):
    """Layers in sequence, over (batch, time, features); the last recurrent one may end it."""

    def __init__(self, layers: list[nn.Module], head: Head) -> None:
        """Take layers in the order in which they are applied."""
        super().__init__()
        self.layers, self.head = nn.ModuleList(layers), head
        places = [i for i, layer in enumerate(layers) if isinstance(layer, nn.RNNBase)]
        self.last = places[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Apply all layers."""
        for place, layer in enumerate(self.layers):
            if not isinstance(layer, nn.RNNBase):
                x = layer(x)
                continue
            x, state = layer(x)
            if place == self.last and self.head == "last":
                h = state[0] if isinstance(state, tuple) else state
                x = torch.cat([h[-2], h[-1]], dim=-1) if layer.bidirectional else h[-1]
        return x


def as_chain(net: nn.Module, head: Head | None) -> nn.Module:
    """Return an nn.Sequential of torch's layers as one that runs; any other module as it is."""
    if type(net) is not nn.Sequential:
        return net
    layers = list(_leaves(net, "net"))
    own = [layer for _, layer in layers if not type(layer).__module__.startswith("torch.nn.")]
    if own:
        return net
    if not any(isinstance(layer, nn.RNNBase) for _, layer in layers):
        raise UsageError("net must contain nn.RNN, nn.LSTM or nn.GRU; Sequential does not.")
    copied: list[Any] = [copy.deepcopy(layer) for _, layer in layers]
    for layer in copied:
        if isinstance(layer, nn.RNNBase):
            layer.batch_first = True
    return Chain(copied, head or "last")


def _leaves(net: nn.Sequential, name: str) -> Iterator[tuple[str, nn.Module]]:
    for place, layer in enumerate(net):
        if type(layer) is nn.Sequential:
            yield from _leaves(layer, f"{name}.{place}")
        else:
            yield f"{name}.{place}", layer
