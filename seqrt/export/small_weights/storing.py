"""Writes the matrices of a graph in fewer bytes, before the nodes that make float32 of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from seqrt.contract.small_weights import PLACES, chain
from seqrt.export.small_weights.rounding import Rounded, round_weights

# The axes that tell outputs apart: of W (dirs, G H, D) and R, of a matrix (inputs, outputs), and of
# a table (ids, width).
_OUTPUTS = {"RNN": (0, 1), "GRU": (0, 1), "LSTM": (0, 1), "MatMul": (1,), "Gather": (0,)}


@dataclass(frozen=True)
class Stored:
    """The matrices of a file that were rounded, and those that stay float32, with the reason."""

    rounded: tuple[str, ...]
    kept: dict[str, str]


def store_weights(model: onnx.ModelProto, form: str) -> Stored:
    """Round the matrices of `model` in place, where that is possible and saves bytes.

    Biases, scaling and all other constants stay float32.
    """
    graph = model.graph
    rounded: dict[str, Rounded] = {}
    kept: dict[str, str] = {}
    axes = _matrices(graph)
    for tensor in graph.initializer:
        if tensor.name not in axes or tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        found = round_weights(numpy_helper.to_array(tensor), axes[tensor.name], form)
        if isinstance(found, Rounded):
            rounded[tensor.name] = found
        elif found:
            kept[tensor.name] = found
    _replace(graph, rounded, form)
    return Stored(tuple(rounded), kept)


def _matrices(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Return the axes of the outputs of each constant that only nodes for matrices read."""
    readers: dict[str, set[tuple[str, bool]]] = defaultdict(set)
    for node in graph.node:
        for place, name in enumerate(node.input):
            readers[name].add((node.op_type, place in PLACES.get(node.op_type, ())))
    found = {}
    for tensor in graph.initializer:
        kinds = {kind for kind, _ in readers[tensor.name]}
        if len(kinds) == 1 and all(fits for _, fits in readers[tensor.name]):
            found[tensor.name] = _OUTPUTS[kinds.pop()]
    return {t.name: found[t.name] for t in graph.initializer if t.name in found and len(t.dims) > 1}


def _replace(graph: onnx.GraphProto, rounded: dict[str, Rounded], form: str) -> None:
    constants, nodes = [], []
    for tensor in graph.initializer:
        name = tensor.name
        if name not in rounded:
            constants.append(tensor)
            continue
        stored, scale = rounded[name]
        constants.append(numpy_helper.from_array(np.ascontiguousarray(stored), f"{name}.{form}"))
        if scale is not None:
            constants.append(numpy_helper.from_array(scale, f"{name}.scale"))
        nodes += [
            helper.make_node(n.operator, n.inputs, [n.output], n.output, **n.attributes)
            for n in chain(name, form)
        ]
    nodes += graph.node
    written = helper.make_graph(nodes, graph.name, graph.input, graph.output, constants)
    graph.CopyFrom(written)
