"""The table of ONNX's operators that can be read, filled by the modules beside this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrt.export.onnx_in.graph import OnnxNode
from seqrt.export.onnx_in.refusal import CannotCarry

# An end of a Slice that means "to the end" is this large or larger.
_FAR = 1 << 30


@dataclass(frozen=True)
class Numbers:
    """A tensor of whole numbers with no axis or one, such as a shape; sizes may be symbols."""

    values: tuple[Any, ...]
    scalar: bool = False

    @property
    def alike(self) -> bool:
        """Whether all are the same; symbols are compared by name, which fixes none of them."""
        return len({str(value) for value in self.values}) == 1

    def like(self, *values: Any) -> Numbers:
        """Return other numbers of the same kind."""
        return Numbers(values, self.scalar)


@dataclass(frozen=True)
class OnnxCall:
    """A node that is being run: the node, its opset, and which of its inputs are constants.

    `sizes` are those of x in this run, and `traced` is what they were when the file was made, where
    the file fixes them. `shape` is what the first input had then, and `varies` tells which of its
    axes depend on rows or steps; both are found by the first runs.
    """

    node: OnnxNode
    opset: int
    constants: dict[int, NDArray[Any]]
    sizes: tuple[Any, ...] = ()
    traced: tuple[int | None, ...] = ()
    shape: tuple[int, ...] = ()
    varies: tuple[bool, ...] = ()

    def __deepcopy__(self, memo: Any) -> OnnxCall:
        return self

    def attribute(self, name: str, default: Any) -> Any:
        """Return an attribute, or its default."""
        return self.node.attributes.get(name, default)

    def only(self, name: str, *allowed: Any) -> None:
        """Refuse an attribute with another value than the allowed ones, the default first."""
        value = self.attribute(name, allowed[0])
        if value not in allowed:
            raise CannotCarry(f"{name} is {value}; it must be {allowed[0]}")

    def number(self, place: int, name: str, default: float | None) -> float | None:
        """Return a constant number from an input, or from an attribute of older opsets."""
        if place in self.constants:
            array = self.constants[place]
            if array.size != 1:
                raise CannotCarry(f"{name} must be one number, got {array.size}")
            return float(array.reshape(()))
        if place < len(self.node.inputs) and self.node.inputs[place]:
            raise CannotCarry(f"{name} is computed; it must be a constant")
        value = self.attribute(name, default)
        return None if value is None else float(value)


Operator = Callable[..., Any]
OPERATORS: dict[str, Operator] = {}


def onnx_operator(names: str) -> Callable[[Operator], Operator]:
    """Enter a function of the call and the inputs of a node into the table, under these names."""

    def enter(function: Operator) -> Operator:
        for name in names.split():
            OPERATORS[name] = function
        return function

    return enter


def tensor(value: Any) -> Tensor:
    """Return a value as a tensor of floats; refuse numbers of a shape, and what is missing."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Numbers) and all(isinstance(v, (int, float)) for v in value.values):
        array = np.asarray(value.values[0] if value.scalar else value.values, np.float32)
        return torch.from_numpy(array)
    raise CannotCarry("it computes with the number of steps or rows" if value else "no input")


def whole_numbers(value: Any, what: str) -> list[Any]:
    """Return whole numbers, such as axes or a shape; refuse what is computed from values of x."""
    if isinstance(value, Numbers):
        return list(value.values)
    if isinstance(value, (list, tuple)):
        return list(value)
    raise CannotCarry(f"its {what} depend on the values of x")


def is_far(number: Any) -> bool:
    """Return whether an end of a slice means the end of the axis."""
    return isinstance(number, int) and number >= _FAR


def as_numbers(array: NDArray[Any]) -> Numbers | None:
    """Return a constant as numbers, None if it is a tensor of floats or a large one."""
    if array.dtype.kind not in "ib" or array.ndim > 1 or array.size > 4_096:
        return None
    return Numbers(tuple(array.reshape(-1).tolist()), array.ndim == 0)
