"""Axes of values and constants that broadcast, aligned from the right as in torch."""

from __future__ import annotations

from torch import Tensor

from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Axis, Fixed, GraphValue, axis_of


def constant_part(fixed: Fixed, axes: tuple[Axis, ...]) -> tuple[Tensor, tuple[int, ...]]:
    """Return the numbers of a constant along the fixed axes of a result, and those axes."""
    real = tuple(axis for axis in axes if isinstance(axis, int) and axis != 1) or (1,)
    if fixed.alike:
        return fixed.data.reshape(()), real
    data = fixed.data.reshape((1,) * (len(axes) - fixed.data.ndim) + tuple(fixed.data.shape))
    sizes = zip(data.shape, axes, strict=True)
    if any(size != 1 and not isinstance(axis, int) for size, axis in sizes):
        raise Refused("a constant differs from step to step or from row to row")
    kept = [
        size
        for size, axis in zip(data.shape, axes, strict=True)
        if isinstance(axis, int) and axis != 1
    ]
    return data.reshape(kept or [1]), real


def broadcast_axes(operands: list[GraphValue | Fixed]) -> tuple[Axis, ...]:
    """Return the axes of operands that broadcast, aligned from the right."""
    rank = max(len(each.sizes) for each in operands)
    axes: list[Axis] = []
    for place in range(rank):
        found: list[Axis] = []
        for each in operands:
            at = place - rank + len(each.sizes)
            if at < 0:
                continue
            found.append(each.axes[at] if isinstance(each, GraphValue) else axis_of(each.sizes[at]))
        others = [axis for axis in found if axis != 1]
        axes.append(others[0] if others else 1)
    return tuple(axes)
