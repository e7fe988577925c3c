"""The further operators of format 2 in plain numpy, for tools/referee.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Attributes = dict[str, Any]
_TYPES = {1: np.float32, 6: np.int32, 7: np.int64}


def _softplus(x: Array) -> Array:
    return np.logaddexp(np.zeros_like(x), x)


def _clip(v: list[Any], _: Attributes) -> Array:
    low, high = (*v[1:], None, None)[:2]
    return np.clip(v[0], low, high).astype(v[0].dtype)


def _elu(v: list[Any], a: Attributes) -> Array:
    return np.where(v[0] > 0, v[0], a["alpha"] * np.expm1(np.minimum(v[0], 0)))


def _celu(v: list[Any], a: Attributes) -> Array:
    return np.maximum(v[0], 0) + np.minimum(0, a["alpha"] * np.expm1(v[0] / a["alpha"]))


def _selu(v: list[Any], a: Attributes) -> Array:
    return a["gamma"] * _elu(v, a)


def _log_softmax(v: list[Any], _: Attributes) -> Array:
    shifted = v[0] - v[0].max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _reduce(find: Callable[..., Array]) -> Callable[[list[Any], Attributes], Array]:
    def reduced(v: list[Any], a: Attributes) -> Array:
        axes = tuple(a["axes"] if "axes" in a else v[1])
        return find(v[0], axis=axes, keepdims=bool(a["keepdims"]))

    return reduced


def _slice(v: list[Any], _: Attributes) -> Array:
    steps = v[4] if len(v) > 4 else [1] * len(v[1])
    index = [slice(None)] * v[0].ndim
    for start, end, axis, step in zip(v[1], v[2], v[3], steps, strict=True):
        beyond = step < 0 and end < -v[0].shape[axis]
        index[axis] = slice(int(start), None if beyond else int(end), int(step))
    return v[0][tuple(index)]


def _last_of(v: list[Any], _: Attributes) -> Array:
    """GatherND with one batch axis: index (B, ..., 1)."""
    rows = np.arange(len(v[0])).reshape(-1, *[1] * (v[1].ndim - 2))
    return v[0][rows, v[1][..., 0]]


def _reverse(v: list[Any], _: Attributes) -> Array:
    turned = v[0].copy()
    for row, length in enumerate(v[1]):
        turned[:length, row] = v[0][:length, row][::-1]
    return turned


def _pad(v: list[Any], _: Attributes) -> Array:
    return np.pad(v[0], np.reshape(v[1], (2, -1)).T)


def _cast(v: list[Any], a: Attributes) -> Array:
    # a float of any width stays in the width of the computation, which the sums around it have
    return v[0].astype(_TYPES[a["to"]])


def _where(v: list[Any], _: Attributes) -> Array:
    return np.where(v[0], v[1], v[2]).astype(np.result_type(v[1], v[2]))


OF_FORMAT_2: dict[str, Callable[[list[Any], Attributes], Array]] = {
    "Relu": lambda v, _: np.maximum(v[0], 0),
    "Tanh": lambda v, _: np.tanh(v[0]),
    "Exp": lambda v, _: np.exp(v[0]),
    "Erf": lambda v, _: np.vectorize(math.erf, otypes=[v[0].dtype])(v[0]),
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
    "ReverseSequence": _reverse,
    "Pad": _pad,
}
