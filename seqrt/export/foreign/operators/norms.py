"""Norms, deviations and normalisations over the features, made of simpler operators."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch

from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.over_time import reduced
from seqrt.export.foreign.operators.table import OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Axis, Fixed, GraphValue


def _over(g: Emitter, value: Any, dims: Any, kind: str) -> GraphValue:
    """Reduce fixed axes, which are kept with size 1."""
    value = g.exact(g.value(value))
    places = [dims] if isinstance(dims, int) else list(dims or range(len(value.axes)))
    if any(isinstance(value.axes[place], str) for place in places):
        raise Refused(
            "a norm, deviation or variance over steps or rows is not among what a file can hold",
            "Give dim=-1, the features.",
        )
    call = OperatorCall(kind, (), ((),))
    result: GraphValue = reduced(g, call, value, places, True, kind)
    return result


def _shaped(value: GraphValue, call: OperatorCall, dims: Any) -> GraphValue:
    """Return a value with the axes that were reduced, or without them, as the call has it."""
    rank = len(value.axes)
    if len(call.sizes) == rank:
        return value
    places = {dim % rank for dim in ([dims] if isinstance(dims, int) else dims)}
    return replace(value, axes=tuple(a for i, a in enumerate(value.axes) if i not in places))


@aten("linalg_vector_norm norm")
def vector_norm(
    g: Emitter,
    call: OperatorCall,
    value: Any,
    order: float = 2,
    dims: Any = None,
    *_: Any,
    **__: Any,
) -> Any:
    """The Euclidean norm, or the sum or maximum of absolute values."""
    dims = dims if dims is not None else list(range(len(g.value(value).axes)))
    if order == 2:
        result = g.unary(_over(g, g.joined("Mul", value, value), dims, "sum"), "Sqrt")
    elif order in (1, float("inf")):
        result = _over(g, g.unary(value, "Abs"), dims, "sum" if order == 1 else "max")
    else:
        raise Refused(f"a norm of order {order}", "Use 1, 2 or infinity.")
    return _shaped(result, call, dims)


@aten("std var")
def deviation(
    g: Emitter, call: OperatorCall, value: Any, dims: Any = None, *more: Any, **options: Any
) -> Any:
    """The standard deviation or variance over the features or over the steps."""
    # std.dim has the arguments unbiased and keepdim, std.correction has named ones.
    correction = options.get("correction", int(more[0]) if more else 1)
    if isinstance(dims, bool) or dims is None:
        raise Refused("a deviation without its axis", "Give dim=-1, the features.")
    value = g.exact(g.value(value))
    correction = 1 if correction is None else float(correction)
    if [value.axes[place] for place in _places(dims)] == ["T"]:
        return _over_steps(g, call, value, _places(dims), correction)
    centred = g.joined("Sub", value, _over(g, value, dims, "mean"))
    total = _over(g, g.joined("Mul", centred, centred), dims, "sum")
    places = _places(dims)
    count = 1
    for place in places:
        count *= int(value.axes[place])
    variance = g.joined("Mul", total, 1 / max(count - correction, 1e-30))
    result = g.unary(variance, "Sqrt") if call.name.startswith("std") else variance
    return _shaped(result, call, dims)


def _over_steps(
    g: Emitter, call: OperatorCall, value: GraphValue, dims: list[int], correction: float
) -> GraphValue:
    """Return the deviation or variance over the steps of each row.

    It takes the mean first, as the sum of squares alone would lose digits, so it does not stream.
    """
    g.not_streamable(f"{call.name.split('.')[0]} over all steps")
    steps = OperatorCall("steps", (), ((),))
    centred = g.joined("Sub", value, reduced(g, steps, value, dims, True, "mean"))
    total = reduced(g, steps, g.joined("Mul", centred, centred), dims, True, "sum")
    rows: tuple[Axis, ...] = tuple("B" if axis == "B" else 1 for axis in total.axes)
    count = GraphValue(g.steps(), rows, (1,))
    if correction:
        count = g.joined("Sub", count, correction)
        g.least = max(g.least, 1 + math.ceil(correction))
    variance = g.joined("Div", total, count)
    result = g.unary(variance, "Sqrt") if call.name.startswith("std") else variance
    return _shaped(result, call, dims)


def _places(dims: int | list[int]) -> list[int]:
    return [dims] if isinstance(dims, int) else list(dims)


@aten("rms_norm")
def rms_norm(
    g: Emitter,
    call: OperatorCall,
    value: Any,
    shape: list[int],
    weight: Fixed | None = None,
    epsilon: float | None = None,
) -> Any:
    """X over the root of its mean square, times a weight."""
    if len(shape) != 1:
        raise Refused(f"nn.RMSNorm must normalise the features only, got shape {tuple(shape)}")
    floor = torch.finfo(torch.float32).eps if epsilon is None else epsilon
    square = _over(g, g.joined("Mul", value, value), -1, "mean")
    result = g.joined("Div", value, g.unary(g.joined("Add", square, float(floor)), "Sqrt"))
    return result if weight is None else g.joined("Mul", result, weight)


@aten("group_norm")
def group_norm(
    g: Emitter,
    call: OperatorCall,
    value: Any,
    groups: int,
    weight: Fixed | None = None,
    bias: Fixed | None = None,
    epsilon: float = 1e-5,
    *_: Any,
) -> Any:
    """Normalisation of groups of features (B, C)."""
    value = g.exact(g.value(value))
    if len(value.axes) != 2 or not isinstance(value.axes[1], int):
        raise Refused(
            "nn.GroupNorm over all steps of a row mixes steps", "Use nn.LayerNorm on the features."
        )
    split = value.viewed(value.axes[0], groups, value.axes[1] // groups)
    centred = g.joined("Sub", split, _over(g, split, -1, "mean"))
    variance = _over(g, g.joined("Mul", centred, centred), -1, "mean")
    normal = g.joined("Div", centred, g.unary(g.joined("Add", variance, float(epsilon)), "Sqrt"))
    result = normal.viewed(*value.axes)
    result = result if weight is None else g.joined("Mul", result, weight)
    return result if bias is None else g.joined("Add", result, bias)


@aten("cosine_similarity")
def cosine(
    g: Emitter, call: OperatorCall, a: Any, b: Any, dim: int = 1, epsilon: float = 1e-8
) -> Any:
    """The product of two vectors over that of their lengths."""
    product = _over(g, g.joined("Mul", a, b), dim, "sum")
    result = product
    for each in (a, b):
        if isinstance(each, Fixed):
            length = each.data.double().norm(dim=dim, keepdim=True).clamp(min=epsilon)
            sizes = tuple(1 if i == dim % len(each.sizes) else s for i, s in enumerate(each.sizes))
            result = g.joined("Div", result, Fixed(length, sizes))
        else:
            square = _over(g, g.joined("Mul", each, each), dim, "sum")
            size = g.unary(g.unary(square, "Sqrt"), "Clip", g.const(float(epsilon)))
            result = g.joined("Div", result, size)
    return _shaped(result, call, dim)
