"""Runs the graph of a model file in plain numpy, in float64 or float32.

It follows the ONNX operator specifications, and so computes graphs with any weights and wiring:
also those that no torch network has, as after rounding.

Shapes: T time, B batch, D features, H hidden; W (dirs, G H, D), R (dirs, G H, H), B (dirs, 2 G H).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from seqrt.export.small_weights.numpy_operators import OPERATORS, sigmoid

Array = NDArray[Any]
Function = Callable[[Array], Array]

_FUNCTIONS: dict[str, Function] = {
    "Tanh": np.tanh,
    "Relu": lambda a: np.maximum(a, 0),
    "Sigmoid": sigmoid,
    "HardSigmoid": lambda a: np.clip(0.2 * a + 0.5, 0, 1),
}
# The functions of each cell in ONNX's order, unless the node names others.
_USUAL = {
    "RNN": ["Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
}


def run_graph(content: bytes, feeds: dict[str, Array], dtype: type) -> dict[str, Array]:
    """Return the outputs of the graph by name, with all floats computed in `dtype`."""
    graph = onnx.load_from_string(content).graph
    values = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer} | feeds
    values = {n: v.astype(dtype) if v.dtype.kind == "f" else v for n, v in values.items()}
    with np.errstate(all="ignore"):
        for node in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            inputs = [values[name] if name else None for name in node.input]
            outputs = _apply(node.op_type, inputs, attributes)
            values |= zip(node.output, outputs, strict=False)
    return {output.name: values[output.name] for output in graph.output}


def _apply(operator: str, v: list[Any], a: dict[str, Any]) -> list[Array]:
    if operator in _USUAL:
        return _recurrent(operator, v, a)
    if operator == "Split":
        return np.split(v[0], np.cumsum(v[1])[:-1], a["axis"])
    return [OPERATORS[operator](v, a)]


def _recurrent(operator: str, v: list[Any], a: dict[str, Any]) -> list[Array]:
    """Return Y (T, dirs, B, H), Y_h (dirs, B, H) and, for an LSTM, Y_c."""
    x, ways, units = v[0], len(v[1]), v[2].shape[-1]
    time, batch = x.shape[:2]
    lengths = np.full(batch, time) if v[4] is None else v[4]
    y = np.zeros((time, ways, batch, units), x.dtype)
    ends = [np.zeros((ways, batch, units), x.dtype) for _ in ("h", "c")]
    names = [name.decode() for name in a.get("activations", [])] or _USUAL[operator]
    functions = [_FUNCTIONS[name] for name in names[: len(_USUAL[operator])]]
    reset_after = bool(a.get("linear_before_reset", 0))
    for way in range(ways):
        weights = (v[1][way], v[2][way], *np.split(v[3][way], 2))
        h, c = (start[way] for start in (*v[5:], *ends)[:2])
        backwards = way or a["direction"] == b"reverse"
        # From the end, a row keeps its start until the step that is its last.
        for t in reversed(range(time)) if backwards else range(time):
            inside = (t < lengths)[:, None]
            new_h, new_c = _step(operator, x[t], h, c, weights, functions, reset_after)
            h, c = np.where(inside, new_h, h), np.where(inside, new_c, c)
            y[t, way] = np.where(inside, h, 0)
        ends[0][way], ends[1][way] = h, c
    return [y, *ends]


def _step(
    operator: str,
    x: Array,
    h: Array,
    c: Array,
    weights: tuple[Array, ...],
    functions: list[Function],
    reset_after: bool,
) -> tuple[Array, Array]:
    """Return h and c (B, H) after a step; ONNX stacks an LSTM's gates i o f c, a GRU's z r h."""
    W, R, b_x, b_h = weights
    inputs, before = x @ W.T + b_x, h @ R.T + b_h
    gate, inner = functions[0], functions[-1]
    if operator == "RNN":
        return inner(inputs + before), c
    if operator == "LSTM":
        i, o, f, g = np.split(inputs + before, 4, -1)
        c = gate(f) * c + gate(i) * functions[1](g)
        return gate(o) * inner(c), c
    (z, r, n), (hz, hr, hn) = np.split(inputs, 3, -1), np.split(before, 3, -1)
    z, r = gate(z + hz), gate(r + hr)
    if not reset_after:
        n, r = n + ((r * h) @ R.T + b_h)[:, 2 * h.shape[1] :], np.zeros_like(r)
    return (1 - z) * inner(n + r * hn) + z * h, c
