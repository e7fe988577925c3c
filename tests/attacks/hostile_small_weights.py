"""Hostile files with small weights: one rule broken of the nodes and numbers that make the weights.

The origins are tests/runtime/nets/format2/fp16.onnx and int8.onnx, which the guard accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from attacks.hostile import (
    GRAPH,
    GUARD,
    MANIFEST,
    WEIGHTS,
    Attack,
    _add_constant,
    _constant,
    _give,
    _manifest,
    _named,
    _node,
    _set,
    _swapped,
    changed,
)
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

FP16, INT8 = "fp16", "int8"
HALVES, WHOLE, SCALE = "layer0_R.fp16", "layer0_R.int8", "layer0_R.scale"


def attacks() -> Iterator[Attack]:
    """Yield each attack with the code of the error that it must raise."""
    for name, (code, net, change) in CHANGES.items():
        yield Attack(f"small weights: {name}", code, changed(change, f"format2/{net}"))
    for name, (net, fields) in MANIFESTS.items():
        content = changed(lambda m, f=fields: _manifest(m, f), f"format2/{net}")
        yield Attack(f"manifest of small weights: {name}", MANIFEST, content)


def _values(model: ModelProto, name: str) -> Any:
    return numpy_helper.to_array(_constant(model, name)).copy()


def _with(model: ModelProto, name: str, number: float) -> None:
    """Replace the first number of a constant."""
    values = _values(model, name)
    values.flat[0] = number
    _set(model, name, values)


def _remove(model: ModelProto, name: str) -> None:
    model.graph.initializer.remove(_constant(model, name))


def _to_the_end(model: ModelProto, name: str) -> None:
    node = NodeProto()
    node.CopyFrom(_named(model, name))
    model.graph.node.remove(_named(model, name))
    model.graph.node.append(node)


def _stored(model: ModelProto, name: str) -> None:
    """Store another constant of a file as float16, with its node."""
    values = _values(model, name)
    _remove(model, name)
    _add_constant(model, f"{name}.fp16", values.astype(np.float16))
    model.graph.node.insert(3, helper.make_node("Cast", [f"{name}.fp16"], [name], name, to=1))


def _none_stored(model: ModelProto) -> None:
    for name in ("layer0_R", "layer1_W", "layer1_R"):
        values = _values(model, f"{name}.fp16").astype(np.float32)
        _remove(model, f"{name}.fp16")
        model.graph.node.remove(_named(model, name))
        _add_constant(model, name, values)


def _read_by(model: ModelProto, operator: str, *inputs: str, **attributes: Any) -> None:
    """Append a node that reads weights, or what they are made of."""
    model.graph.node.append(helper.make_node(operator, inputs, ["hostile"], **attributes))


def _dequantized(model: ModelProto) -> None:
    """Make the weights by the operator that is meant for it, which hosts do not fold."""
    del model.graph.node[0:2]
    inputs = [WHOLE, _add_constant(model, "one_scale", np.float32(0.1))]
    node = helper.make_node("DequantizeLinear", inputs, ["layer0_R"], "layer0_R")
    model.graph.node.insert(0, node)


CHANGES: dict[str, tuple[str, str, Callable[[ModelProto], Any]]] = {
    # nodes
    "a Cast after the layers": (GRAPH, FP16, lambda m: _to_the_end(m, "layer1_R")),
    "a Cast to double": (GRAPH, FP16, lambda m: _give(_named(m, "layer0_R"), to=11)),
    "a Cast that saturates": (GRAPH, FP16, lambda m: _give(_named(m, "layer0_R"), saturate=1)),
    "a Cast of another domain": (
        GRAPH,
        FP16,
        lambda m: setattr(_named(m, "layer0_R"), "domain", "d"),
    ),
    "a Cast of other weights": (
        GRAPH,
        FP16,
        lambda m: _named(m, "layer0_R").input.__setitem__(0, "layer1_R.fp16"),
    ),
    "a Cast of float32": (
        GRAPH,
        FP16,
        lambda m: _named(m, "layer0_R").input.__setitem__(0, "layer0_W"),
    ),
    "a Cast left out": (GRAPH, FP16, lambda m: m.graph.node.remove(_named(m, "layer0_R"))),
    "a Cast more": (
        GUARD,
        FP16,
        lambda m: m.graph.node.insert(
            3, helper.make_node("Cast", ["layer0_W"], ["more"], "more", to=1)
        ),
    ),
    "Casts in another order": (
        GRAPH,
        FP16,
        lambda m: m.graph.node.insert(0, m.graph.node.pop(1)),
    ),
    "weights that another node makes too": (
        GRAPH,
        FP16,
        lambda m: m.graph.node[-1].output.__setitem__(0, "layer0_R"),
    ),
    "a node with the name of a Cast": (
        GUARD,
        FP16,
        lambda m: setattr(_node(m, "LSTM"), "name", "layer0_R"),
    ),
    "a Mul left out": (GRAPH, INT8, lambda m: m.graph.node.remove(_named(m, "layer0_R"))),
    "a Div for a Mul": (
        GRAPH,
        INT8,
        lambda m: setattr(_named(m, "layer0_R"), "op_type", "Div"),
    ),
    "a scale times weights": (GRAPH, INT8, lambda m: _swapped(_named(m, "layer0_R"), 0, 1)),
    "a scale of other weights": (
        GRAPH,
        INT8,
        lambda m: _named(m, "layer0_R").input.__setitem__(1, "layer1_W.scale"),
    ),
    "DequantizeLinear": (GRAPH, INT8, _dequantized),
    # constants
    "bytes for half of the weights": (
        GUARD,
        FP16,
        lambda m: setattr(_constant(m, HALVES), "raw_data", bytes(256)),
    ),
    "weights of exabytes": (
        GUARD,
        INT8,
        lambda m: _constant(m, WHOLE).dims.__setitem__(0, 1 << 61),
    ),
    "stored weights that no node makes": (
        GRAPH,
        FP16,
        lambda m: _add_constant(m, "more.fp16", np.zeros((2, 2), np.float16)),
    ),
    "stored weights of another name": (
        GRAPH,
        FP16,
        lambda m: setattr(_constant(m, HALVES), "name", "layer0_R"),
    ),
    "weights stored in both ways": (
        GRAPH,
        FP16,
        lambda m: _add_constant(m, "layer0_R", np.zeros((1, 32, 8), "f4")),
    ),
    "int8 in a file of fp16": (
        GUARD,
        FP16,
        lambda m: _set(m, HALVES, np.zeros((1, 32, 8), np.int8)),
    ),
    "fp16 in a file of int8": (
        GUARD,
        INT8,
        lambda m: _set(m, WHOLE, np.zeros((1, 24, 8), np.float16)),
    ),
    "uint8 in a file of int8": (
        GUARD,
        INT8,
        lambda m: setattr(_constant(m, WHOLE), "data_type", TensorProto.UINT8),
    ),
    "bfloat16 in a file of fp16": (
        GUARD,
        FP16,
        lambda m: setattr(_constant(m, HALVES), "data_type", TensorProto.BFLOAT16),
    ),
    "weights of another shape": (
        GRAPH,
        FP16,
        lambda m: _set(m, HALVES, np.zeros((1, 8, 32), np.float16)),
    ),
    "a vector": (GRAPH, FP16, lambda m: _stored(m, "layer2_bias")),
    "a bias": (GRAPH, FP16, lambda m: _stored(m, "layer0_B")),
    "a scaling of y": (GRAPH, FP16, lambda m: _stored(m, "y_scale")),
    "no stored weights": (GRAPH, FP16, _none_stored),
    "a manifest that says float32": (
        GUARD,
        FP16,
        lambda m: _manifest(m, {"weights": "float32", "rounding": None}),
    ),
    "a manifest that says int8": (GUARD, FP16, lambda m: _manifest(m, {"weights": "int8"})),
    # who reads them
    "weights divided by": (GRAPH, FP16, lambda m: _read_by(m, "Div", "y", "layer1_R")),
    "weights added": (GRAPH, FP16, lambda m: _read_by(m, "Add", "y", "layer1_R")),
    "weights multiplied": (
        GRAPH,
        FP16,
        lambda m: _read_by(m, "MatMul", "layer1_R", "layer2_weight"),
    ),
    "columns of weights": (
        GRAPH,
        FP16,
        lambda m: _read_by(m, "Gather", "layer1_R", "axes_1", axis=1),
    ),
    "weights for a bias": (
        GRAPH,
        FP16,
        lambda m: _node(m, "LSTM").input.__setitem__(3, "layer0_R"),
    ),
    "weights for x": (GRAPH, FP16, lambda m: _node(m, "LSTM").input.__setitem__(0, "layer0_R")),
    "weights that no node reads": (
        GRAPH,
        FP16,
        lambda m: _node(m, "LSTM").input.__setitem__(
            2, _add_constant(m, "other_R", np.zeros((1, 32, 8), "f4"))
        ),
    ),
    "stored weights read by a layer": (
        GRAPH,
        FP16,
        lambda m: _node(m, "LSTM").input.__setitem__(2, HALVES),
    ),
    "whole numbers read by a layer": (
        GRAPH,
        INT8,
        lambda m: _node(m, "GRU").input.__setitem__(2, "layer0_R.whole"),
    ),
    "a scale read by a node": (GRAPH, INT8, lambda m: _read_by(m, "Add", "y", SCALE)),
    "weights as an output": (GRAPH, FP16, lambda m: setattr(m.graph.output[1], "name", "layer0_R")),
    # numbers
    "a weight that is NaN": (WEIGHTS, FP16, lambda m: _with(m, HALVES, np.nan)),
    "a weight that is Inf": (WEIGHTS, FP16, lambda m: _with(m, HALVES, -np.inf)),
    "no scale": (GRAPH, INT8, lambda m: _remove(m, SCALE)),
    "a scale of whole numbers": (
        GRAPH,
        INT8,
        lambda m: _set(m, SCALE, np.ones((1, 24, 1), np.int64)),
    ),
    "a scale for each weight": (GRAPH, INT8, lambda m: _set(m, SCALE, np.ones((1, 24, 8), "f4"))),
    "a scale of more axes": (GRAPH, INT8, lambda m: _set(m, SCALE, np.ones((1, 1, 24, 1), "f4"))),
    "a scale of fewer axes": (GRAPH, INT8, lambda m: _set(m, SCALE, np.ones((24, 1), "f4"))),
    "a scale that makes weights larger": (
        GRAPH,
        INT8,
        lambda m: _set(m, SCALE, np.ones((9, 24, 1), "f4")),
    ),
    **{
        f"a scale of {number}": (GUARD, INT8, lambda m, n=number: _with(m, SCALE, n))
        for number in (0.0, -0.0, -1.0, 1e-40, 3e38, np.inf, -np.inf, np.nan)
    },
}

_MOVED = {"steps": [1, 10], "moved": [1e-4, 1e-3], "largest": 1e-3, "scale": 2.0, "inputs": "drawn"}
MANIFESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown weights": (FP16, {"weights": "int4"}),
    "weights that are a number": (FP16, {"weights": 16}),
    "format 1": (FP16, {"format": 1, "carries": [], "rounding": None}),
    "rounding of float32": ("decoder", {"rounding": _MOVED}),
    **{
        f"rounding with {name} {value}": (FP16, {"rounding": {**_MOVED, name: value}})
        for name, value in (
            *(("steps", []), ("steps", [10, 1]), ("steps", [0, 1]), ("steps", [1])),
            *(("moved", [1e-4, -1.0]), ("moved", []), ("largest", -1.0), ("scale", "2")),
            *(("inputs", "training"), ("scale", -1.0), ("steps", [1, 1])),
        )
    },
    "rounding that is text": (FP16, {"rounding": "none"}),
}
