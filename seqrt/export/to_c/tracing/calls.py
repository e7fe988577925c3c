"""Operators that compute rows of numbers: products, sums, softmax, normalisation, look-ups."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from seqrt.export.to_c.operations import RoutineCall, TableRow
from seqrt.export.to_c.places import Live, Places
from seqrt.export.to_c.products import Product
from seqrt.export.to_c.text import number
from seqrt.export.to_c.tracing.moving import RULES as MOVES
from seqrt.export.to_c.tracing.values import Operations, Rule, StepNode, Tokens, Traced, known

_REDUCTIONS: Final = {
    "ReduceSum": "sum",
    "ReduceMean": "mean",
    "ReduceMax": "most",
    "ReduceMin": "least",
}


def _call(
    to: Operations, routine: str, shape: tuple[int, ...], *arguments: Places | str
) -> list[Traced]:
    out = to.memory.buffer("work", int(np.prod(shape, dtype=int)))
    to.append(RoutineCall(routine, out, arguments))
    return [Live(out.places.reshape(shape))]


def _matmul(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    """Multiply by a constant matrix, or matrices by matrices."""
    a, b = inputs
    left, right = to.places(a).shape, to.places(b).shape if not known(b) else b.shape
    if known(b) and b.ndim == 2:
        out = to.memory.buffer("work", int(np.prod(left[:-1], dtype=int)) * right[1])
        to.append(Product(out, to.run(a), b.astype(np.float32), node.inputs[1]))
        return [Live(out.places.reshape(*left[:-1], right[1]))]
    n, m, o = left[-2], left[-1], right[-1]
    pairs = int(np.prod(left[:-2], dtype=int))
    sizes = [str(size) for size in (pairs, n, m, o)]
    return _call(to, "matrices", (*left[:-1], o), to.run(a), to.run(b), *sizes)


def _along_width(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    if node.attributes["axis"] != -1:
        raise NotImplementedError(node.operator)
    shape, x = to.places(inputs[0]).shape, to.run(inputs[0])
    routine = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[node.operator]
    return _call(to, routine, shape, x, str(len(x) // shape[-1]), str(shape[-1]))


def _layer_norm(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    shape, (x, weight, bias) = to.places(inputs[0]).shape, map(to.run, inputs)
    epsilon = number(float(np.float32(node.attributes["epsilon"])))
    sizes = str(len(x) // shape[-1]), str(shape[-1])
    return _call(to, "norm", shape, x, weight, bias, epsilon, *sizes)


def _reduce(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    """Bring the axes to the end, and reduce each row."""
    axes: Any = node.attributes.get("axes")
    if axes is None:
        assert known(inputs[1])
        axes = [int(axis) for axis in inputs[1]]
    places = to.places(inputs[0])
    rest = [axis for axis in range(places.ndim) if axis not in axes]
    shape = tuple(
        1 if axis in axes else size
        for axis, size in enumerate(places.shape)
        if axis not in axes or node.attributes["keepdims"]
    )
    moved = places.transpose(*rest, *axes)
    count = int(np.prod([places.shape[axis] for axis in axes], dtype=int))
    if count == 1:
        return [Live(moved.reshape(shape))]
    rows = str(places.size // count)
    return _call(to, _REDUCTIONS[node.operator], shape, to.run(Live(moved)), rows, str(count))


def _gather(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    """Look ids up in a table, and move everything else."""
    table, ids = inputs
    if not isinstance(ids, Tokens):
        return MOVES["Gather"](to, node, inputs)
    assert known(table)
    values = table.astype(np.float32)
    out = to.memory.buffer("work", values.shape[1])
    to.append(TableRow("lookup_known" if ids.unknown else "lookup", out, values))
    return [Live(out.places.reshape(1, 1, -1))]


def _where(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    """Put 0 in place of ids outside the table, and move everything else."""
    return [inputs[0]] if isinstance(inputs[0], Tokens) else MOVES["Where"](to, node, inputs)


RULES: Final[dict[str, Rule]] = {
    "MatMul": _matmul,
    "Softmax": _along_width,
    "LogSoftmax": _along_width,
    "LayerNormalization": _layer_norm,
    "Gather": _gather,
    "Where": _where,
    **dict.fromkeys(_REDUCTIONS, _reduce),
}
