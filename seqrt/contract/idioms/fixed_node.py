"""Nodes and constants that a file must have exactly as they are written here."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from seqrt.contract.onnx_reader import BOOL, FLOAT, INT64

BATCH, TIME = "batch", "time"
Size = int | str
Shape = tuple[Size, ...]

# What a maximum or a softmax reads in place of the steps past the end of a row: below every
# float32 that a network computes with, and still finite.
LOWEST: Final = -3.4e38

# The names that all idioms share.
MASK: Final = "inside.0.mask"
FRESH: Final = "steps.0.fresh"


class FixedNode(NamedTuple):
    """A node with one output, whose name is also the node's."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


class Constant(NamedTuple):
    """A constant: its ONNX type, its shape, its bytes."""

    kind: int
    shape: tuple[int, ...]
    data: bytes


class Idiom(NamedTuple):
    """A group of nodes that belong together.

    `reads` has the type and shape of each value that comes from outside, and `writes` that of each
    value that other nodes may read; all others stay inside. `output` is the first of `writes`.
    `carried` is what a stream keeps of it, (1, B, n), to be joined into `state_out`. A row must
    have at least `least` steps.
    """

    nodes: list[FixedNode]
    constants: dict[str, Constant]
    reads: Mapping[str, tuple[int, Shape]]
    writes: Mapping[str, tuple[int, Shape]]
    carried: str = ""
    least: int = 1

    @property
    def output(self) -> str:
        """The name of the main output."""
        return next(iter(self.writes))


def phase_sizes(dilation: int) -> tuple[Size, Size]:
    """Return the sizes that time and batch have where every phase of a dilated layer is a row."""
    return f"{TIME}/{dilation}", f"{BATCH}*{dilation}"


def dilation_of(time: Size) -> int:
    """Return the dilation that a size of `phase_sizes` names, 1 for any other size."""
    return int(str(time).partition("/")[2] or 1)


def without_phases(shape: Shape) -> Shape:
    """Return a shape with time and batch where it has those of `phase_sizes`."""
    plain = {f"{TIME}/": TIME, f"{BATCH}*": BATCH}
    return tuple(plain.get(str(size).rstrip("0123456789"), size) for size in shape)


class Writer:
    """Collects the nodes and constants of one idiom; `head` begins the name of each node."""

    def __init__(self, kind: str, number: int) -> None:
        self.head = f"{kind}.{number}."
        self.nodes: list[FixedNode] = []
        self.constants: dict[str, Constant] = {}

    def add(self, operator: str, inputs: list[str], part: str, **attributes: Any) -> str:
        """Append a node; return the name of its output."""
        output = self.head + part
        self.nodes.append(FixedNode(operator, tuple(inputs), output, attributes))
        return output

    def constant(self, constant: tuple[str, Constant]) -> str:
        """Add a constant with its name; return the name."""
        name, value = constant
        self.constants[name] = value
        return name

    def axes(self, *numbers: int) -> str:
        """Add a vector of int64 numbers; return its name."""
        return self.constant(int_constant(*numbers))

    def number(self, number: int) -> str:
        """Add an int64 scalar; return its name."""
        return self.constant(int_constant(number, scalar=True))

    def value(self, value: float) -> str:
        """Add a float32 scalar; return its name."""
        return self.constant(float_constant(value))

    def lengths(self, name: str, minus: int = 0) -> str:
        """Append the nodes for `lengths` minus a number as a column of int64 (B, 1)."""
        wide = self.add("Cast", [name], "lengths", to=INT64)
        if minus:
            wide = self.add("Sub", [wide, self.number(minus)], "place")
        return self.add("Unsqueeze", [wide, self.axes(1)], "places")

    def idiom(
        self,
        reads: Mapping[str, Shape],
        writes: Mapping[str, Shape],
        *,
        masked: bool = False,
        carried: str = "",
        size: int = 0,
        least: int = 1,
    ) -> Idiom:
        """Return the idiom; `size` is that of `carried`, and `masked` says that it reads MASK."""
        inputs = {name: (FLOAT, shape) for name, shape in reads.items()}
        outputs = {name: (FLOAT, shape) for name, shape in writes.items()}
        if masked:
            inputs[MASK] = (BOOL, (TIME, BATCH, 1))
        if carried:
            outputs[carried] = (FLOAT, (1, BATCH, size))
        return Idiom(self.nodes, self.constants, inputs, outputs, carried, least)


def int_constant(*numbers: int, scalar: bool = False) -> tuple[str, Constant]:
    """Return a vector of int64 numbers, or a scalar, with the name that it has in every graph."""
    data = struct.pack(f"<{len(numbers)}q", *numbers)
    name = "_".join(["number" if scalar else "axes", *map(str, numbers)])
    return name, Constant(INT64, () if scalar else (len(numbers),), data)


def float_constant(value: float) -> tuple[str, Constant]:
    """Return a float32 scalar with the name that it has in every graph."""
    return f"value_{value!r}", Constant(FLOAT, (), struct.pack("<f", value))
