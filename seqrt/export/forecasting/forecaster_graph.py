"""The ONNX graph of a forecaster under construction, with the short forms that its equations need.

Values over time are (T, B, W), and (T, B, n, m) for n seasons of m steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.export.graph.stack_graph import StackGraph
from seqrt.training.networks.forecasting.forecaster import Forecaster


class ForecasterGraph(StackGraph):
    """A graph with sums, parts and operations on constants in one line each.

    Every function appends nodes and returns the name of their output; `name` is that name, or
    begins it. `starts_of_lags` are the pieces of the state with the lags of the values and with
    those that are known; they are empty if there is a single lag.
    """

    def __init__(self, net: Forecaster) -> None:
        """Begin with the nodes that split the state."""
        super().__init__(net.carries)
        chains = [self.start() for _ in net.layer.carries]
        self.starts_of_lags = [self.start() if net.architecture.lags > 1 else "" for _ in range(2)]
        self._starts = iter(chains)

    def scalar(self, value: float) -> str:
        """Add a float32 scalar as a constant."""
        return self.constant(f"scalar_{value!r}", np.array(value, np.float32))

    def floats(self, name: str, values: NDArray[Any]) -> str:
        """Add a float32 array as a constant."""
        return self.constant(name, np.asarray(values, np.float32))

    def total(self, value: str, width: int, name: str, first: int = 0) -> str:
        """Sum (T, B, W) along the last axis, from place `first` on: (T, B, 1).

        It is a product with ones, because the bits of ReduceSum depend on where a row is in memory.
        """
        ones = (np.arange(width) >= first)[:, None]
        return self.add("MatMul", [value, self.floats(f"ones_{first}_{width}", ones)], name)

    def mean(self, value: str, width: int, count: str, name: str, first: int = 0) -> str:
        """Sum along the last axis, from place `first` on, and divide by `count`."""
        return self.add("Div", [self.total(value, width, f"{name}_total", first), count], name)

    def count(self, known: str, width: int, name: str, first: int = 0) -> str:
        """Count the known values along the last axis, from place `first` on, at least 1."""
        return self.at_least_one(self.total(known, width, f"{name}_total", first), name)

    def at_least_one(self, value: str, name: str) -> str:
        """Replace what is less than 1 by 1."""
        return self.add("Max", [value, self.scalar(1.0)], name)

    def part(self, value: str, first: int, last: int, name: str) -> str:
        """Cut the places from `first` to before `last` out of the last axis of (T, B, W)."""
        bounds = [self.axes(first), self.axes(last), self.axes(2)]
        return self.add("Slice", [value, *bounds], name)

    def pick(self, value: str, places: list[int], name: str) -> str:
        """Pick places of the last axis of (T, B, W)."""
        return self.add("Gather", [value, self.axes(*places)], name, axis=2)

    def reshaped(self, value: str, sizes: tuple[int, ...], name: str) -> str:
        """Give (T, B, ...) other sizes after time and batch."""
        return self.add("Reshape", [value, self.axes(0, 0, *sizes)], name)

    def affine(self, value: str, weight: NDArray[Any], bias: NDArray[Any], name: str) -> str:
        """Multiply with a matrix `weight` (W, O), and add `bias` (O,)."""
        product = self.add(
            "MatMul", [value, self.floats(f"{name}_weight", weight)], f"{name}_product"
        )
        return self.add("Add", [product, self.floats(f"{name}_bias", bias)], name)
