"""An ONNX graph under construction: its nodes in order, and its constants by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from seqrt.contract import IR_VERSION, OPSET
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

    def model(
        self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """Return the model of the graph, without its metadata."""
        constants = list(self.constants.values())
        return helper.make_model(
            helper.make_graph(self.nodes, "seqrt", inputs, outputs, constants),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="seqrt",
            model_version=1,
        )


def tensor(name: str, shape: list[Any], kind: int = FLOAT) -> onnx.ValueInfoProto:
    """Return the description of an input or output."""
    return helper.make_tensor_value_info(name, kind, shape)
