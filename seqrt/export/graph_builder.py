"""An ONNX graph under construction: its nodes in order, and its constants by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper


class GraphBuilder:
    """Collects the nodes and constants of an ONNX graph."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node with one output; return the name of the output."""
        self.append(operator, inputs, [output], **attributes)
        return output

    def append(
        self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any
    ) -> None:
        """Append a node, named after its first output with a name."""
        name = next(filter(None, outputs))
        self.nodes.append(helper.make_node(operator, inputs, outputs, name, **attributes))

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add an initialiser, or replace the one with this name; return the name."""
        self.constants[name] = numpy_helper.from_array(np.asarray(values, order="C"), name)
        return name

    def axes(self, *axes: int) -> str:
        """Add an int64 vector of these axes as a constant; return its name."""
        name = "_".join(["axes", *map(str, axes)])
        return self.constant(name, np.array(axes, np.int64))
