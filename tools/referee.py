"""A referee for graphs: the operators that seqrt writes, computed in plain numpy.

`tests/reference.py` computes networks. This computes graphs with any weights and wiring, and so can
judge a file that no network was ever exported to. It follows the ONNX operator specifications.

Shapes: T time, B batch, D features, H hidden; W (dirs, G H, D), R (dirs, G H, H), B (dirs, 2 G H).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import referee_format2 as operators
from numpy.typing import NDArray

Array = NDArray[Any]

_ELEMENTS: dict[str, Callable[..., Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": lambda a, b: np.floor_divide(a, b) if a.dtype.kind == "i" else np.divide(a, b),
    "MatMul": np.matmul,
}


def run(content: bytes, feeds: dict[str, Array], dtype: type) -> dict[str, Array]:
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


def _apply(operator: str, v: list[Array], a: dict[str, Any]) -> list[Array]:
    if operator in _ELEMENTS:
        return [_ELEMENTS[operator](*v)]
    if operator in ("RNN", "GRU", "LSTM"):
        return _recurrent(operator, v, a)
    if operator in operators.OF_FORMAT_2:
        return [operators.OF_FORMAT_2[operator](v, a)]
    match operator:
        case "Sigmoid":
            return [_sigmoid(v[0])]
        case "Softmax":
            e = np.exp(v[0] - v[0].max(a["axis"], keepdims=True))
            return [e / e.sum(a["axis"], keepdims=True)]
        case "LayerNormalization":
            centred = v[0] - v[0].mean(-1, keepdims=True)
            spread = np.sqrt((centred**2).mean(-1, keepdims=True) + a["epsilon"])
            return [centred / spread * v[1] + v[2]]
        case "Transpose":
            return [v[0].transpose(a["perm"])]
        case "Squeeze":
            return [v[0].squeeze(tuple(v[1]))]
        case "Unsqueeze":
            return [np.expand_dims(v[0], tuple(v[1]))]
        case "Reshape":
            shape = [v[0].shape[i] if n == 0 else n for i, n in enumerate(v[1])]
            return [v[0].reshape(shape)]
        case "Split":
            return np.split(v[0], np.cumsum(v[1])[:-1], a["axis"])
        case "Concat":
            return [np.concatenate(v, a["axis"])]
    raise NotImplementedError(operator)


def _recurrent(operator: str, v: list[Array], a: dict[str, Any]) -> list[Array]:
    """Return Y (T, dirs, B, H), Y_h (dirs, B, H) and, for an LSTM, Y_c."""
    x, ways, units = v[0], len(v[1]), v[2].shape[-1]
    time, batch = x.shape[:2]
    lengths = np.full(batch, time) if v[4] is None else v[4]
    y = np.zeros((time, ways, batch, units), x.dtype)
    ends = [np.zeros((ways, batch, units), x.dtype) for _ in ("h", "c")]
    relu = a.get("activations", [b"Tanh"])[0] == b"Relu"
    reset_after = bool(a.get("linear_before_reset", 0))
    for way in range(ways):
        weights = (v[1][way], v[2][way], *np.split(v[3][way], 2))
        for row in range(batch):
            h, c = (start[way, row] for start in (*v[5:], *ends)[:2])
            steps = range(int(lengths[row]))
            for t in reversed(steps) if way or a["direction"] == b"reverse" else steps:
                h, c = _step(operator, x[t, row], h, c, weights, relu, reset_after)
                y[t, way, row] = h
            ends[0][way, row], ends[1][way, row] = h, c
    return [y, *ends]


def _step(
    operator: str,
    x: Array,
    h: Array,
    c: Array,
    weights: tuple[Array, ...],
    relu: bool,
    reset_after: bool,
) -> tuple[Array, Array]:
    """One step of one row; ONNX stacks an LSTM's gates i o f c, a GRU's z r h."""
    W, R, b_x, b_h = weights
    if operator == "RNN":
        a = W @ x + b_x + R @ h + b_h
        return (np.maximum(a, 0) if relu else np.tanh(a)), c
    if operator == "LSTM":
        i, o, f, g = np.split(W @ x + b_x + R @ h + b_h, 4)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        return _sigmoid(o) * np.tanh(c), c
    (z, r, n), (hz, hr, hn) = np.split(W @ x + b_x, 3), np.split(R @ h + b_h, 3)
    z, r = _sigmoid(z + hz), _sigmoid(r + hr)
    if not reset_after:
        n, r = n + (R @ (r * h) + b_h)[2 * len(h) :], np.zeros_like(r)
    return (1 - z) * np.tanh(n + r * hn) + z * h, c


def _sigmoid(a: Array) -> Array:
    return np.exp(-np.logaddexp(np.zeros_like(a), -a))
