"""Operators that look along time, or reduce an axis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from seqrt.contract import idioms
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.features import linear
from seqrt.export.foreign.operators.table import OPERATORS, OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Axis, Count, Fixed, GraphValue, T, described

# Steps that are picked one by one; more would make the graph too large.
_MOST_PICKED = 64


def _without(value: GraphValue, place: int, *instead: Axis) -> tuple[Axis, ...]:
    return (*value.axes[:place], *instead, *value.axes[place + 1 :])


def _check_time(value: GraphValue, place: int, what: str) -> None:
    if value.axes[place] != "T":
        raise Refused(
            f"{what} along axis {place} of {described(value.sizes)} mixes the rows of the batch",
            "Time is axis 1 of x unless the layers have batch_first=False.",
        )


@aten("step")
def step(g: Emitter, call: OperatorCall, value: GraphValue, place: int, at: int) -> GraphValue:
    """One step, counted from the start or from the end of the row."""
    _check_time(value, place, "picking one entry")
    value = g.exact(value)
    axes = _without(value, place)
    if at == -1 and value.end:
        return GraphValue(value.end, axes, (value.width,))
    if at >= 0:
        g.not_streamable(f"step {at} of the row is read after it has passed")
        make: Any = idioms.step_from_start
        kind, options = "first", {"at": at}
    else:
        if at < -1:
            g.not_streamable(f"step {at} of the row is read after it has passed")
        make, kind, options = idioms.step_from_end, "last", {"back": -at}
    name = g.along_time(make, kind, g.flat(value), value.width, **options)
    return GraphValue(name, axes, (value.width,))


@aten("steps")
def steps(
    g: Emitter, call: OperatorCall, value: GraphValue, place: int, start: Any, end: Any, stride: int
) -> GraphValue:
    """The first or the last few steps, or the tail of padding cut off."""
    size = call.sizes[place]
    if value.tail and start == 0 and stride == 1 and size == T + value.lead:
        return replace(value, tail=0, zeros=False)
    _check_time(value, place, "cutting")
    value = g.exact(value)
    if isinstance(size, int) and stride == 1 and size <= _MOST_PICKED:
        places = range(size) if not isinstance(start, int) or start >= 0 else range(-size, 0)
        if isinstance(start, int) and start > 0:
            places = range(start, start + size)
        parts = [step(g, call, value, place, at) for at in places]
        parts = [part.viewed(*_without(value, place, 1)) for part in parts]
        joined: GraphValue = OPERATORS["cat"](g, call, parts, place)
        return joined
    raise Refused(
        f"a part of the steps is read: {size} of {T}",
        "A file answers for as many steps as it reads; compute differences before it.",
    )


@aten("reversed")
def turned_steps(g: Emitter, call: OperatorCall, value: GraphValue) -> GraphValue:
    """The steps of each row from the last to the first."""
    g.not_streamable("the steps are reversed")
    name = g.along_time(idioms.reversed_steps, "reversed", g.flat(value), value.width)
    return replace(value, name=name, real=(value.width,), end="")


@aten("softmax_over_time")
def softmax_over_time(g: Emitter, call: OperatorCall, value: GraphValue) -> GraphValue:
    """Softmax over the steps of each row."""
    g.not_streamable("a softmax over all steps")
    name = g.along_time(idioms.time_softmax, "softmax", g.flat(value), value.width)
    return replace(value, name=name, real=(value.width,), end="")


def reduced(g: Emitter, call: OperatorCall, value: Any, dims: Any, keep: bool, kind: str) -> Any:
    """Return the sum, mean, max or min over axes: of the features, or of the steps of a row."""
    value = g.exact(g.value(value))
    rank = len(value.axes)
    places = sorted(
        {dim % rank for dim in ([dims] if isinstance(dims, int) else dims or range(rank))}
    )
    if any(
        isinstance(value.axes[place], str) and "B" in str(value.axes[place]) for place in places
    ):
        raise Refused(
            f"{kind} over {'everything' if len(places) == rank else 'the batch'} mixes rows",
            f"Name the axis: {kind}(dim=1) for time, dim=-1 for the features.",
        )
    for place in reversed(places):
        if value.axes[place] == "T":
            value = _over_steps(g, value, place, kind)
        elif value.axes[place] == 1:
            value = value.viewed(*_without(value, place, 1))
        else:
            value = _over_features(g, value, place, kind)
    axes = tuple(a for i, a in enumerate(value.axes) if keep or i not in places)
    return value.viewed(*axes)


def _over_features(g: Emitter, value: GraphValue, place: int, kind: str) -> GraphValue:
    before = [a for a in value.axes[:place] if isinstance(a, int) and a != 1]
    after = [a for a in value.axes[place + 1 :] if isinstance(a, int) and a != 1]
    axis = (2 if value.over_time else 1) + len(before)
    whole = g.laid(value, *before, int(value.axes[place]), *after)
    keep = int(not before and not after)
    if kind in ("sum", "mean") and not after:
        name = _product_with_ones(g, whole, value, place, kind)
        name = name if keep else g.node("Squeeze", name, g.integers(axis))
    elif kind == "sum":
        name = g.node("ReduceSum", whole, g.integers(axis), keepdims=keep)
    else:
        name = g.node(f"Reduce{kind.capitalize()}", whole, axes=[axis], keepdims=keep)
    real = (*before, *after) or (1,)
    return replace(value, name=name, axes=_without(value, place, 1), real=real, end="")


def _product_with_ones(g: Emitter, whole: str, value: GraphValue, place: int, kind: str) -> str:
    """Append the sum or mean along the last axis, which keeps size 1.

    The bits of ReduceSum and ReduceMean there depend on where in memory a row begins.
    """
    width = int(value.axes[place])
    ones = g.constant(f"ones{g.number('ones')}", np.ones((width, 1), np.float32))
    total = g.node("MatMul", whole, ones)
    return g.node("Div", total, g.const(float(width))) if kind == "mean" else total


def _over_steps(g: Emitter, value: GraphValue, place: int, kind: str) -> GraphValue:
    flat, width = g.flat(value), value.width
    what: Any = "sum" if kind == "mean" else kind
    piece = g.carry(what, width) if g.streaming else None
    start = piece.start if piece else ""
    if kind in ("sum", "mean"):
        made = idioms.time_sum(g.number("sum"), flat, width, start)
    else:
        g.once("inside", lambda: g.idiom(idioms.inside()))
        if piece:
            g.fresh()
        made = idioms.time_max(g.number(kind), flat, width, start, smallest=kind == "min")
    name = g.idiom(made)
    if piece:
        piece.end = made.carried
    result = GraphValue(name, _without(value, place, 1), (width,))
    return g.joined("Div", result, _count(g, len(result.axes))) if kind == "mean" else result


def _count(g: Emitter, rank: int) -> GraphValue:
    axes: tuple[Axis, ...] = ("B", *(1,) * (rank - 1))
    return GraphValue(g.steps(), axes, (1,))


def _reduction(kind: str) -> Any:
    def apply(
        g: Emitter, call: OperatorCall, value: Any, dims: Any = None, keep: bool = False, **_: Any
    ) -> Any:
        if isinstance(value, Fixed) and value.alike and kind == "sum":
            place = (dims if isinstance(dims, int) else dims[0]) % len(value.sizes)
            return Count(value.sizes[place] * int(value.number), call.sizes)
        result = reduced(g, call, value, dims, keep, kind)
        return [result, None] if len(call.all_sizes) > 1 else result

    return apply


for _names, _kind in (
    ("mean", "mean"),
    ("sum", "sum"),
    ("amax max", "max"),
    ("amin min", "min"),
):
    aten(_names)(_reduction(_kind))


@aten(
    "logsumexp std var std_mean var_mean median mode topk sort argmax argmin nonzero cumprod prod"
)
def refused_reduction(g: Emitter, call: OperatorCall, *_: Any, **__: Any) -> Any:
    """Reductions and orders that no node of the file can compute."""
    raise Refused(
        f"torch.{call.name.split('.')[0]} has no counterpart in the file",
        "Mean, sum, maximum and minimum have; normalise before the net, or per step.",
    )


@aten("cumsum")
def cumsum(g: Emitter, call: OperatorCall, value: Any, dim: int, **_: Any) -> Any:
    """The running sum along the features, as a product with a triangle of ones."""
    value = g.exact(g.value(value))
    place = dim % len(value.axes)
    axis = value.axes[place]
    if not isinstance(axis, int) or place != len(value.axes) - 1:
        raise Refused("a running sum over time is not carried", "Sum or average over time.")
    triangle = torch.ones(axis, axis).tril()
    return linear(g, call, value, Fixed(triangle, (axis, axis)))


@aten("adaptive_avg_pool1d adaptive_max_pool1d")
def adaptive_pool(g: Emitter, call: OperatorCall, value: Any, size: Any) -> Any:
    """A mean or maximum over all of time."""
    if list(size if isinstance(size, (tuple, list)) else [size]) != [1]:
        raise Refused(f"adaptive pooling to {size} steps", "Pool to 1.")
    kind = "mean" if "avg" in call.name else "max"
    result = reduced(g, call, value, -1, True, kind)
    return [result, None] if len(call.all_sizes) > 1 else result


@aten("max_pool2d avg_pool1d avg_pool2d max_pool1d max_pool1d_with_indices max_pool2d_with_indices")
def pool(g: Emitter, call: OperatorCall, *_: Any, **__: Any) -> Any:
    """Pooling to fewer steps is refused."""
    raise Refused(
        f"{call.name.split('.')[0]} makes fewer steps, and a file answers for as many as it reads",
        "Pool over all of time (x.amax(dim=1)) or leave the pooling out.",
    )
