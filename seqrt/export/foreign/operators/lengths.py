"""Constants, masks, and what forward computes from the lengths.

A row is read alone, so its mask is true everywhere and its lengths are its own number of steps:
most of this folds away, and no index reaches the file.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy
import torch

from seqrt.contract import X
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.table import OPERATORS, OperatorCall, aten
from seqrt.export.foreign.operators.tokens import compared
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import B, Count, Ends, Fixed, GraphValue, Ramp, T


@aten(
    "zeros new_zeros zeros_like ones new_ones ones_like full new_full full_like scalar_tensor"
    " zero fill empty new_empty empty_like"
)
def full(g: Emitter, call: OperatorCall, *more: Any, **_: Any) -> Any:
    """A tensor of one number."""
    kind = call.name.split(".")[0]
    number: Any = math.nan if "empty" in kind else 0.0
    if "ones" in kind:
        number = 1.0
    if "full" in kind or "fill" in kind or kind == "scalar_tensor":
        number = more[0] if kind == "scalar_tensor" else more[1] if kind != "new_full" else more[2]
    if isinstance(number, Fixed | Count):
        number = number.number if isinstance(number, Fixed) else number.of
    if isinstance(number, sympy.Basic) and not number.is_number:
        return Count(number, call.sizes)
    return Fixed(torch.full((1,) * len(call.sizes), float(number), dtype=torch.float64), call.sizes)


@aten("arange")
def arange(g: Emitter, call: OperatorCall, *more: Any, **_: Any) -> Any:
    """0, 1, 2, ... along the batch, time, or a fixed axis."""
    size = call.sizes[0]
    if isinstance(size, int):
        bounds = [each for each in more if isinstance(each, (int, float))]
        return Fixed(torch.arange(*bounds), (size,))
    if size in (B, T) and (len(more) == 1 or more[0] == 0):
        return Ramp(size, (size,))
    raise Refused(f"torch.arange over {size}")


_MIRRORED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}


def _comparison(kind: str) -> Any:
    def compare(g: Emitter, call: OperatorCall, a: Any, b: Any) -> Any:
        name = kind
        if isinstance(b, Ramp):
            a, b, name = b, a, _MIRRORED.get(kind, kind)
        limit = b.of if isinstance(b, Count) else b
        if isinstance(a, Ramp) and limit == a.along and name in ("lt", "ge"):
            return _all(call, name == "lt")
        if isinstance(a, Ramp) and limit == a.along - 1 and name in ("le", "gt"):
            return _all(call, name == "le")
        if isinstance(a, Count) and isinstance(b, int) and b == 0 and name in ("gt", "le", "eq"):
            return _all(call, name == "gt")
        if isinstance(a, GraphValue) and isinstance(b, int | float | Fixed):
            test = getattr(torch, kind)
            if a.name == X:
                return compared(g, call, a, test, b)
            if a.name in g.masks and (not isinstance(b, Fixed) or b.alike):
                return _compared_mask(g, call, a, test, b)
        raise Refused(
            "forward decides by the values of x (a comparison), and a file has one path for all",
            "A mask by lengths can be: give forward a parameter named lengths.",
        )

    return compare


for _kind in ("lt", "gt", "le", "ge", "eq", "ne"):
    OPERATORS[_kind] = _comparison(_kind)


def _compared_mask(g: Emitter, call: OperatorCall, mask: GraphValue, test: Any, other: Any) -> Any:
    """Return the mask itself, its opposite, or the same everywhere."""
    number = other.number if isinstance(other, Fixed) else other
    no, yes = (bool(test(torch.tensor(float(each)), number)) for each in (0, 1))
    if no == yes:
        return _all(call, yes)
    return mask if yes else invert(g, call, mask)


def _all(call: OperatorCall, true: bool) -> Fixed:
    number = torch.full((1,) * len(call.sizes), float(true), dtype=torch.float64)
    return Fixed(number, call.sizes)


@aten("bitwise_not logical_not")
def invert(g: Emitter, call: OperatorCall, mask: Any) -> Any:
    """The opposite of a mask."""
    if isinstance(mask, GraphValue) and mask.name in g.masks:
        opposite = g.joined("Sub", 1.0, mask)
        g.masks.add(opposite.name)
        return opposite
    if not isinstance(mask, Fixed):
        raise Refused("a mask is computed from values")
    return Fixed(1 - mask.data.double(), mask.sizes)


def _joined_masks(operator: str) -> Any:
    def apply(g: Emitter, call: OperatorCall, a: Any, b: Any) -> Any:
        if any(isinstance(each, GraphValue) and each.name not in g.masks for each in (a, b)):
            raise Refused("a mask is computed from values")
        for one, other in ((a, b), (b, a)):
            if not isinstance(one, GraphValue):
                return _all(call, operator == "Max") if _mask(one) == (operator == "Max") else other
        result = g.joined(operator, a, b)
        g.masks.add(result.name)
        return result

    return apply


for _names, _operator in (
    ("logical_and bitwise_and __and__", "Min"),
    ("logical_or bitwise_or __or__", "Max"),
):
    aten(_names)(_joined_masks(_operator))


def _mask(mask: Any) -> bool:
    if isinstance(mask, Fixed) and mask.alike:
        return bool(mask.number)
    raise Refused(
        "values are chosen by values, or by a mask that differs from step to step",
        "A mask by lengths can be: give forward a parameter named lengths.",
    )


@aten("masked_fill")
def masked_fill(g: Emitter, call: OperatorCall, value: Any, mask: Any, number: Any) -> Any:
    """Numbers where a mask is true."""
    if isinstance(mask, GraphValue) and mask.name in g.masks:
        return _chosen(g, mask, number, value)
    if _mask(mask):
        return full(g, OperatorCall("full", call.sizes, call.all_sizes), None, number)
    return value


@aten("where")
def where(g: Emitter, call: OperatorCall, mask: Any, a: Any, b: Any) -> Any:
    """One of two, by a mask."""
    if isinstance(mask, GraphValue) and mask.name in g.masks:
        return _chosen(g, mask, a, b)
    return a if _mask(mask) else b


def _chosen(g: Emitter, mask: GraphValue, yes: Any, no: Any) -> GraphValue:
    """Return `yes` where a mask of ids is 1, `no` where it is 0."""
    first = g.joined("Mul", mask, yes)
    return g.joined("Add", first, g.joined("Mul", invert(g, OperatorCall("", (), ()), mask), no))


@aten("packed")
def packed(g: Emitter, call: OperatorCall, value: Any, lengths: Any) -> Any:
    """A packed sequence is the row itself, if it has the lengths that forward was given."""
    if isinstance(lengths, Count) and lengths.of == T:
        return value
    raise Refused(
        "pack_padded_sequence gets lengths that are computed from x",
        "Take them as an argument of forward named lengths: a file gets them with x.",
    )


@aten("gather")
def gather(g: Emitter, call: OperatorCall, value: Any, dim: int, index: Any, **_: Any) -> Any:
    """The last step of each row, which lengths - 1 names."""
    place = dim % len(value.sizes)
    if isinstance(index, Count) and index.of == value.sizes[place] - 1:
        last = OPERATORS["select"](g, call, value, place, -1)
        return last.viewed(*last.axes[:place], 1, *last.axes[place:])
    raise Refused(
        "torch.gather picks by computed places", "The last step by lengths - 1 can be picked."
    )


@aten("index")
def index(g: Emitter, call: OperatorCall, value: Any, places: list[Any]) -> Any:
    """The last step of each row by [arange(batch), lengths - 1], or fixed places of an axis."""
    used = [i for i, each in enumerate(places) if each is not None]
    last = [i for i in used if isinstance(places[i], Count) and places[i].of == value.sizes[i] - 1]
    rows = [i for i in used if isinstance(places[i], Ramp) and places[i].along == value.sizes[i]]
    if len(used) == 2 and len(last) == len(rows) == 1:
        return OPERATORS["select"](g, call, value, last[0], -1)
    if len(used) == 1 and isinstance(places[used[0]], Fixed):
        return _fixed_places(g, call, value, used[0], places[used[0]])
    raise Refused(
        "values are picked by computed places",
        "The last step, [torch.arange(batch), lengths - 1], can be picked.",
    )


@aten("index_select")
def index_select(g: Emitter, call: OperatorCall, value: Any, dim: int, places: Any) -> Any:
    """Fixed places of an axis."""
    if not isinstance(places, Fixed):
        raise Refused("values are picked by computed places")
    return _fixed_places(g, call, value, dim % len(value.sizes), places)


def _fixed_places(g: Emitter, call: OperatorCall, value: Any, place: int, places: Fixed) -> Any:
    if isinstance(value, Ends) and place == 0:
        return Ends(tuple(value.parts[int(i)] for i in places.data.reshape(-1)), call.sizes)
    value = g.exact(g.value(value))
    size = value.axes[place]
    numbers = [int(i) for i in places.data.expand(places.sizes).reshape(-1)]
    if not isinstance(size, int) or places.data.ndim != 1:
        raise Refused("steps or rows are picked by their places", "Use slices of the features.")
    before = [a for a in value.axes[:place] if isinstance(a, int) and a != 1]
    after = [a for a in value.axes[place + 1 :] if isinstance(a, int) and a != 1]
    whole = g.laid(value, *before, size, *after)
    at = (2 if value.over_time else 1) + len(before)
    entries = g.const(np.array([number % size for number in numbers]), np.int64)
    name = g.node("Gather", whole, entries, axis=at)
    axes = (*value.axes[:place], len(numbers), *value.axes[place + 1 :])
    return GraphValue(name, axes, (*before, len(numbers), *after))


@aten("item _local_scalar_dense")
def item(g: Emitter, call: OperatorCall, *_: Any) -> Any:
    """A number taken out of a tensor is refused."""
    raise Refused("forward decides by values (.item()), and a file has one path for all")
