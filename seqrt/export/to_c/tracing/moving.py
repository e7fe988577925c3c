"""Operators that only move numbers: they become operations on places, or on known numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from seqrt.export.to_c.places import Array, Live
from seqrt.export.to_c.tracing.values import Operations, Rule, StepNode, Tokens, Traced, known

Attributes = dict[str, Any]
# Arrays that are moved, the other inputs, the attributes, and what stands for 0.
Move = Callable[[list[Array], list[Array], Attributes, int], list[Array]]


def _axes(numbers: Array) -> tuple[int, ...]:
    return tuple(int(each) for each in numbers.ravel())


def _unsqueeze(data: list[Array], rest: list[Array], _: Attributes, __: int) -> list[Array]:
    return [np.expand_dims(data[0], _axes(rest[0]))]


def _reshape(data: list[Array], rest: list[Array], _: Attributes, __: int) -> list[Array]:
    target = [data[0].shape[i] if n == 0 else n for i, n in enumerate(_axes(rest[0]))]
    return [data[0].reshape(target)]


def _split(data: list[Array], rest: list[Array], a: Attributes, _: int) -> list[Array]:
    return np.split(data[0], np.cumsum(_axes(rest[0]))[:-1], a["axis"])


def _slice(data: list[Array], rest: list[Array], _: Attributes, __: int) -> list[Array]:
    starts, ends, axes, *more = map(_axes, rest)
    index: list[slice] = [slice(None)] * data[0].ndim
    for start, end, axis, step in zip(starts, ends, axes, *(more or [(1,) * 9]), strict=False):
        beyond = step < 0 and end < -data[0].shape[axis]
        index[axis] = slice(start, None if beyond else end, step)
    return [data[0][tuple(index)]]


def _gather(data: list[Array], rest: list[Array], a: Attributes, _: int) -> list[Array]:
    return [np.take(data[0], rest[0], a["axis"])]


def _gather_rows(data: list[Array], rest: list[Array], _: Attributes, __: int) -> list[Array]:
    """GatherND with one batch axis: the index is (B, ..., 1)."""
    rows = np.arange(len(data[0])).reshape(-1, *[1] * (rest[0].ndim - 2))
    return [data[0][rows, rest[0][..., 0]]]


def _pad(data: list[Array], rest: list[Array], _: Attributes, zero: int) -> list[Array]:
    widths = np.reshape(rest[0], (2, -1)).T
    return [np.pad(data[0], widths, constant_values=zero)]


# How many inputs are moved, and how.
_MOVES: Final[dict[str, tuple[slice, Move]]] = {
    "Identity": (slice(1), lambda d, *_: d),
    "Transpose": (slice(1), lambda d, _, a, __: [d[0].transpose(a["perm"])]),
    "Squeeze": (slice(1), lambda d, r, *_: [d[0].squeeze(_axes(r[0]))]),
    "Unsqueeze": (slice(1), _unsqueeze),
    "Reshape": (slice(1), _reshape),
    "Split": (slice(1), _split),
    "Concat": (slice(None), lambda d, _, a, __: [np.concatenate(d, a["axis"])]),
    "Slice": (slice(1), _slice),
    "Gather": (slice(1), _gather),
    "GatherND": (slice(1), _gather_rows),
    "Pad": (slice(1), _pad),
    "Where": (slice(1, 3), lambda d, r, *_: [np.where(r[0], *d)]),
}


def _moving(operator: str) -> Rule:
    moved, move = _MOVES[operator]

    def rule(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
        data = inputs[moved]
        rest = inputs[: moved.start or 0] + inputs[moved.stop or len(inputs) :]
        others = [each for each in rest if known(each)]
        if len(others) < len(rest):
            raise NotImplementedError(node.operator)
        if all(map(known, data)):
            moved_data = move([d for d in data if known(d)], others, node.attributes, 0)
            return [np.asarray(each) for each in moved_data]
        zero = to.memory.constant(np.zeros(1), "zero").first if operator == "Pad" else 0
        places = [to.places(each) for each in data]
        return [Live(each) for each in move(places, others, node.attributes, zero)]

    return rule


def _shape(_: Operations, __: StepNode, inputs: list[Traced]) -> list[Traced]:
    value = inputs[0]
    return [np.array((1, 1) if isinstance(value, Tokens) else value.shape, np.int64)]


def _running_sum(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    """Add the parts along an axis one by one."""
    value, axis = inputs
    assert known(axis)
    if known(value):
        return [np.cumsum(value, int(axis), dtype=value.dtype)]
    parts = np.split(to.places(value), value.shape[int(axis)], int(axis))  # type: ignore[union-attr]  # tokens are never summed
    sums = [parts[0]]
    for part in parts[1:]:
        sums.append(to.map("{0} + {1}", Live(sums[-1]), Live(part)).places)
    return [Live(np.concatenate(sums, int(axis)))]


RULES: Final[dict[str, Rule]] = {
    **{operator: _moving(operator) for operator in _MOVES},
    "Shape": _shape,
    "CumSum": _running_sum,
}
