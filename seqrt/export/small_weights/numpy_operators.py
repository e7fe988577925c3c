"""The operators that a model file may have, but for the recurrent ones, in plain numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]
Attributes = dict[str, Any]
_TYPES = {1: np.float32, 6: np.int32, 7: np.int64}


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + e^-a), without overflow for a far below zero."""
    result: Array = np.exp(-np.logaddexp(np.zeros_like(a), -a))
    return result


def _softmax(v: list[Any], a: Attributes) -> Any:
    e = np.exp(v[0] - v[0].max(a["axis"], keepdims=True))
    return e / e.sum(a["axis"], keepdims=True)


def _layer_norm(v: list[Any], a: Attributes) -> Any:
    centred = v[0] - v[0].mean(-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(-1, keepdims=True) + a["epsilon"])
    return centred / spread * v[1] + v[2]


def _divide(v: list[Any], _: Attributes) -> Any:
    return v[0] // v[1] if v[0].dtype.kind == "i" else v[0] / v[1]


def _reshape(v: list[Any], _: Attributes) -> Any:
    return v[0].reshape([v[0].shape[i] if n == 0 else n for i, n in enumerate(v[1])])


def _erf(v: list[Any], _: Attributes) -> Any:
    return torch.special.erf(torch.from_numpy(v[0])).numpy()


def _softplus(x: Array) -> Any:
    return np.logaddexp(np.zeros_like(x), x)


def _clip(v: list[Any], _: Attributes) -> Any:
    low, high = (*v[1:], None, None)[:2]
    return np.clip(v[0], low, high).astype(v[0].dtype)


def _elu(v: list[Any], a: Attributes) -> Any:
    return np.where(v[0] > 0, v[0], a["alpha"] * np.expm1(np.minimum(v[0], 0)))


def _celu(v: list[Any], a: Attributes) -> Any:
    return np.maximum(v[0], 0) + np.minimum(0, a["alpha"] * np.expm1(v[0] / a["alpha"]))


def _selu(v: list[Any], a: Attributes) -> Any:
    return a["gamma"] * _elu(v, a)


def _log_softmax(v: list[Any], _: Attributes) -> Any:
    shifted = v[0] - v[0].max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _reduce(find: Callable[..., Array]) -> Callable[[list[Any], Attributes], Any]:
    def reduced(v: list[Any], a: Attributes) -> Any:
        axes = tuple(a["axes"] if "axes" in a else v[1])
        return find(v[0], axis=axes, keepdims=bool(a["keepdims"]))

    return reduced


def _slice(v: list[Any], _: Attributes) -> Any:
    steps = v[4] if len(v) > 4 else [1] * len(v[1])
    index = [slice(None)] * v[0].ndim
    for start, end, axis, step in zip(v[1], v[2], v[3], steps, strict=True):
        beyond = step < 0 and end < -v[0].shape[axis]
        index[axis] = slice(int(start), None if beyond else int(end), int(step))
    return v[0][tuple(index)]


def _last_of(v: list[Any], _: Attributes) -> Any:
    """GatherND with one batch axis: index (B, ..., 1)."""
    rows = np.arange(len(v[0])).reshape(-1, *[1] * (v[1].ndim - 2))
    return v[0][rows, v[1][..., 0]]


def _scatter(v: list[Any], a: Attributes) -> Any:
    scattered = v[0].astype(v[2].dtype)
    np.put_along_axis(scattered, v[1], v[2], a["axis"])
    return scattered


def _reverse(v: list[Any], _: Attributes) -> Any:
    turned = v[0].copy()
    for row, length in enumerate(v[1]):
        turned[:length, row] = v[0][:length, row][::-1]
    return turned


def _pad(v: list[Any], _: Attributes) -> Any:
    return np.pad(v[0], np.reshape(v[1], (2, -1)).T)


def _cast(v: list[Any], a: Attributes) -> Any:
    # a float of any width stays in the width of the computation, which the sums around it have
    return v[0].astype(_TYPES[a["to"]])


def _where(v: list[Any], _: Attributes) -> Any:
    return np.where(v[0], v[1], v[2]).astype(np.result_type(v[1], v[2]))


OPERATORS: dict[str, Callable[[list[Any], Attributes], Any]] = {
    "Add": lambda v, _: v[0] + v[1],
    "Sub": lambda v, _: v[0] - v[1],
    "Mul": lambda v, _: v[0] * v[1],
    "Div": _divide,
    "MatMul": lambda v, _: np.matmul(v[0], v[1]),
    "Sigmoid": lambda v, _: sigmoid(v[0]),
    "Softmax": _softmax,
    "LayerNormalization": _layer_norm,
    "Transpose": lambda v, a: v[0].transpose(a["perm"]),
    "Squeeze": lambda v, _: v[0].squeeze(tuple(v[1])),
    "Unsqueeze": lambda v, _: np.expand_dims(v[0], tuple(v[1])),
    "Reshape": _reshape,
    "Concat": lambda v, a: np.concatenate(v, a["axis"]),
    "Relu": lambda v, _: np.maximum(v[0], 0),
    "Tanh": lambda v, _: np.tanh(v[0]),
    "Exp": lambda v, _: np.exp(v[0]),
    "Erf": _erf,
    "Neg": lambda v, _: -v[0],
    "Abs": lambda v, _: np.abs(v[0]),
    "Sqrt": lambda v, _: np.sqrt(v[0]),
    "Log": lambda v, _: np.log(v[0]),
    "Atanh": lambda v, _: np.arctanh(v[0]),
    "Softsign": lambda v, _: v[0] / (1 + np.abs(v[0])),
    "Softplus": lambda v, _: _softplus(v[0]),
    "HardSwish": lambda v, _: v[0] * np.clip(v[0] / 6 + 0.5, 0, 1),
    "Reciprocal": lambda v, _: 1 / v[0],
    "Identity": lambda v, _: v[0],
    "Not": lambda v, _: ~v[0],
    "Or": lambda v, _: v[0] | v[1],
    "IsNaN": lambda v, _: np.isnan(v[0]),
    "Max": lambda v, _: np.maximum(*v),
    "Min": lambda v, _: np.minimum(*v),
    "Pow": lambda v, _: np.power(*v),
    "LeakyRelu": lambda v, a: np.where(v[0] > 0, v[0], a["alpha"] * v[0]),
    "PRelu": lambda v, _: np.where(v[0] > 0, v[0], v[1] * v[0]),
    "Elu": _elu,
    "Celu": _celu,
    "Selu": _selu,
    "HardSigmoid": lambda v, a: np.clip(a["alpha"] * v[0] + a["beta"], 0, 1),
    "Clip": _clip,
    "LogSoftmax": _log_softmax,
    "ReduceSum": _reduce(np.sum),
    "ReduceMean": _reduce(np.mean),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "Slice": _slice,
    "Gather": lambda v, a: np.take(v[0], v[1], a["axis"]),
    "Mod": lambda v, _: np.mod(*v),
    "Shape": lambda v, _: np.array(v[0].shape, np.int64),
    "Range": lambda v, _: np.arange(*map(int, v)),
    "Less": lambda v, _: v[0] < v[1],
    "Where": _where,
    "Cast": _cast,
    "CumSum": lambda v, _: np.cumsum(v[0], int(v[1])),
    "GatherND": _last_of,
    "GatherElements": lambda v, a: np.take_along_axis(v[0], v[1], a["axis"]),
    "ScatterElements": _scatter,
    "ReverseSequence": _reverse,
    "Pad": _pad,
}
