"""ONNX files as other exporters write them: torch's own, and graphs built node by node."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

SIZES = ("batch", "time")


def export_by_torch(net, path, x, *more, fixed=False, inputs=(), opset=17):
    """Write a net with torch's TorchScript exporter; sizes vary unless they are `fixed`."""
    names = ["x", *inputs]
    axes = {} if fixed else {"x": {0: "batch", 1: "time"}}
    if not fixed:
        axes |= {name: {1 if "0" in name else 0: "batch"} for name in inputs}
    with warnings.catch_warnings():
        # torch warns that this exporter is the older one, and of its own constants.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            (x, *more),
            str(path),
            dynamo=False,
            input_names=names,
            dynamic_axes=axes,
            opset_version=opset,
        )
    return path


class Builder:
    """A graph of one LSTM (time, batch, 2) of 4 units; add nodes, change anything, write it."""

    def __init__(self, opset=13, producer="tf2onnx"):
        rng = np.random.default_rng(0)
        self.opset, self.producer = opset, producer
        self.nodes, self.weights = [], {}
        self.inputs = {"x": (TensorProto.FLOAT, [*SIZES, 2])}
        self.outputs = ["y"]
        self.types = {}
        self.weights["W"] = rng.normal(0, 0.4, (1, 16, 2)).astype(np.float32)
        self.weights["R"] = rng.normal(0, 0.4, (1, 16, 4)).astype(np.float32)
        self.weights["B"] = rng.normal(0, 0.4, (1, 32)).astype(np.float32)
        self.weights["kernel"] = rng.normal(0, 0.4, (4, 3)).astype(np.float32)
        self.weights["bias"] = rng.normal(0, 0.4, 3).astype(np.float32)

    def ints(self, name, *values):
        self.weights[name] = np.array(values, np.int64)
        return name

    def add(self, operator, inputs, outputs, **attributes):
        outputs = [outputs] if isinstance(outputs, str) else outputs
        domain = attributes.pop("domain", None)
        name = attributes.pop("name", f"node_{outputs[0]}")
        node = helper.make_node(operator, inputs, outputs, name=name, domain=domain, **attributes)
        self.nodes.append(node)
        return outputs[0]

    def lstm(self, x="steps", outputs=("Y", "Y_h", "Y_c"), more=(), **attributes):
        self.add("Transpose", ["x"], "steps", perm=[1, 0, 2])
        options = {"hidden_size": 4, **attributes}
        self.add("LSTM", [x, "W", "R", "B", *more], list(outputs), name="lstm", **options)

    def last(self):
        """The usual end: Y_h without its first axis, dense, softmax."""
        axes = [] if self.opset < 13 else [self.ints("first", 0)]
        attributes = {"axes": [0]} if self.opset < 13 else {}
        self.add("Squeeze", ["Y_h", *axes], "h", **attributes)
        self.add("MatMul", ["h", "kernel"], "product")
        self.add("Add", ["product", "bias"], "logits")
        self.add("Softmax", ["logits"], "y", axis=1 if self.opset < 13 else -1)

    def whole(self):
        """An LSTM and the usual end."""
        self.lstm()
        self.last()
        return self

    def model(self):
        inputs = [
            helper.make_tensor_value_info(name, kind, sizes)
            for name, (kind, sizes) in self.inputs.items()
        ]
        outputs = [
            helper.make_tensor_value_info(name, self.types.get(name, TensorProto.FLOAT), None)
            for name in self.outputs
        ]
        weights = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        used = {name for node in self.nodes for name in node.input}
        weights = [weight for weight in weights if weight.name in used]
        graph = helper.make_graph(self.nodes, "graph", inputs, outputs, weights)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("ai.onnx.ml", 2)]
        model = helper.make_model(graph, producer_name=self.producer, opset_imports=opsets)
        model.ir_version = 8
        return model

    def write(self, path):
        onnx.save(self.model(), path)
        return path
