"""An ONNX graph under construction: its nodes in order, and its constants by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from seqrt.contract.idioms import Idiom
from seqrt.contract.onnx_reader import FLOAT


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

    def idiom(self, idiom: Idiom) -> str:
        """Append the nodes and constants of an idiom; return the name of its main output."""
        for name, constant in idiom.constants.items():
            kind = "<f4" if constant.kind == FLOAT else "<i8"
            self.constant(name, np.frombuffer(constant.data, kind).reshape(constant.shape))
        for node in idiom.nodes:
            self.add(node.operator, list(node.inputs), node.output, **node.attributes)
        return idiom.output
