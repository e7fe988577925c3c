"""Operators that rename, move, cut or join axes, and the arithmetic of shapes."""

from __future__ import annotations

import math
from typing import Any

import torch
from numpy.typing import NDArray

from seqrt.export.onnx_in.operators.frozen import without_frozen_sizes
from seqrt.export.onnx_in.operators.table import (
    Numbers,
    OnnxCall,
    is_far,
    onnx_operator,
    tensor,
    whole_numbers,
)
from seqrt.export.onnx_in.refusal import CannotCarry

_MOST_NUMBERS = 4_096


@onnx_operator("Shape")
def _shape(call: OnnxCall, x: Any) -> Any:
    """The sizes of a value."""
    sizes = (len(x.values),) if isinstance(x, Numbers) else tuple(x.shape)
    return Numbers(sizes[call.attribute("start", 0) : call.attribute("end", None)])


@onnx_operator("ReduceProd")
def _product(call: OnnxCall, x: Any, *_: Any) -> Any:
    """The product of the numbers of a shape."""
    if not isinstance(x, Numbers):
        raise CannotCarry("a product over an axis has no counterpart in a file")
    return Numbers((math.prod(x.values),), scalar=not call.attribute("keepdims", 1))


@onnx_operator("ConstantOfShape")
def _constant_of_shape(call: OnnxCall, sizes: Any) -> Any:
    """A tensor of one number."""
    value = call.attribute("value", None)
    number = 0.0 if value is None else value.reshape(-1)[0].item()
    target = whole_numbers(sizes, "sizes")
    if isinstance(number, float):
        return torch.full(tuple(target), number)
    if len(target) > 1:
        raise CannotCarry("whole numbers with several axes are made")
    known = isinstance(target[0], int) if target else True
    count = min(target[0], _MOST_NUMBERS) if target and known else 1
    return Numbers((number,) * count, scalar=not target)


@onnx_operator("Range")
def _arange(call: OnnxCall, *bounds: Any) -> Any:
    """Whole numbers of a fixed range."""
    found = [whole_numbers(each, "bounds")[0] for each in bounds]
    fixed = all(isinstance(each, int) for each in found) and found[2]
    if not fixed or len(range(*found)) > _MOST_NUMBERS:
        raise CannotCarry("positions of steps or rows are computed with", "Make them a feature.")
    return Numbers(tuple(range(*found)))


@onnx_operator("Reshape")
def _reshape(call: OnnxCall, x: Any, sizes: Any) -> Any:
    """The same numbers under other axes."""
    target = whole_numbers(sizes, "sizes")
    if isinstance(x, Numbers) and len(target) <= 1:
        return Numbers(x.values, scalar=not target)
    if isinstance(x, Numbers) and all(isinstance(value, int) for value in x.values):
        x = torch.tensor(x.values)
    x = tensor(x)
    if 1 in call.constants and call.shape and any(call.traced):
        return x.reshape(without_frozen_sizes(call, target, list(x.shape)))
    target = [x.shape[i] if isinstance(s, int) and s == 0 else s for i, s in enumerate(target)]
    return x.reshape(target)


@onnx_operator("Flatten")
def _flatten(call: OnnxCall, x: Any) -> Any:
    """Two axes: those before one, and the rest."""
    x = tensor(x)
    axis = call.attribute("axis", 1) % (x.ndim + 1)
    before = math.prod(x.shape[:axis])
    return x.reshape(before, -1 if axis < x.ndim else 1)


@onnx_operator("Transpose")
def _transpose(call: OnnxCall, x: Any) -> Any:
    """The axes in another order."""
    x = tensor(x)
    order = call.attribute("perm", None) or list(range(x.ndim))[::-1]
    if sorted(order) != list(range(x.ndim)):
        raise CannotCarry(f"its order {order[:8]} does not fit {x.ndim} axes")
    return x.permute(order)


def axes_of(call: OnnxCall, given: Any, rank: int) -> list[int] | None:
    """Return the axes of a node, an input of newer opsets and an attribute of older ones."""
    found = call.attribute("axes", None) if given is None else whole_numbers(given, "axes")
    if found is None:
        return None
    if not all(isinstance(axis, int) and -rank <= axis < rank for axis in found):
        raise CannotCarry(f"its axes {found[:8]} do not fit {rank} axes")
    return [axis % rank for axis in found]


@onnx_operator("Squeeze")
def _squeeze(call: OnnxCall, x: Any, axes: Any = None) -> Any:
    """Axes of size 1 go."""
    if isinstance(x, Numbers):
        if len(x.values) != 1:
            raise CannotCarry("several numbers are read as one")
        return Numbers(x.values, scalar=True)
    x = tensor(x)
    sizes = call.shape or tuple(x.shape)
    places = axes_of(call, axes, x.ndim)
    if places is None:
        places = [axis for axis, size in enumerate(sizes) if size == 1]
    for axis in places:
        if not isinstance(x.shape[axis], int) or sizes[axis] != 1:
            raise CannotCarry(
                f"it removes axis {axis}, which is the rows, the steps, or not of size 1"
            )
    kept = [size for axis, size in enumerate(x.shape) if axis not in places]
    return x.reshape(kept)


@onnx_operator("Unsqueeze")
def _unsqueeze(call: OnnxCall, x: Any, axes: Any = None) -> Any:
    """New axes of size 1."""
    if isinstance(x, Numbers):
        if not x.scalar:
            raise CannotCarry("a shape gets a second axis")
        return Numbers(x.values)
    x = tensor(x)
    given = call.attribute("axes", None) if axes is None else whole_numbers(axes, "axes")
    rank = x.ndim + len(given or [])
    for axis in sorted(axes_of(call, axes, rank) or []):
        x = x.unsqueeze(axis)
    return x


@onnx_operator("Concat")
def _concat(call: OnnxCall, *parts: Any) -> Any:
    """Values side by side."""
    if all(isinstance(part, Numbers) for part in parts):
        return Numbers(tuple(value for part in parts for value in part.values))
    return torch.cat([tensor(part) for part in parts], call.attribute("axis", 0))


@onnx_operator("Split")
def _split(call: OnnxCall, x: Any, sizes: Any = None) -> Any:
    """An axis cut into parts."""
    axis, count = call.attribute("axis", 0), len(call.node.outputs)
    given = call.attribute("split", None) if sizes is None else whole_numbers(sizes, "sizes")
    whole = len(x.values) if isinstance(x, Numbers) else tensor(x).shape[axis]
    if given is None:
        if not isinstance(whole, int):
            raise CannotCarry("it splits the rows or the steps")
        part = -(-whole // count)
        given = [min(part, whole - part * i) for i in range(count)]
    if isinstance(x, Numbers):
        ends = [sum(given[: i + 1]) for i in range(len(given))]
        return tuple(
            Numbers(x.values[end - size : end]) for size, end in zip(given, ends, strict=True)
        )
    return torch.split(tensor(x), given, axis)


@onnx_operator("Slice")
def _cut(call: OnnxCall, x: Any, *bounds: Any) -> Any:
    """Parts of axes."""
    names = ("starts", "ends", "axes", "steps")
    given = [
        whole_numbers(bounds[i], name)
        if i < len(bounds) and bounds[i] is not None
        else call.attribute(name, None)
        for i, name in enumerate(names)
    ]
    starts, ends = given[0] or [], given[1] or []
    axes = given[2] if given[2] is not None else list(range(len(starts)))
    steps = given[3] if given[3] is not None else [1] * len(starts)
    if isinstance(x, Numbers):
        start, end = (bound[0] if bound else None for bound in (starts, ends))
        return x.like(*x.values[start : None if is_far(end) else end : steps[0] if steps else 1])
    x = tensor(x)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        x = _one_cut(x, axis % x.ndim, start, end, step)
    return x


def _one_cut(x: Any, axis: int, start: Any, end: Any, step: Any) -> Any:
    if not isinstance(step, int) or step == 0 or (step < 0 and not _whole_turn(start, end, step)):
        raise CannotCarry("it reads an axis backwards in part")
    if step == -1:
        return x.flip(axis)
    last = None if is_far(end) or _same(end, x.shape[axis]) else end
    return x[(slice(None),) * axis + (slice(start, last, step),)]


def _whole_turn(start: Any, end: Any, step: int) -> bool:
    return step == -1 and (start == -1 or is_far(start)) and isinstance(end, int) and is_far(-end)


def _same(a: Any, b: Any) -> bool:
    """Return whether two sizes are the same symbol; to compare them would fix it."""
    return not isinstance(a, int) and str(a) == str(b)


@onnx_operator("Gather")
def _gather(call: OnnxCall, x: Any, places: Any) -> Any:
    """Entries of an axis at fixed places."""
    axis, found = call.attribute("axis", 0), whole_numbers(places, "places")
    if isinstance(x, Numbers):
        picked = tuple(x.values[place] for place in found)
        return Numbers(picked, scalar=places.scalar)
    x = tensor(x)
    axis %= x.ndim
    size = x.shape[axis]
    found = [-1 if _same(place, size - 1) else place for place in found]
    if not all(isinstance(place, int) for place in found):
        raise CannotCarry("it picks a step by a number that is computed", "Pick the last step.")
    if places.scalar:
        return x.select(axis, found[0])
    step = found[1] - found[0] if len(found) > 1 else 1
    if found == list(range(found[0], found[0] + len(found) * step, step or 1)) and step > 0:
        last = found[-1] + 1
        return x[(slice(None),) * axis + (slice(found[0], last or None, step),)]
    return torch.index_select(x, axis, torch.tensor(found))


@onnx_operator("Expand")
def _expand(call: OnnxCall, x: Any, sizes: Any) -> Any:
    """Axes of size 1 repeated."""
    target = whole_numbers(sizes, "sizes")
    if isinstance(x, Numbers) and len(target) <= 1:
        return Numbers(x.values[:1] if x.alike else x.values)
    x = tensor(x)
    had = [1] * (len(target) - x.ndim) + list(x.shape)
    target = [1] * (len(had) - len(target)) + target
    x = x.reshape(had)
    if 1 in call.constants:
        target = [_unfrozen(call, size, one) for size, one in zip(target, had, strict=True)]
    elif 0 in call.constants:
        x = _narrowed(x, call.constants[0].reshape(had), target)
    pairs = zip(target, x.shape, strict=True)
    return x.expand([o if isinstance(t, int) and t == 1 else t for t, o in pairs])


def _unfrozen(call: OnnxCall, size: int, own: Any) -> Any:
    """Return the size that a constant size of an Expand means, for an axis of `own` values."""
    if isinstance(own, int) and own == 1:
        return dict(zip(call.traced, call.sizes, strict=True)).get(size, size)
    if size == 1 or size in call.traced or (isinstance(own, int) and size == own):
        return own
    raise CannotCarry(f"it repeats an axis to {size}, whose size depends on the rows or steps")


def _narrowed(x: Any, data: NDArray[Any], target: list[Any]) -> Any:
    """Return a constant with one row where its equal rows were made for a batch of fixed size."""
    for axis, (size, own) in enumerate(zip(target, tuple(x.shape), strict=True)):
        varies = not isinstance(size, int) or size != own
        if own > 1 and varies and size != 1:
            if (data != data.take([0], axis)).any():
                raise CannotCarry("its rows differ, and a file computes each row alike")
            x = x.narrow(axis, 0, 1)
    return x


@onnx_operator("Tile")
def _tile(call: OnnxCall, x: Any, times: Any) -> Any:
    """A value repeated along its axes."""
    found = whole_numbers(times, "repeats")
    if isinstance(x, Numbers):
        if not x.alike:
            raise CannotCarry("different numbers are repeated")
        return Numbers(x.values[:1])
    return tensor(x).repeat(found)
