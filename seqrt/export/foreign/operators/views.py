"""Operators that only rename, move, cut or join axes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.table import OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import (
    Axis,
    B,
    Count,
    Ends,
    Fixed,
    GraphValue,
    Ramp,
    T,
    described,
    has,
)

_MOST_REPEATS = 1 << 16


@aten(
    "contiguous clone alias detach lift_fresh_copy _to_copy to type_as requires_grad float double"
    " copy lift_fresh detach_copy"
)
def same(g: Emitter, call: OperatorCall, value: Any, *more: Any, **_: Any) -> Any:
    """The value itself: all floating types are computed in float32."""
    if call.name.startswith("copy"):
        return more[0]
    return value


@aten("view reshape _unsafe_view flatten squeeze unsqueeze unflatten view_as _reshape_alias")
def view(g: Emitter, call: OperatorCall, value: Any, *_: Any, **__: Any) -> Any:
    """The same numbers under other axes."""
    if isinstance(value, Count | Ramp):
        return replace(value, sizes=call.sizes)
    if isinstance(value, Fixed):
        return _viewed_constant(value, call.sizes)
    if isinstance(value, Ends):
        if call.sizes == value.sizes:
            return value
        if len(value.parts) == 1 and call.sizes == value.sizes[1:]:
            return value.parts[0]
        value = g.value(value)
    if call.sizes == value.sizes:
        return value
    return replace(value, axes=_regrouped(value, call.sizes))


def _viewed_constant(value: Fixed, sizes: tuple[Any, ...]) -> Fixed:
    if value.alike:
        return Fixed(value.data.reshape((1,) * len(sizes)), sizes)
    fixed = [size if isinstance(size, int) else 1 for size in sizes]
    whole = all(isinstance(size, int) for size in value.sizes)
    data = value.data.expand(value.sizes) if whole else value.data
    if math.prod(fixed) != data.numel():
        raise Refused(f"a constant of {described(value.sizes)} is read as {described(sizes)}")
    return Fixed(data.reshape(fixed), sizes)


def _regrouped(value: GraphValue, sizes: tuple[Any, ...]) -> tuple[Axis, ...]:
    """Return the axes of a value read as `sizes`, row by row; refuse what would mix axes."""
    atoms: list[Axis] = []
    for axis in value.axes:
        atoms += list(axis) if isinstance(axis, str) else [axis] if axis != 1 else []
    axes: list[Axis] = []
    time = T + value.lead + value.tail
    for size in sizes:
        wanted: Any = size
        if not isinstance(wanted, int):
            names: dict[Any, str] = {B: "B", time: "T"}
            name = names.get(wanted, "")
            if wanted == B * time and len(atoms) > 1:
                name = "".join(map(str, atoms[:2]))
            if not name or list(name) != atoms[: len(name)]:
                raise _mixed(value, sizes)
            atoms = atoms[len(name) :]
            axes.append(name)
            continue
        left = wanted
        while left > 1:
            atom = atoms.pop(0) if atoms else ""
            if not isinstance(atom, int) or (left % atom and atom % left):
                raise _mixed(value, sizes)
            if atom > left:
                atoms.insert(0, atom // left)
                left = 1
            else:
                left //= atom
        axes.append(wanted)
    if atoms:
        raise _mixed(value, sizes)
    return tuple(axes)


def _mixed(value: GraphValue, sizes: tuple[Any, ...]) -> Refused:
    what = f"a tensor of {described(value.sizes)} is read as {described(sizes)}"
    first = value.axes[0]
    if isinstance(first, int) and "B" in value.axes and not value.over_time:
        return Refused(
            f"{what}, which mixes rows",
            "The states of a layer have the batch second: write h.permute(1, 0, 2) first.",
        )
    if any(has(size, T) and size not in (T, B * T) for size in sizes) or (
        value.over_time and not any(has(size, T) for size in sizes)
    ):
        return Refused(
            f"{what}, which joins features with time and fixes the number of steps",
            "Use the last step, a mean or a maximum over time.",
        )
    return Refused(f"{what}, which mixes rows, steps or features")


@aten("permute")
def permute(g: Emitter, call: OperatorCall, value: Any, order: list[int]) -> Any:
    """The axes in another order."""
    if isinstance(value, Fixed):
        sizes = tuple(value.sizes[axis] for axis in order)
        return Fixed(value.data.permute(order), sizes)
    if isinstance(value, Count | Ramp):
        return replace(value, sizes=call.sizes)
    value = g.value(value)
    places = [axis % len(value.axes) for axis in order]
    axes = tuple(value.axes[place] for place in places)
    fixed = [p for p in places if isinstance(value.axes[p], int) and value.axes[p] != 1]
    if fixed == sorted(fixed):
        return replace(value, axes=axes)
    real = tuple(size for size in value.fixed if size != 1)
    ranks = [sorted(fixed).index(place) for place in fixed]
    kept = 2 if value.over_time else 1
    perm = [*range(kept), *(kept + rank for rank in ranks)]
    name = g.node("Transpose", g.laid(value, *real), perm=perm)
    return replace(value, name=name, axes=axes, real=tuple(real[rank] for rank in ranks), end="")


@aten("transpose swapaxes swapdims")
def transpose(g: Emitter, call: OperatorCall, value: Any, a: int, b: int) -> Any:
    """Two axes exchanged."""
    order = list(range(len(call.sizes)))
    order[a], order[b] = order[b], order[a]
    return permute(g, call, value, order)


@aten("t numpy_T mT adjoint matrix_H")
def turned(g: Emitter, call: OperatorCall, value: Any) -> Any:
    """The last two axes exchanged."""
    return transpose(g, call, value, -1, -2)


@aten("movedim")
def movedim(g: Emitter, call: OperatorCall, value: Any, source: Any, target: Any) -> Any:
    """Axes moved."""
    rank = len(call.sizes)
    pairs = [(source, target)] if isinstance(source, int) else zip(source, target, strict=True)
    moved = {t % rank: s % rank for s, t in pairs}
    rest = iter([axis for axis in range(rank) if axis not in moved.values()])
    order = [moved[place] if place in moved else next(rest) for place in range(rank)]
    return permute(g, call, value, order)


@aten("expand repeat expand_as broadcast_to repeat_interleave")
def expand(g: Emitter, call: OperatorCall, value: Any, *_: Any, **__: Any) -> Any:
    """Axes of size 1 repeated."""
    sizes = call.sizes
    if isinstance(value, Count | Ramp):
        return replace(value, sizes=sizes)
    if isinstance(value, Fixed):
        data = value.data.reshape((1,) * (len(sizes) - value.data.ndim) + tuple(value.data.shape))
        if any(1 != had != size for had, size in zip(data.shape, sizes, strict=True)):
            data = data.repeat([s // d for s, d in zip(sizes, data.shape, strict=True)])
        return Fixed(data, sizes)
    if isinstance(value, Ends) and sizes == value.sizes:
        return value
    value = g.exact(g.value(value))
    had = (1,) * (len(sizes) - len(value.axes)) + value.axes
    axes: list[Axis] = []
    old_sizes = (1,) * (len(had) - len(value.sizes)) + value.sizes
    for axis, size, old in zip(had, sizes, old_sizes, strict=True):
        if size == old:
            axes.append(axis)
        elif axis != 1 or has(size, B):
            raise Refused(f"{described(value.sizes)} is repeated to {described(sizes)}")
        elif isinstance(size, int):
            axes.append(size)
        elif size == T:
            value = g.over_time(value)
            axes.append("T")
        else:
            raise Refused(f"a value is repeated over {size} steps")
    return _repeated(g, value, had, tuple(axes))


def _repeated(
    g: Emitter, value: GraphValue, had: tuple[Axis, ...], axes: tuple[Axis, ...]
) -> GraphValue:
    pairs = [(a, b) for a, b in zip(had, axes, strict=True) if isinstance(b, int)]
    if all(a == b for a, b in pairs):
        return GraphValue(value.name, axes, value.real)
    pairs = [pair for pair in pairs if pair != (1, 1)]
    real = tuple(int(a) for a, _ in pairs)
    wide = tuple(b for _, b in pairs)
    if math.prod(wide) > _MOST_REPEATS * math.prod(real):
        raise Refused(f"a value is repeated {math.prod(wide)} times")
    zeros = np.zeros([b if a == 1 else 1 for a, b in pairs])
    name = g.node("Add", g.laid(value, *real), g.const(zeros))
    return GraphValue(name, axes, wide)
