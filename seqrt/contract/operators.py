"""The operators that a model may use: the attributes of each, and its rule for shapes.

A shape is a tuple of sizes, of which "batch" and "time" are known only when the graph runs. The
rules treat these two apart from all others: no operator may sum, sort, split or join along them. So
a graph that passes never mixes rows, and only its recurrent layers carry values between steps.

To allow another operator, add a line to OPERATORS, and a rule if none of those below fits.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from seqrt.contract.idioms.fixed_node import BATCH, TIME, Shape, Size
from seqrt.contract.manifest import GATES, SMALLEST_DIVISOR, STATE_PARTS, Cell, Layer
from seqrt.contract.onnx_reader import FLOAT, INT32, INT64, guard_error

# The most inputs of a Concat, outputs of a Split, and integers in a constant.
_MOST = 256
_ACTIVATIONS = ("Tanh", "Relu")


class Value(NamedTuple):
    """A tensor in the graph: its ONNX type, its shape, and its bytes if it is constant."""

    kind: int
    shape: tuple[Size, ...]
    data: memoryview | None = None

    def __str__(self) -> str:
        """Return type and shape, for errors."""
        return f"type {self.kind} of shape {self.shape}"


# A value of a type that no operator accepts, so that no other node can read it.
HIDDEN: Final = Value(-1, ())
# An input that a node leaves out.
NOTHING: Final = Value(0, ())
# Inputs or outputs of a graph: names, shapes, types.
Declared = list[tuple[str, tuple[Size, ...], int]]


class LayerNode(NamedTuple):
    """A recurrent node: its layer, and the names of its initial states."""

    layer: Layer
    starts: list[str]


class NodeCall(NamedTuple):
    """The inputs and attributes of one node, and how many outputs it has."""

    inputs: list[Value]
    attributes: dict[str, Any]
    outputs: int

    def array(self, place: int, kind: int = FLOAT) -> Value:
        """Return the input at `place`; raise GraphError unless it is a tensor of type `kind`."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if value is None or value.kind != kind:
            raise GraphError(f"input {place} must be a tensor of type {kind}")
        return value

    def constant(self, place: int, kind: int = FLOAT) -> Value:
        """Return the input at `place`; raise GraphError unless it is a constant of type `kind`."""
        value = self.array(place, kind)
        if value.data is None:
            raise GraphError(f"input {place} must be an initialiser")
        return value

    def numbers(self, place: int) -> tuple[int, ...]:
        """Return the integers of the input at `place`, a constant vector of int64."""
        value = self.constant(place, INT64)
        if len(value.shape) != 1 or len(value.data or b"") > 8 * _MOST:
            raise GraphError(f"input {place} must be a vector of integers, got shape {value.shape}")
        return struct.unpack(f"<{value.shape[0]}q", value.data or b"")


Rule = Callable[[NodeCall], list[Value]]
Attributes = Mapping[str, Collection[Any] | type]


class Operator(NamedTuple):
    """An allowed operator: its rule, its fewest and most inputs, its attributes, its most outputs.

    A node must have these attributes, each of the values or the type given; `optional` may be left.
    """

    rule: Rule
    inputs: tuple[int, int]
    attributes: Attributes = MappingProxyType({})
    outputs: int = 1
    optional: Attributes = MappingProxyType({})


class GraphError(ValueError):
    """Shapes or types that do not fit together; the guard adds the name of the node."""


def _same(call: NodeCall) -> list[Value]:
    return [Value(FLOAT, call.array(0).shape)]


def _along_width(call: NodeCall) -> list[Value]:
    _width(call.array(0))
    return _same(call)


def _broadcast(call: NodeCall) -> list[Value]:
    return [Value(FLOAT, broadcast(call.array(0).shape, call.array(1).shape))]


def broadcast(a: Shape, b: Shape) -> Shape:
    """Return the shape of values of shapes `a` and `b`, element by element."""
    rank = max(len(a), len(b))
    a, b = ((1,) * (rank - len(shape)) + shape for shape in (a, b))
    return tuple(map(_either, a, b))


def _either(a: Size, b: Size) -> Size:
    if a != b and 1 not in (a, b):
        raise GraphError(f"sizes {a} and {b} do not broadcast")
    return b if a == 1 else a


def _divide(call: NodeCall) -> list[Value]:
    divisor = call.constant(1)
    if divisor.shape != (_width(call.array(0)),):
        raise GraphError(f"its divisor must have one number per column, got shape {divisor.shape}")
    for (number,) in struct.iter_unpack("<f", divisor.data or b""):
        if not abs(number) >= SMALLEST_DIVISOR:
            raise GraphError(f"it divides by {number}, too small for float32")
    return _broadcast(call)


def _transpose(call: NodeCall) -> list[Value]:
    shape, order = call.array(0).shape, call.attributes["perm"]
    if sorted(order) != list(range(len(shape))):
        raise GraphError(f"perm {order} is not a permutation of {len(shape)} axes")
    return [Value(FLOAT, tuple(shape[axis] for axis in order))]


def _squeeze(call: NodeCall) -> list[Value]:
    shape, axes = call.array(0).shape, call.numbers(1)
    if len(set(axes)) < len(axes) or any(shape[axis : axis + 1] != (1,) for axis in axes):
        raise GraphError(f"axes {axes} of shape {shape} must have size 1")
    return [Value(FLOAT, tuple(size for axis, size in enumerate(shape) if axis not in axes))]


def _unsqueeze(call: NodeCall) -> list[Value]:
    shape, axes = call.array(0).shape, call.numbers(1)
    if axes != (0,):
        raise GraphError(f"axes must be (0,), got {axes[:8]}")
    return [Value(FLOAT, (1, *shape))]


def _split(call: NodeCall) -> list[Value]:
    value, sizes = call.array(0), call.numbers(1)
    _check_last(call, value)
    if min(sizes, default=0) < 1 or sum(sizes) != _width(value) or len(sizes) != call.outputs:
        raise GraphError(f"sizes {sizes[:8]} do not split shape {value.shape} into {call.outputs}")
    return [Value(FLOAT, (*value.shape[:-1], size)) for size in sizes]


def _concat(call: NodeCall) -> list[Value]:
    values = [call.array(place) for place in range(len(call.inputs))]
    before = values[0].shape[:-1]
    _check_last(call, values[0])
    if any(value.shape[:-1] != before for value in values):
        raise GraphError(
            f"shapes {[value.shape for value in values[:8]]} must agree up to the last axis"
        )
    return [Value(FLOAT, (*before, sum(map(_width, values))))]


def _check_last(call: NodeCall, value: Value) -> None:
    """Raise GraphError unless the node splits or joins along the last axis, never batch or time."""
    if call.attributes["axis"] != len(value.shape) - 1:
        raise GraphError(f"axis must be the last one of shape {value.shape}")


def _reshape(call: NodeCall) -> list[Value]:
    shape, target = call.array(0).shape, call.numbers(1)
    unchanged = len(target) - 1
    merged = shape[unchanged:]
    if target != (0,) * unchanged + (-1,) or not merged or not all(type(n) is int for n in merged):
        raise GraphError(
            f"target {target[:8]} must merge the last axes of shape {shape}, not batch or time"
        )
    return [Value(FLOAT, (*shape[:unchanged], math.prod(map(int, merged))))]


def _matmul(call: NodeCall) -> list[Value]:
    a, weight = call.array(0), call.constant(1)
    if len(weight.shape) != 2 or weight.shape[0] != _width(a) or len(a.shape) < 2:
        raise GraphError(f"shapes {a.shape} and {weight.shape} do not multiply")
    return [Value(FLOAT, (*a.shape[:-1], weight.shape[1]))]


def _layer_norm(call: NodeCall) -> list[Value]:
    value = call.array(0)
    sizes = [call.constant(place).shape for place in (1, 2)]
    if sizes != [(_width(value),)] * 2 or not 0 < call.attributes["epsilon"] < 1:
        raise GraphError(
            f"weight and bias {sizes} must fit shape {value.shape}, and epsilon be between 0 and 1"
        )
    return [Value(FLOAT, value.shape)]


def _recurrent(cell: Cell) -> Rule:
    """Return the rule of the recurrent operator of `cell`."""
    gates, states = GATES[cell], len(STATE_PARTS[cell])

    def rule(call: NodeCall) -> list[Value]:
        x, lengths = call.array(0), call.array(4, INT32)
        directions = 2 if call.attributes["direction"] == "bidirectional" else 1
        units, width = call.attributes["hidden_size"], _width(x)
        state = (directions, BATCH, units)
        weights = [call.constant(place).shape for place in (1, 2, 3)]
        rows = gates * units
        wanted = [(directions, rows, width), (directions, rows, units), (directions, 2 * rows)]
        starts = [call.array(place).shape for place in range(5, len(call.inputs))]
        if x.shape[:-1] != (TIME, BATCH) or lengths.shape != (BATCH,):
            raise GraphError(
                f"it must read (time, batch, width) and lengths (batch,), got {x.shape}"
            )
        if weights != wanted:
            raise GraphError(f"W, R, B must have shapes {wanted}, got {weights}")
        if starts not in ([], [state] * states):
            raise GraphError(
                f"initial states must be {states} of shape {state} or none, got {starts}"
            )
        names = call.attributes.get("activations")
        if names is not None and names not in ([name] * directions for name in _ACTIVATIONS):
            raise GraphError(f"activations must be Tanh or Relu for each direction, got {names}")
        steps = Value(FLOAT, (TIME, directions, BATCH, units))
        return [steps, *[Value(FLOAT, state)] * states][: call.outputs]

    return rule


def _width(value: Value) -> int:
    """Return the size of the last axis; raise GraphError if that is batch or time."""
    last = value.shape[-1] if value.shape else None
    if not isinstance(last, int):
        raise GraphError(f"the last axis of shape {value.shape} must have a fixed size")
    return last


_LAYER: Attributes = {"direction": ("forward", "bidirectional"), "hidden_size": int}
_LAST: Attributes = {"axis": (-1,)}

OPERATORS: dict[str, Operator] = {
    "Add": Operator(_broadcast, (2, 2)),
    "Sub": Operator(_broadcast, (2, 2)),
    "Mul": Operator(_broadcast, (2, 2)),
    "Div": Operator(_divide, (2, 2)),
    "MatMul": Operator(_matmul, (2, 2)),
    "Sigmoid": Operator(_same, (1, 1)),
    "Softmax": Operator(_along_width, (1, 1), _LAST),
    "LayerNormalization": Operator(_layer_norm, (3, 3), {**_LAST, "epsilon": float}),
    "Transpose": Operator(_transpose, (1, 1), {"perm": list}),
    "Squeeze": Operator(_squeeze, (2, 2)),
    "Unsqueeze": Operator(_unsqueeze, (2, 2)),
    "Reshape": Operator(_reshape, (2, 2)),
    "Split": Operator(_split, (2, 2), {"axis": int}, _MOST),
    "Concat": Operator(_concat, (1, _MOST), {"axis": int}),
    "RNN": Operator(_recurrent("rnn"), (5, 6), {**_LAYER, "activations": list}, 2),
    "GRU": Operator(_recurrent("gru"), (5, 6), {**_LAYER, "linear_before_reset": (1,)}, 2),
    "LSTM": Operator(_recurrent("lstm"), (5, 7), _LAYER, 3),
}


def outputs_of(
    operator: str, call: NodeCall, operators: Mapping[str, Operator] = OPERATORS
) -> list[Value]:
    """Return the outputs of a node by the rule of its operator.

    Raises ModelError for a node that `operators` does not allow, GraphError if inputs do not fit.
    """
    allowed = operators.get(operator)
    if allowed is None:
        raise guard_error(f"has the operator {operator!r:.60}")
    least, most = allowed.inputs
    if not least <= len(call.inputs) <= most or not 1 <= call.outputs <= allowed.outputs:
        raise guard_error(
            f"has a {operator} with {len(call.inputs)} inputs and {call.outputs} outputs"
        )
    known = {**allowed.attributes, **allowed.optional}
    if not allowed.attributes.keys() <= call.attributes.keys() <= known.keys():
        raise guard_error(f"has a {operator} with attributes {sorted(map(str, call.attributes))}")
    for name, value in call.attributes.items():
        values = known[name]
        if not (isinstance(value, values) if isinstance(values, type) else value in values):
            raise guard_error(f"has a {operator} whose {name} is {value!r:.60}")
    return allowed.rule(call)
