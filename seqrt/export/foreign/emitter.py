"""The ONNX graph that is being written: nodes, constants, idioms, and pieces of the state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seqrt.contract import X, idioms
from seqrt.contract.idioms.fixed_node import FRESH, Idiom
from seqrt.contract.manifest import Carried, Layer
from seqrt.export.foreign.broadcasting import broadcast_axes, constant_part
from seqrt.export.foreign.tracing.refusal import NotStreamable, Refused
from seqrt.export.foreign.values import Axis, Count, Ends, Fixed, GraphValue, T, axis_of
from seqrt.export.graph.builder import GraphBuilder

# Above the largest float32 that is a sum of ordinary numbers, and still finite.
_LARGEST = 3.4e38


@dataclass
class Piece:
    """A piece of the state: what it holds, its size, the names of its start and its end."""

    what: Carried
    size: int
    start: str
    end: str = ""


class Emitter(GraphBuilder):
    """Writes the nodes of a graph; equal nodes are written once.

    `streaming` is whether the network shall carry its state from call to call. What cannot be
    carried raises NotStreamable then.
    """

    def __init__(self, *, streaming: bool) -> None:
        """Start an empty graph."""
        super().__init__()
        self.streaming = streaming
        self.pieces: list[Piece] = []
        self.layers: dict[str, Layer] = {}
        self.least = 1
        # How many ids x may have, and the names of the masks of them.
        self.tokens, self.masks = 0, set[str]()
        self._written: dict[Any, Any] = {}
        self._numbers: dict[str, int] = {}
        self._sources: dict[str, str] = {}
        self.halves: dict[str, tuple[str, int]] = {}

    # Nodes and constants.

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Return the output of a node, written if there is none like it."""
        key = (operator, inputs, repr(sorted(attributes.items())))
        if key not in self._written:
            name = f"v{len(self._written)}"
            self._written[key] = self.add(operator, list(inputs), name, **attributes)
        name = self._written[key]
        return str(name)

    def const(self, values: Tensor | NDArray[Any] | float, kind: Any = np.float32) -> str:
        """Return the name of a constant."""
        array = values.detach().double().numpy() if isinstance(values, Tensor) else values
        array = np.asarray(array).astype(kind)
        if kind is np.float32 and not np.isfinite(array).all():
            array = np.clip(array, -_LARGEST, _LARGEST)
        key = (array.tobytes(), array.shape, str(array.dtype))
        if key not in self._written:
            self._written[key] = self.constant(f"c{len(self.constants)}", array)
        name = self._written[key]
        return str(name)

    def integers(self, *numbers: int) -> str:
        """Return the name of a vector of int64 numbers."""
        return self.axes(*numbers)

    def once(self, key: Any, build: Callable[[], Any]) -> Any:
        """Return what `build` returned the first time that it was asked for by this key."""
        if key not in self._written:
            self._written[key] = build()
        return self._written[key]

    def unsqueezed(self, name: str) -> str:
        """Return a value (B, W) as (1, B, W)."""
        return self._sources.get(name) or self.node("Unsqueeze", name, self.integers(0))

    def squeezed(self, name: str) -> str:
        """Return a value (1, B, W) as (B, W)."""
        output = self.node("Squeeze", name, self.integers(0))
        self._sources[output] = name
        return output

    # Idioms and state.

    def number(self, kind: str) -> int:
        """Return the number of the next idiom of a kind."""
        self._numbers[kind] = self._numbers.get(kind, -1) + 1
        return self._numbers[kind]

    def along_time(self, make: Callable[..., Idiom], kind: str, *args: Any, **options: Any) -> str:
        """Write a numbered idiom and return its output."""

        def build() -> str:
            made = make(self.number(kind), *args, **options)
            if any(name.startswith("inside.") for name in made.reads):
                self.once("inside", lambda: self.idiom(idioms.inside()))
            self.least = max(self.least, made.least)
            return self.idiom(made)

        return str(self.once((kind, args, repr(options)), build))

    def carry(self, what: Carried, size: int) -> Piece:
        """Add a piece of the state; return it, its end still to be set."""
        piece = Piece(what, size, f"start{len(self.pieces)}")
        self.pieces.append(piece)
        return piece

    def steps(self) -> str:
        """Return the steps of each row so far, (B, 1); a stream counts those of earlier calls."""
        if not self.streaming:
            return str(self.once("count", lambda: self.idiom(idioms.count())))

        def build() -> str:
            piece = self.carry("steps", 1)
            made = idioms.steps(piece.start)
            piece.end = made.carried
            return self.idiom(made)

        return str(self.once("steps", build))

    def fresh(self) -> str:
        """Return 1 before the first step of a stream, 0 after it, (B, 1)."""
        self.steps()
        return FRESH

    def not_streamable(self, why: str) -> None:
        """Stop if the network shall stream."""
        if self.streaming:
            raise NotStreamable(why)

    # Shapes.

    def laid(self, value: GraphValue, *real: int) -> str:
        """Return the name of a value with the fixed axes `real`; free where it has them."""
        if value.real == real:
            return value.name
        kept = (0, 0) if value.over_time else (0,)
        return self.node("Reshape", value.name, self.integers(*kept, *real))

    def flat(self, value: GraphValue) -> str:
        """Return a value as (T, B, W) or (B, W)."""
        return self.laid(value, value.width)

    def wide(self, value: GraphValue) -> tuple[str, tuple[int, ...]]:
        """Return a value whose last real axis is its last fixed one, and all its real axes."""
        fixed = value.fixed or (1,)
        real = (*(size for size in fixed[:-1] if size != 1), fixed[-1])
        return self.laid(value, *real), real

    def exact(self, value: Any) -> Any:
        """Return a value without virtual steps; stops or refuses if it has any."""
        if isinstance(value, GraphValue) and (value.lead or value.tail):
            raise Refused(
                "steps of padding are computed with",
                "Pad only for a convolution, and cut its output to the length of x.",
            )
        return value

    def value(self, traced: Any) -> GraphValue:
        """Return a traced tensor as a value; constants and lengths are made one for each row."""
        if isinstance(traced, GraphValue):
            return traced
        if isinstance(traced, Ends):
            return self._joined_ends(traced)
        if isinstance(traced, Count):
            return self._counted(traced)
        if isinstance(traced, Fixed):
            return self._repeated(traced)
        raise Refused("positions are read as numbers", "Make them a feature of x.")

    def side_by_side(self, names: list[str], axis: int) -> str:
        """Return values joined along an axis; both halves of a layer's state are one value."""
        if len(names) == 1:
            return names[0]
        halves = [self.halves.get(name, ("", 0)) for name in names]
        whole = halves[0][0]
        if whole and halves == [(whole, 0), (whole, 1)]:
            rows = self.node("Transpose", whole, perm=[1, 0, 2])
            return self.node("Reshape", rows, self.integers(0, -1))
        return self.node("Concat", *names, axis=axis)

    def _joined_ends(self, ends: Ends) -> GraphValue:
        names = [self.flat(part) for part in ends.parts]
        name = self.side_by_side(names, 1)
        width = ends.parts[0].width
        return GraphValue(name, (len(names), "B", width), (len(names) * width,))

    def _counted(self, count: Count) -> GraphValue:
        """Return a number for each row, (B, 1), that is linear in its steps."""
        slope, rest = count.of.coeff(T, 1), count.of.coeff(T, 0)
        if slope * T + rest != count.of or not (slope.is_number and rest.is_number):
            raise Refused(f"a number of {count.of} is computed for each row")
        name = self.steps()
        if slope != 1:
            name = self.node("Mul", name, self.const(float(slope)))
        if rest != 0:
            name = self.node("Add", name, self.const(float(rest)))
        axes = tuple(axis_of(size) for size in count.sizes)
        return GraphValue(name, axes, (1,))

    def _repeated(self, fixed: Fixed) -> GraphValue:
        """Return a constant as (B, W), or as (T, B, W) if it has a time axis."""
        axes = tuple(axis_of(size) for size in fixed.sizes)
        numbers, real = constant_part(fixed, axes)
        numbers = numbers.expand(real) if numbers.ndim else numbers
        zeros = self.node("Mul", self.once("count", self._count), self.const(0.0))
        ones = (1,) * len(real)
        if len(real) > 1:
            zeros = self.node("Reshape", zeros, self.integers(0, *ones))
        full = numbers if numbers.ndim else numbers.expand(real)
        name = self.node("Add", zeros, self.const(full))
        value = GraphValue(name, tuple(a for a in axes if a != "T"), real)
        if "T" not in axes:
            return value
        self.not_streamable("a constant is put beside every step")
        return replace(self.over_time(value), axes=axes)

    def _count(self) -> str:
        return self.idiom(idioms.count())

    def over_time(self, value: GraphValue) -> GraphValue:
        """Repeat a value (B, W) on every step, under the axes (T, B, W)."""
        self.not_streamable("what is known after the last step is put back on every step")
        rows = self.unsqueezed(self.flat(value))
        width = value.width
        name = self.along_time(idioms.masked, "masked", rows, width, over_time=False)
        return GraphValue(name, ("T", "B", width), (width,))

    def read_x(self, features: int, *, flat: bool) -> GraphValue:
        """Return x (B, T, D) of the file, as the (B, T, D) or (B, T) that forward reads."""
        name = self.node("Transpose", X, perm=[1, 0, 2])
        return GraphValue(name, ("B", "T") if flat else ("B", "T", features), (features,))

    # Element by element.

    def unary(self, value: Any, operator: str, *more: str, **attributes: Any) -> GraphValue:
        """Apply an operator to each number."""
        of = self.value(value)
        if of.lead or of.zeros:
            self.exact(of)
        return replace(of, name=self.node(operator, of.name, *more, **attributes), end="")

    def joined(self, operator: str, *operands: Any) -> GraphValue:
        """Apply an operator to operands that broadcast, element by element."""
        traced = [self.value(each) if isinstance(each, Ends | Count) else each for each in operands]
        values = [each for each in traced if isinstance(each, GraphValue)]
        self._check_together(values)
        axes = broadcast_axes([each for each in traced if isinstance(each, GraphValue | Fixed)])
        same = {(value.fixed, value.real) for value in values}
        plain = all(not isinstance(e, Fixed) or e.alike for e in traced) and len(same) == 1
        real = values[0].real
        if not plain:
            real = tuple(a for a in axes if isinstance(a, int) and a != 1) or (1,)
        inputs = [self._operand(each, axes, None if plain else real) for each in traced]
        first = next((value for value in values if value.over_time), values[0])
        name = self.node(operator, *inputs)
        return GraphValue(name, axes, real, first.lead, first.tail, first.zeros)

    def _check_together(self, values: list[GraphValue]) -> None:
        timed = [value for value in values if value.over_time]
        if timed and len(timed) < len(values):
            self.not_streamable("what is known after the last step is put back on every step")
        if len({(value.lead, value.tail) for value in timed}) > 1:
            raise Refused("steps of different places meet", "Cut both to the length of x first.")
        for value in timed:
            if value.lead or value.zeros:
                self.exact(value)

    def _operand(self, each: Any, axes: tuple[Axis, ...], real: tuple[int, ...] | None) -> str:
        if isinstance(each, GraphValue):
            if real is None:
                return each.name
            padded = (1,) * (len(axes) - len(each.axes)) + each.axes
            wanted = tuple(
                own if isinstance(own, int) else 1
                for own, axis in zip(padded, axes, strict=True)
                if isinstance(axis, int) and axis != 1
            )
            return self.laid(each, *(wanted or (1,)))
        if isinstance(each, Fixed):
            return self.const(constant_part(each, axes)[0])
        return self.const(float(each))
