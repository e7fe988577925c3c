"""The constants of a graph: its weights, and what nodes make of constants alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrt.export.onnx_in.graph import OnnxGraph, OnnxNode
from seqrt.export.onnx_in.operators.arithmetic import as_tensor
from seqrt.export.onnx_in.operators.recurrent import RECURRENT
from seqrt.export.onnx_in.operators.table import OPERATORS, Numbers, OnnxCall, as_numbers
from seqrt.export.onnx_in.operators.unknown import check_operator
from seqrt.export.onnx_in.refusal import CannotCarry

# What torch and Python raise where the inputs or attributes of a node do not fit together.
MISFITS = (
    *(RuntimeError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, AssertionError),
)
# The most values of a run of the graph, and of the constants that are made while it is read.
MOST_ELEMENTS = 1 << 26
_MOST_NUMBERS = 4_096
_LARGEST = 1 << 63
# What is slow on large constants. An exporter computes such products itself.
_PRODUCTS = ("MatMul", "Gemm", "Conv", "Einsum")


class Constants:
    """The constants by name, as values of a run and as arrays."""

    def __init__(self, graph: OnnxGraph) -> None:
        """Start with the weights of the file."""
        self.opset, self._made = graph.opset, 0
        self.arrays: dict[str, NDArray[Any]] = dict(graph.constants)
        self.values: dict[str, Any] = {}
        self._read_by = {name for node in graph.nodes for name in _inputs_as_values(node)}
        for name, array in graph.constants.items():
            if name in self._read_by:
                numbers = as_numbers(array)
                self.values[name] = as_tensor(array) if numbers is None else numbers

    def fold(self, node: OnnxNode) -> bool:
        """Compute a node that reads constants alone; return whether it does."""
        check_operator(node)
        if node.operator in RECURRENT or any(n and n not in self.arrays for n in node.inputs):
            return False
        if node.operator in _PRODUCTS:
            raise CannotCarry(
                "it multiplies constants alone",
                "Simplify the file first, with onnxsim or onnxslim.",
            )
        inputs = [self._value(name) for name in node.inputs]
        known = {i: self.arrays[name] for i, name in enumerate(node.inputs) if name}
        call = OnnxCall(node, self.opset, known)
        try:
            with torch.no_grad():
                if inputs:
                    self._made += self._size_without_data(call, inputs)
                if self._made > MOST_ELEMENTS:
                    raise CannotCarry(f"its constants grow to more than {MOST_ELEMENTS:,} values")
                result = OPERATORS[node.operator](call, *inputs)
        except MISFITS as error:
            text = " ".join(str(error).split())
            raise CannotCarry(f"its inputs or attributes do not fit ({text:.120})") from error
        results = result if isinstance(result, tuple) else (result,)
        check_result(results)
        for name, result in zip(node.outputs, results, strict=False):
            array = _array_of(result)
            value = as_numbers(array) or result if array.dtype.kind == "i" else result
            self.values[name], self.arrays[name] = value, array
        return True

    def _value(self, name: str) -> Any:
        if not name:
            return None
        if name not in self.values:
            self.values[name] = as_tensor(self.arrays[name])
        return self.values[name]

    def _size_without_data(self, call: OnnxCall, inputs: list[Any]) -> int:
        """Return how many values a node makes, before any memory is taken for them."""
        bare = [each.to("meta") if isinstance(each, Tensor) else each for each in inputs]
        with torch.device("meta"):
            result = OPERATORS[call.node.operator](call, *bare)
        return check_result(result if isinstance(result, tuple) else (result,))


def _inputs_as_values(node: OnnxNode) -> tuple[str, ...]:
    """Return the inputs that a run reads; layers take their weights over."""
    return node.inputs[5:] if node.operator in RECURRENT else node.inputs


def _array_of(value: Any) -> NDArray[Any]:
    if isinstance(value, Numbers):
        found = np.asarray(value.values, np.int64)
        return found.reshape(()) if value.scalar else found
    array: NDArray[Any] = value.numpy() if isinstance(value, Tensor) else np.zeros(0)
    return array


def check_result(results: tuple[Any, ...]) -> int:
    """Return how many values the results of a node hold; refuse more than a run may hold."""
    total = 0
    for result in results:
        if isinstance(result, Tensor):
            total += result.numel()
        elif isinstance(result, Numbers):
            large = any(abs(v) > _LARGEST for v in result.values if isinstance(v, int))
            if large or len(result.values) > _MOST_NUMBERS:
                raise CannotCarry("it computes sizes that no tensor has")
    if total > MOST_ELEMENTS:
        raise CannotCarry(f"it makes {total:,} values, more than the {MOST_ELEMENTS:,} allowed")
    return total
