"""The further operators that files of format 2 may use, and wider rules for some of format 1.

As in operators.py, no rule lets a node sum, sort, split, cut or join along batch or time, and batch
and time keep their places in a reshape. What does look along time is in idioms/.
"""

from __future__ import annotations

import math
import struct
from functools import reduce

from seqrt.contract.idioms.fixed_node import BATCH, TIME, Shape, Size, dilation_of, phase_sizes
from seqrt.contract.manifest import GATES, SMALLEST_DIVISOR, STATE_PARTS, Cell
from seqrt.contract.onnx_reader import FLOAT, INT32, INT64
from seqrt.contract.operators import (
    NOTHING,
    OPERATORS,
    Attributes,
    GraphError,
    NodeCall,
    Operator,
    Rule,
    Value,
    broadcast,
)

_MOST_AXES = 6
# The most products of two values of a row, and of two values over time for each step.
_MOST_PRODUCTS = 1 << 20
_MOST_PRODUCTS_OF_A_STEP = 1 << 16
_ACTIVATIONS = ("Tanh", "Relu")
_GATES = ("Sigmoid", "HardSigmoid")


def _joined(call: NodeCall) -> list[Value]:
    """Element by element over inputs that broadcast."""
    shapes = [call.array(place).shape for place in range(len(call.inputs))]
    return [Value(FLOAT, reduce(broadcast, shapes))]


def _scalars_after(call: NodeCall) -> list[Value]:
    """Element by element over the first input; the others are constant scalars, or left out."""
    for place in range(1, len(call.inputs)):
        if call.inputs[place] != NOTHING and call.constant(place).shape not in ((), (1,)):
            raise GraphError(f"input {place} must be one number")
    return [Value(FLOAT, call.array(0).shape)]


def _slopes(call: NodeCall) -> list[Value]:
    shape = call.array(0).shape
    if broadcast(shape, call.constant(1).shape) != shape:
        raise GraphError(f"slopes {call.inputs[1].shape} do not fit shape {shape}")
    return [Value(FLOAT, shape)]


def _divide(call: NodeCall) -> list[Value]:
    divisor = call.array(1)
    for (number,) in struct.iter_unpack("<f", divisor.data or b""):
        if not abs(number) >= SMALLEST_DIVISOR:
            raise GraphError(f"it divides by {number}, too small for float32")
    return _joined(call)


def _along_width(call: NodeCall) -> list[Value]:
    shape = call.array(0).shape
    _fixed(shape, len(shape) - 1)
    return [Value(FLOAT, shape)]


def _reduce(call: NodeCall) -> list[Value]:
    """Over axes of a fixed size, which ReduceSum has as an input and the others as an attribute."""
    shape = call.array(0).shape
    axes = call.attributes["axes"] if "axes" in call.attributes else call.numbers(1)
    if not axes or len(set(axes)) < len(axes):
        raise GraphError(f"axes {axes[:8]} must be different ones")
    for axis in axes:
        _fixed(shape, axis)
    kept = [
        size if axis not in axes else 1
        for axis, size in enumerate(shape)
        if axis not in axes or call.attributes["keepdims"]
    ]
    return [Value(FLOAT, tuple(kept))]


def _slice(call: NodeCall) -> list[Value]:
    shape = list(call.array(0).shape)
    starts, ends, axes = (call.numbers(place) for place in (1, 2, 3))
    steps = call.numbers(4) if len(call.inputs) > 4 else (1,) * len(axes)
    if not len(starts) == len(ends) == len(axes) == len(steps) == len(set(axes)):
        raise GraphError("starts, ends, axes and steps must be as many")
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = _fixed(tuple(shape), axis)
        if not step:
            raise GraphError("a step must not be 0")
        shape[axis] = len(range(*slice(start, end, step).indices(size)))
        if step < 0 and end < -size:
            shape[axis] = len(range(*slice(start, None, step).indices(size)))
    if 0 in shape:
        raise GraphError(f"nothing is left of shape {call.inputs[0].shape}")
    return [Value(FLOAT, tuple(shape))]


def _gather(call: NodeCall) -> list[Value]:
    shape, index, axis = call.array(0).shape, call.constant(1, INT64), call.attributes["axis"]
    size = _fixed(shape, axis)
    places = [place for (place,) in struct.iter_unpack("<q", index.data or b"")]
    if len(index.shape) > 1 or not all(0 <= place < size for place in places):
        raise GraphError(f"places {places[:8]} must be a vector of places in an axis of {size}")
    return [Value(FLOAT, (*shape[:axis], *index.shape, *shape[axis + 1 :]))]


def _split(call: NodeCall) -> list[Value]:
    shape, sizes, axis = call.array(0).shape, call.numbers(1), call.attributes["axis"]
    size = _fixed(shape, axis)
    if min(sizes, default=0) < 1 or sum(sizes) != size or len(sizes) != call.outputs:
        raise GraphError(f"sizes {sizes[:8]} do not split shape {shape} into {call.outputs}")
    return [Value(FLOAT, (*shape[:axis], part, *shape[axis + 1 :])) for part in sizes]


def _concat(call: NodeCall) -> list[Value]:
    axis, shapes = call.attributes["axis"], [call.array(i).shape for i in range(len(call.inputs))]
    sizes = [_fixed(shape, axis) for shape in shapes]
    around = {(shape[:axis], shape[axis + 1 :]) for shape in shapes}
    if len(around) > 1:
        raise GraphError(f"shapes {shapes[:8]} must agree but for axis {axis}")
    first = shapes[0]
    return [Value(FLOAT, (*first[:axis], sum(sizes), *first[axis + 1 :]))]


def _squeeze(call: NodeCall) -> list[Value]:
    shape, axes = call.array(0).shape, call.numbers(1)
    if len(set(axes)) < len(axes) or any(_fixed(shape, axis) != 1 for axis in axes):
        raise GraphError(f"axes {axes[:8]} of shape {shape} must have size 1")
    return [Value(FLOAT, tuple(size for axis, size in enumerate(shape) if axis not in axes))]


def _unsqueeze(call: NodeCall) -> list[Value]:
    shape, axes = list(call.array(0).shape), call.numbers(1)
    rank = len(shape) + len(axes)
    if rank > _MOST_AXES or sorted(set(axes) & set(range(rank))) != sorted(axes):
        raise GraphError(f"axes {axes[:8]} do not fit {rank} axes, at most {_MOST_AXES}")
    for axis in sorted(axes):
        shape.insert(axis, 1)
    return [Value(FLOAT, tuple(shape))]


def _reshape(call: NodeCall) -> list[Value]:
    """Only the axes after batch and time change; those before are kept, which 0 says."""
    shape, target = call.array(0).shape, call.numbers(1)
    kept = next((i for i, size in enumerate(target) if size), len(target))
    rest = shape[kept:]
    if kept > len(shape) or not all(isinstance(size, int) for size in rest):
        raise GraphError(f"target {target[:8]} must keep batch and time of shape {shape}")
    whole, new = math.prod(map(int, rest)), list(target[kept:])
    if new.count(-1) == 1:
        known = -math.prod(new)
        new[new.index(-1)] = whole // known if known > 0 else 0
    if min(new, default=1) < 1 or math.prod(new) != whole or len(target) > _MOST_AXES:
        raise GraphError(f"target {target[:8]} does not fit shape {shape}")
    return [Value(FLOAT, (*shape[:kept], *new))]


def _matmul(call: NodeCall) -> list[Value]:
    """By a constant matrix, or by another value, matrix by matrix for each row or each step."""
    a, b = call.array(0), call.array(1)
    if b.data is not None:
        return OPERATORS["MatMul"].rule(call)
    around, sizes = a.shape[:-2], (*a.shape[-2:], b.shape[-1] if b.shape else 0)
    fits = len(a.shape) == len(b.shape) > 2 and around == b.shape[:-2]
    if not fits or a.shape[-1] != b.shape[-2] or a.data is not None:
        raise GraphError(f"shapes {a.shape} and {b.shape} do not multiply")
    if BATCH not in around or not all(isinstance(size, int) for size in sizes):
        raise GraphError(f"shapes {a.shape} and {b.shape} would mix rows or steps")
    most = _MOST_PRODUCTS_OF_A_STEP if TIME in around else _MOST_PRODUCTS
    if math.prod(size for size in (*around, *sizes) if isinstance(size, int)) > most:
        raise GraphError(f"shapes {a.shape} and {b.shape} take too many products")
    return [Value(FLOAT, (*a.shape[:-1], b.shape[-1]))]


def _recurrent(cell: Cell) -> Rule:
    """Return the rule of a recurrent operator, over time by the lengths or over fixed steps."""
    gates, states = GATES[cell], len(STATE_PARTS[cell])

    def rule(call: NodeCall) -> list[Value]:
        x, direction = call.array(0), call.attributes["direction"]
        time, rows_of_x = _axes(call, x.shape, forward=direction == "forward")
        directions = 2 if direction == "bidirectional" else 1
        units, width = call.attributes["hidden_size"], _fixed(x.shape, len(x.shape) - 1)
        state: Shape = (directions, rows_of_x, units)
        weights = [call.constant(place).shape for place in (1, 2, 3)]
        rows = gates * units
        wanted = [(directions, rows, width), (directions, rows, units), (directions, 2 * rows)]
        starts = [call.array(place).shape for place in range(5, len(call.inputs))]
        if x.shape[:-1] != (time, rows_of_x) or (type(time) is int) != (call.inputs[4] == NOTHING):
            raise GraphError(
                "it must read (time, batch, width) with lengths, or (a number, batch, width)"
                f" without, got {x.shape}"
            )
        if weights != wanted or starts not in ([], [state] * states):
            raise GraphError(
                f"W, R, B must have shapes {wanted} and starts {state}, got {weights}, {starts}"
            )
        _check_activations(call, cell, directions)
        steps = Value(FLOAT, (time, directions, rows_of_x, units))
        return [steps, *[Value(FLOAT, state)] * states][: call.outputs]

    return rule


def _check_activations(call: NodeCall, cell: Cell, directions: int) -> None:
    """Raise GraphError unless both directions have the same functions, of those allowed.

    An RNN has one; a GRU one for its gates and one for its candidate; an LSTM the latter twice.
    """
    names = call.attributes.get("activations")
    if names is None:
        return
    gates, inner = ([], names[:1]) if cell == "rnn" else (names[:1], names[1:2])
    known = _ACTIVATIONS if cell == "rnn" else (*_ACTIVATIONS, "Sigmoid")
    wanted = (gates + inner * (2 if cell == "lstm" else 1)) * directions
    if not inner or names != wanted or not {*inner} <= {*known} or not {*gates} <= {*_GATES}:
        raise GraphError(
            f"activations must be the same for each direction, of {known}, and for the gates of"
            f" {_GATES}, got {names[:8]}"
        )


def _axes(call: NodeCall, shape: Shape, *, forward: bool) -> tuple[Size, Size]:
    """Return time and batch as the lengths say: those of the rows, or of their phases."""
    if call.inputs[4] == NOTHING:
        return (shape[0] if shape else TIME), BATCH
    lengths = call.array(4, INT32).shape
    if lengths == (BATCH,):
        return TIME, BATCH
    sizes = phase_sizes(dilation_of(shape[0] if shape else TIME))
    if lengths != sizes[1:] or not forward:
        raise GraphError("its lengths must be those of the rows, or of the phases that it reads")
    return sizes


def _fixed(shape: Shape, axis: int) -> int:
    """Return the size of an axis; raise GraphError if there is none or if it is batch or time."""
    size = shape[axis] if 0 <= axis < len(shape) else None
    if not isinstance(size, int):
        raise GraphError(f"axis {axis} of shape {shape} must have a fixed size")
    return size


_LAYER: Attributes = {"direction": ("forward", "reverse", "bidirectional"), "hidden_size": int}
_FUNCTIONS: Attributes = {"activations": list}
_UNARY = """Relu Tanh Sigmoid Exp Erf Neg Abs Sqrt Log Atanh Softsign Softplus HardSwish Reciprocal
Identity"""
_ALPHA = ("LeakyRelu", "Elu", "Celu")
_REDUCE: Attributes = {"axes": list, "keepdims": (0, 1)}

OPERATORS_FORMAT2: dict[str, Operator] = {
    **OPERATORS,
    **{name: Operator(_joined, (1, 1)) for name in _UNARY.split()},
    **{name: Operator(_joined, (2, 2)) for name in ("Add", "Sub", "Mul", "Max", "Min")},
    **{name: Operator(_joined, (1, 1), {"alpha": float}) for name in _ALPHA},
    **{name: Operator(_reduce, (1, 1), _REDUCE) for name in ("ReduceMax", "ReduceMin")},
    "ReduceMean": Operator(_reduce, (1, 1), _REDUCE),
    "ReduceSum": Operator(_reduce, (2, 2), {"keepdims": (0, 1)}),
    "HardSigmoid": Operator(_joined, (1, 1), {"alpha": float, "beta": float}),
    "Selu": Operator(_joined, (1, 1), {"alpha": float, "gamma": float}),
    "Div": Operator(_divide, (2, 2)),
    "Clip": Operator(_scalars_after, (1, 3)),
    "Pow": Operator(_scalars_after, (2, 2)),
    "PRelu": Operator(_slopes, (2, 2)),
    "LogSoftmax": Operator(_along_width, (1, 1), {"axis": (-1,)}),
    "Slice": Operator(_slice, (4, 5)),
    "Gather": Operator(_gather, (2, 2), {"axis": int}),
    "Split": OPERATORS["Split"]._replace(rule=_split),
    "Concat": OPERATORS["Concat"]._replace(rule=_concat),
    "Squeeze": Operator(_squeeze, (2, 2)),
    "Unsqueeze": Operator(_unsqueeze, (2, 2)),
    "Reshape": Operator(_reshape, (2, 2)),
    "MatMul": Operator(_matmul, (2, 2)),
    "RNN": Operator(_recurrent("rnn"), (5, 6), {**_LAYER, "activations": list}, 2),
    "GRU": Operator(
        _recurrent("gru"), (5, 6), {**_LAYER, "linear_before_reset": (0, 1)}, 2, _FUNCTIONS
    ),
    "LSTM": Operator(_recurrent("lstm"), (5, 7), _LAYER, 3, _FUNCTIONS),
}
