"""What the tensors of a traced forward are, told apart by how they depend on batch and time.

A size of a traced tensor is an expression in B and T, the numbers of rows and of steps. The file
computes each row as if it were alone, so T stands for the row's own length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sympy
from torch import Tensor

B: Final = sympy.Symbol("batch", integer=True, positive=True)
T: Final = sympy.Symbol("time", integer=True, positive=True)

# An axis of a traced tensor: a fixed size, or the batch, the time, or both merged in an order.
Axis = int | str
_MERGED: Final = {"B": (B,), "T": (T,), "BT": (B, T), "TB": (T, B)}


@dataclass(frozen=True)
class GraphValue:
    """A tensor of the ONNX graph.

    In the graph it has the shape (T, B, *real) if any axis has time, and (B, *real) if none has.
    `axes` are those of the traced tensor. Its fixed axes, in their order, hold the same numbers in
    the same order as `real`, so views and permutations of names need no node.

    `lead` zeros before the first step and `tail` steps after the last one are only virtual: a
    convolution that follows reads the zeros, and a slice that follows cuts the tail off. `zeros`
    says that the tail holds zeros. `end` names the last step, (B, W), if a layer computes it.
    """

    name: str
    axes: tuple[Axis, ...]
    real: tuple[int, ...]
    lead: int = 0
    tail: int = 0
    zeros: bool = False
    end: str = ""

    @property
    def over_time(self) -> bool:
        """Whether there is a value for each step."""
        return any("T" in axis for axis in self.axes if isinstance(axis, str))

    @property
    def fixed(self) -> tuple[int, ...]:
        """The fixed axes."""
        return tuple(axis for axis in self.axes if isinstance(axis, int))

    @property
    def width(self) -> int:
        """How many numbers there are for each step or row."""
        return math.prod(self.real)

    @property
    def sizes(self) -> tuple[Any, ...]:
        """The sizes of the traced tensor."""
        extra = self.lead + self.tail
        return tuple(
            axis if isinstance(axis, int) else math.prod((T + extra if s is T else s) for s in of)
            for axis in self.axes
            for of in [_MERGED[axis] if isinstance(axis, str) else ()]
        )

    def viewed(self, *axes: Axis) -> GraphValue:
        """Return the same numbers under other axes."""
        return replace(self, axes=axes)


@dataclass(frozen=True)
class Fixed:
    """A constant. It has the sizes given, and is repeated along axes where `data` has size 1."""

    data: Tensor
    sizes: tuple[Any, ...]

    @property
    def alike(self) -> bool:
        """Whether all its numbers are the same."""
        return self.data.numel() == 1

    @property
    def number(self) -> float:
        """The number, if all are the same."""
        return float(self.data.reshape(()))


@dataclass(frozen=True)
class Count:
    """A whole number for each row: an expression in its own number of steps."""

    of: Any
    sizes: tuple[Any, ...]


@dataclass(frozen=True)
class Ramp:
    """The numbers 0, 1, 2, ... along the batch or along time."""

    along: Any
    sizes: tuple[Any, ...]


@dataclass(frozen=True)
class Ends:
    """The states h or c that layers ended with, (layers, B, H): one value (B, H) for each."""

    parts: tuple[GraphValue, ...]
    sizes: tuple[Any, ...] = field(default=())


Traced = GraphValue | Fixed | Count | Ramp | Ends


def axis_of(size: Any) -> Axis:
    """Return the axis that has a size; "" if it is none that a value can have."""
    if isinstance(size, int):
        return size
    if size.is_number:
        return int(size)
    names: dict[Any, str] = {B: "B", T: "T", B * T: "BT"}
    return names.get(size, "")


def has(size: Any, symbol: Any) -> bool:
    """Return whether a size depends on the batch or on time."""
    return isinstance(size, sympy.Basic) and symbol in size.free_symbols


def described(sizes: tuple[Any, ...]) -> str:
    """Return sizes as text, such as (batch, time, 3)."""
    return "(" + ", ".join(str(size) for size in sizes) + ")"
