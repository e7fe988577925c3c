"""A graph under construction: its nodes in order, and its constants by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper


class GraphBuilder:
    """The nodes and constants of a graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node of one output; return the output's name."""
        self.append(operator, inputs, [output], **attributes)
        return output

    def append(
        self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any
    ) -> None:
        """Append a node, named after its first output that has a name."""
        name = next(filter(None, outputs))
        self.nodes.append(helper.make_node(operator, inputs, outputs, name, **attributes))

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add an initialiser, once under each name; return the name."""
        self.constants[name] = numpy_helper.from_array(np.asarray(values, order="C"), name)
        return name

    def axes(self, *axes: int) -> str:
        """Return a constant that holds these numbers as int64."""
        name = "_".join(["axes", *map(str, axes)])
        return self.constant(name, np.array(axes, np.int64))
