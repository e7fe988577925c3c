"""Operators that cut axes apart or join them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.table import OPERATORS, OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import B, Count, Ends, Fixed, GraphValue, Ramp, T, has


@aten("cat concat concatenate")
def cat(g: Emitter, call: OperatorCall, parts: list[Any], dim: int = 0, **_: Any) -> Any:
    """Values side by side."""
    place = dim % len(call.sizes)
    parts = [part for part in parts if not (isinstance(part, Fixed) and 0 in part.sizes)]
    if place == 0 and all(isinstance(part, Ends) for part in parts):
        return Ends(tuple(each for part in parts for each in part.parts), call.sizes)
    values = _level(g, [g.exact(g.value(part)) for part in parts])
    if any(value.axes[place] == "T" for value in values):
        raise Refused(
            "values are joined along time, so that padding of shorter rows would be between them",
            "To shift a sequence, pad it on the left with F.pad before a convolution.",
        )
    if any(isinstance(value.axes[place], str) for value in values):
        raise Refused("rows are joined, so that the batch would grow")
    axes = (*values[0].axes[:place], int(call.sizes[place]), *values[0].axes[place + 1 :])
    before = [i for i, a in enumerate(values[0].axes[:place]) if isinstance(a, int) and a != 1]
    after = [a for a in values[0].axes[place + 1 :] if isinstance(a, int) and a != 1]
    names, sizes = [], []
    for value in values:
        size = int(value.axes[place])
        real = (*(int(value.axes[i]) for i in before), size, *after)
        names.append(g.laid(value, *real))
        sizes.append(real)
    rank = 2 if values[0].over_time else 1
    name = g.side_by_side(names, rank + len(before))
    joined = sum(real[len(before)] for real in sizes)
    real = (*sizes[0][: len(before)], joined, *sizes[0][len(before) + 1 :])
    return GraphValue(name, axes, real)


def _level(g: Emitter, values: list[GraphValue]) -> list[GraphValue]:
    """Return values that all have time, or all have none."""
    if len({value.over_time for value in values}) == 1:
        return values
    return [v if v.over_time else replace(g.over_time(v), axes=v.axes) for v in values]


@aten("stack")
def stack(g: Emitter, call: OperatorCall, parts: list[Any], dim: int = 0) -> Any:
    """Values along a new axis."""
    place = dim % len(call.sizes)
    if place == 0 and all(isinstance(p, GraphValue) and p.axes[:1] == ("B",) for p in parts):
        whole = all(len(p.axes) == 2 and not p.over_time for p in parts)
        if whole:
            return Ends(tuple(parts), call.sizes)
    values = [g.value(part) for part in parts]
    values = [v.viewed(*v.axes[:place], 1, *v.axes[place:]) for v in values]
    return cat(g, call, values, place)


@aten("select")
def select(g: Emitter, call: OperatorCall, value: Any, dim: int, at: int) -> Any:
    """One entry of an axis, which goes."""
    place = dim % len(value.sizes)
    if isinstance(value, Ends) and place == 0:
        return value.parts[at]
    if isinstance(value, Count):
        return replace(value, sizes=call.sizes)
    if isinstance(value, Fixed):
        return Fixed(value.data.select(place, at if value.data.shape[place] > 1 else 0), call.sizes)
    value = g.value(value)
    axis = value.axes[place]
    rest = (*value.axes[:place], *value.axes[place + 1 :])
    if isinstance(axis, str):
        return OPERATORS["step"](g, call, value, place, at)
    part = _cut(g, value, place, at % axis, at % axis + 1, 1)
    return part.viewed(*rest)


@aten("slice")
def cut(
    g: Emitter,
    call: OperatorCall,
    value: Any,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> Any:
    """A part of an axis."""
    place, start = dim % len(value.sizes), 0 if start is None else start
    if isinstance(value, Count | Ramp):
        return replace(value, sizes=call.sizes)
    size = value.sizes[place]
    if call.name.startswith("slice") and call.sizes == value.sizes:
        return value
    if isinstance(value, Fixed):
        where = (slice(None),) * place + (slice(start, _number(end), step),)
        return Fixed(value.data if value.data.shape[place] == 1 else value.data[where], call.sizes)
    if isinstance(value, Ends) and place == 0:
        return Ends(value.parts[start : _number(end) : step], call.sizes)
    value = g.value(value)
    if not isinstance(size, int):
        return OPERATORS["steps"](g, call, value, place, start, end, step)
    first, last, stride = slice(start, _number(end), step).indices(size)
    return _cut(g, value, place, first, last, stride)


def _number(end: Any) -> int | None:
    return end if isinstance(end, int) and end < 1 << 60 else None


def _cut(g: Emitter, value: GraphValue, place: int, start: int, end: int, step: int) -> GraphValue:
    """Return part of a fixed axis."""
    size = len(range(start, end, step))
    axes = (*value.axes[:place], size, *value.axes[place + 1 :])
    if size == value.axes[place] and step == 1:
        return value
    before = [a for a in value.axes[:place] if isinstance(a, int) and a != 1]
    after = [a for a in value.axes[place + 1 :] if isinstance(a, int) and a != 1]
    axis = (2 if value.over_time else 1) + len(before)
    whole = g.laid(value, *before, int(value.axes[place]), *after)
    bounds = [g.integers(n) for n in (start, end, axis)] + ([g.integers(step)] if step != 1 else [])
    name = g.node("Slice", whole, *bounds)
    return replace(value, name=name, axes=axes, real=(*before, size, *after), end="")


@aten("split chunk split_with_sizes unbind tensor_split")
def split(g: Emitter, call: OperatorCall, value: Any, *more: Any, **_: Any) -> Any:
    """An axis cut into parts."""
    unbind = call.name.startswith("unbind")
    dim = more[0] if unbind and more else more[1] if not unbind and len(more) > 1 else 0
    place = dim % len(value.sizes)
    if has(value.sizes[place], B) or has(value.sizes[place], T):
        raise Refused("rows or steps are split", "Split along the features.")
    parts, at = [], 0
    for sizes in call.all_sizes:
        one = OperatorCall("part", sizes, (sizes,), call.module)
        if unbind:
            parts.append(select(g, one, value, place, at))
            at += 1
        else:
            size = int(sizes[place])
            parts.append(cut(g, one, value, place, at, at + size))
            at += size
    return parts


@aten("flip")
def flip(g: Emitter, call: OperatorCall, value: Any, dims: list[int]) -> Any:
    """An axis turned round."""
    value = g.exact(g.value(value))
    place = dims[0] % len(value.axes)
    axis = value.axes[place]
    if len(dims) != 1 or axis in ("B", "BT", "TB"):
        raise Refused("several axes, or the rows of the batch, are turned round")
    if axis == "T":
        return OPERATORS["reversed"](g, call, value)
    before = [a for a in value.axes[:place] if isinstance(a, int) and a != 1]
    after = [a for a in value.axes[place + 1 :] if isinstance(a, int) and a != 1]
    at = (2 if value.over_time else 1) + len(before)
    index = g.const(np.arange(int(axis))[::-1], np.int64)
    whole = g.laid(value, *before, int(axis), *after)
    name = g.node("Gather", whole, index, axis=at)
    return replace(value, name=name, real=(*before, int(axis), *after), end="")
