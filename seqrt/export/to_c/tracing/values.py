"""The values of a graph while it is traced, and what the rules of its operators build on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeGuard

import numpy as np

from seqrt.contract import Manifest
from seqrt.export.to_c.operations import Copy, Leaf, Map, Operation, Term
from seqrt.export.to_c.places import Array, Buffer, Buffers, Live, Places, is_run
from seqrt.export.to_c.text import number


@dataclass(frozen=True)
class Tokens:
    """The ids that a network reads in place of numbers.

    One outside the table reads its nearest row, or row 0, that of `unknown` tokens.
    """

    unknown: bool = False


Traced = Array | Live | Tokens
# An input that a node leaves out.
LEFT_OUT: Final[Array] = np.zeros(0)


class StepNode(NamedTuple):
    """A node of the graph: its operator, the names of inputs and outputs, its attributes."""

    name: str
    operator: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


class Operations:
    """The operations of a step under construction, and the memory that they work on."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.memory = Buffers()
        self.done: list[Operation] = []
        self.label = ""
        self._copies: dict[bytes, Buffer] = {}

    def append(self, operation: Operation) -> None:
        """Add an operation of the node that is being traced."""
        operation.label = self.label
        self.done.append(operation)

    def places(self, value: Traced) -> Places:
        """Return the places of a value, which makes a known one a constant in C."""
        if isinstance(value, Live):
            return value.places
        assert known(value)
        return self.memory.constant(value, self.label).places.reshape(value.shape)

    def run(self, value: Traced) -> Places:
        """Return the flat places of a value, one after the other in memory."""
        flat = self.places(value).ravel()
        if is_run(flat):
            return flat
        key = flat.tobytes()
        if key not in self._copies:
            self._copies[key] = self.memory.buffer("work", len(flat))
            self.append(Copy(self._copies[key], flat))
        return self._copies[key].places

    def map(self, template: str, *values: Traced) -> Live:
        """Compute an expression for each number of the values, which broadcast."""
        shapes = [value.shape for value in values if not isinstance(value, Tokens)]
        shape = np.broadcast_shapes(*shapes)
        out = self.memory.buffer("work", int(np.prod(shape, dtype=int)))
        arguments = tuple(self._argument(value, shape) for value in values)
        self.append(Map(out, Term(template, arguments)))
        return Live(out.places.reshape(shape))

    def _argument(self, value: Traced, shape: tuple[int, ...]) -> Leaf | str:
        if known(value) and value.size == 1:
            return number(float(np.float32(value.ravel()[0])))
        return Leaf(np.broadcast_to(self.places(value), shape).ravel())


Rule = Callable[[Operations, StepNode, list[Traced]], list[Traced]]


def known(value: Traced) -> TypeGuard[Array]:
    """Return whether a value is the same at every step."""
    return isinstance(value, np.ndarray)
