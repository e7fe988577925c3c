"""The nodes of each kind of layer but the recurrent; values over time are (T, B, ·)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from torch import nn

from seqrt.contract import idioms
from seqrt.export.graph.pools import emit_attention, emit_max, emit_mean, linear_product
from seqrt.export.graph.stack_graph import StackGraph
from seqrt.export.graph.weights import float32_array
from seqrt.training.networks.convolution import CausalConvolution
from seqrt.training.networks.pooling import AttentionPool, MaxPool, MeanPool

# From so many steps on, picking them by one node is faster than by a node for each.
_LONG: Final = 16


def emit(graph: StackGraph, step: nn.Module, name: str, h: str) -> str:
    """Append the nodes of a layer that reads h; return the name of its output."""
    return _EMITTERS[type(step)](graph, step, name, h)


def _convolution(graph: StackGraph, step: CausalConvolution, name: str, h: str) -> str:
    """Append a causal convolution: the steps side by side, one product, relu."""
    if step.context:
        number, start = graph.number("taps"), graph.start()
        if step.kernel < _LONG:
            found = idioms.taps(number, h, step.features, step.kernel, start=start)
        else:
            found = idioms.windows(number, h, step.features, step.kernel, start)
        h = graph.stateful(found)
    return graph.add("Relu", [_linear(graph, step.dense, name, h)], f"{name}_relu")


def _layer_norm(graph: StackGraph, step: nn.LayerNorm, name: str, h: str) -> str:
    size = step.normalized_shape[-1]
    weight = np.ones(size, np.float32) if step.weight is None else float32_array(step.weight)
    bias = np.zeros(size, np.float32) if step.bias is None else float32_array(step.bias)
    inputs = [h, graph.constant(f"{name}_weight", weight), graph.constant(f"{name}_bias", bias)]
    return graph.add("LayerNormalization", inputs, f"{name}_out", axis=-1, epsilon=step.eps)


def _linear(graph: StackGraph, step: nn.Linear, name: str, h: str) -> str:
    product = linear_product(graph, step, name, h)
    bias = (
        np.zeros(step.out_features, np.float32) if step.bias is None else float32_array(step.bias)
    )
    return graph.add("Add", [product, graph.constant(f"{name}_bias", bias)], f"{name}_out")


_EMITTERS: Final[dict[type, Callable[..., str]]] = {
    CausalConvolution: _convolution,
    MeanPool: emit_mean,
    MaxPool: emit_max,
    AttentionPool: emit_attention,
    nn.LayerNorm: _layer_norm,
    nn.Linear: _linear,
}
