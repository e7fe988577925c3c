"""Builds the ONNX graph of a stack, node by node: one recurrent node per layer, no loops.

torch's own exporters are not used: they fix sizes of recurrent networks, or export them wrongly.
Inside the graph, tensors are time-major (T, B, ·), as the recurrent operators require; inputs and
outputs are batch-major.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from torch import nn

from seqrt.contract import IR_VERSION, LENGTHS, OPSET, STATE, STATE_OUT, X, Y
from seqrt.contract.idioms.missing import KNOWN_START, policy
from seqrt.contract.manifest import STATE_PARTS
from seqrt.contract.onnx_reader import FLOAT
from seqrt.export.graph_builder import GraphBuilder
from seqrt.export.weights import float32_array, onnx_weights
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.stack import Stack

_DIRECTIONS = {False: "forward", True: "bidirectional"}


def build_onnx(stack: Stack) -> onnx.ModelProto:
    """Return the ONNX model of a stack, without its metadata."""
    graph = GraphBuilder()
    starts = _split_state(graph, stack)
    u, known = _fill_missing(graph, stack, _scaled(graph, stack))
    ends: list[str] = []
    h = graph.add("Transpose", [u], "x_time_major", perm=[1, 0, 2])
    steps = [step for step in stack.steps() if not isinstance(step, nn.Dropout)]
    last = stack.recurrent()[-1]
    skip = _Skip(graph, stack)
    for number, step in enumerate(steps):
        name = f"layer{number}"
        if isinstance(step, Recurrent):
            only_last = step is last and stack.head == "last"
            parts = len(STATE_PARTS[step.layer.cell])
            h, layer_ends = _recurrent(
                graph, step, name, h, starts[:parts], only_last=only_last, end=skip.needs_end
            )
            starts = starts[parts:]
            ends += layer_ends
            h = skip.add(step, name, h, only_last=only_last)
        elif isinstance(step, nn.LayerNorm):
            h = _layer_norm(graph, step, name, h)
        else:
            assert isinstance(step, nn.Linear), step
            h = _linear(graph, step, name, h)
    _output(graph, stack, h)
    if stack.state_size:
        _join_state(graph, [*ends, *known])
    return _model(graph, stack)


def _scaled(graph: GraphBuilder, stack: Stack) -> str:
    mean, scale = float32_array(stack.x_mean), float32_array(stack.x_scale)
    if not mean.any() and (scale == 1).all():
        return X
    centred = graph.add("Sub", [X, graph.constant("x_mean", mean)], "x_centred")
    return graph.add("Div", [centred, graph.constant("x_scale", scale)], "x_scaled")


def _fill_missing(graph: GraphBuilder, stack: Stack, u: str) -> tuple[str, list[str]]:
    """Append the nodes of the missing-value policy, which fill u (B, T, D).

    Return the input of the first layer, and the values to carry to the next call, if any.
    """
    if stack.missing == "error":
        return u, []
    filling = policy(stack.missing, u, streamable=stack.state_size > 0)
    for name, constant in filling.constants.items():
        kind = "<f4" if constant.kind == FLOAT else "<i8"
        graph.constant(name, np.frombuffer(constant.data, kind).reshape(constant.shape))
    for node in filling.nodes:
        graph.add(node.operator, list(node.inputs), node.output, **node.attributes)
    return filling.filled, [filling.known] if filling.known else []


def _split_state(graph: GraphBuilder, stack: Stack) -> list[str]:
    """Split the state; return the names of its parts: h (and c) of every layer, each (1, B, H).

    If the missing-value policy carries values, theirs (1, B, D) comes last.
    """
    if not stack.state_size:
        return []
    sizes, names = [], []
    for number, step in enumerate(stack.recurrent()):
        for part in STATE_PARTS[step.layer.cell]:
            sizes.append(step.layer.units)
            names.append(f"{part}{number}_start")
    if stack.missing == "forward":
        sizes.append(len(stack.x_mean))
        names.append(KNOWN_START)
    whole = graph.add("Unsqueeze", [STATE, graph.axes(0)], "state_rows")
    if len(names) == 1:
        return [whole]
    split = graph.constant("state_sizes", np.array(sizes, np.int64))
    graph.append("Split", [whole, split], names, axis=2)
    return names


def _recurrent(
    graph: GraphBuilder,
    step: Recurrent,
    name: str,
    h: str,
    starts: list[str],
    *,
    only_last: bool,
    end: bool = False,
) -> tuple[str, list[str]]:
    """Append a layer; return the input of the next step, and the final states, each (1, B, H).

    With `end`, the node outputs its final h also where nothing but a residual reads it.
    """
    layer = step.layer
    weights = zip("WRB", onnx_weights(step), strict=True)
    inputs = [h, *(graph.constant(f"{name}_{w}", array) for w, array in weights), LENGTHS, *starts]
    attributes: dict[str, Any] = {"direction": _DIRECTIONS[layer.bidirectional]}
    if layer.cell == "rnn":
        attributes["activations"] = [layer.nonlinearity.capitalize()] * len(step.cells)
    if layer.cell == "gru":
        # torch applies the reset gate after the matrix product.
        attributes["linear_before_reset"] = 1
    ends = [f"{name}_{part}_end" for part in STATE_PARTS[layer.cell]]
    outputs = ["" if only_last else f"{name}_steps", *ends]
    wanted = ends if starts else ends[:1] if only_last or end else []
    graph.append(
        layer.cell.upper(),
        inputs,
        outputs[: 1 + len(wanted)],
        hidden_size=layer.units,
        **attributes,
    )
    if only_last:
        h = _last_step(graph, f"{name}_h_end", name, layer.bidirectional)
    else:
        h = _every_step(graph, name, layer.bidirectional)
    return h, wanted if starts else []


class _Skip:
    """The sums of a stack with `residual`: each layer's output and that of the layer before it.

    If the head reads the last step only, so does the last sum. The step is then not looked up in
    the earlier outputs: it is the sum of the final h of their layers.
    """

    def __init__(self, graph: GraphBuilder, stack: Stack) -> None:
        self.graph, self.residual = graph, stack.residual
        self.needs_end = stack.residual and stack.head == "last"
        self.every = self.at_end = ""

    def add(self, step: Recurrent, name: str, h: str, *, only_last: bool) -> str:
        """Return the sum for the output `h` of a layer, and keep it for the next layer."""
        if not self.residual:
            return h
        if self.needs_end and not only_last:
            own = _last_step(self.graph, f"{name}_h_end", f"{name}_end", step.layer.bidirectional)
            self.at_end = self._sum(own, self.at_end, f"{name}_end_sum")
        self.every = self._sum(h, self.at_end if only_last else self.every, f"{name}_sum")
        return self.every

    def _sum(self, h: str, before: str, name: str) -> str:
        return self.graph.add("Add", [h, before], name) if before else h


def _last_step(graph: GraphBuilder, end: str, name: str, bidirectional: bool) -> str:
    """Append the nodes from `end`, the final h of each direction (dirs, B, H), to (B, dirs H)."""
    if not bidirectional:
        return graph.add("Squeeze", [end, graph.axes(0)], f"{name}_last")
    rows = graph.add("Transpose", [end], f"{name}_rows", perm=[1, 0, 2])
    return graph.add("Reshape", [rows, graph.axes(0, -1)], f"{name}_last")


def _every_step(graph: GraphBuilder, name: str, bidirectional: bool) -> str:
    """Append the nodes from h at every step, (T, dirs, B, H), to (T, B, dirs H)."""
    steps = f"{name}_steps"
    if not bidirectional:
        return graph.add("Squeeze", [steps, graph.axes(1)], f"{name}_out")
    rows = graph.add("Transpose", [steps], f"{name}_rows", perm=[0, 2, 1, 3])
    return graph.add("Reshape", [rows, graph.axes(0, 0, -1)], f"{name}_out")


def _layer_norm(graph: GraphBuilder, step: nn.LayerNorm, name: str, h: str) -> str:
    size = step.normalized_shape[-1]
    weight = np.ones(size, np.float32) if step.weight is None else float32_array(step.weight)
    bias = np.zeros(size, np.float32) if step.bias is None else float32_array(step.bias)
    inputs = [h, graph.constant(f"{name}_weight", weight), graph.constant(f"{name}_bias", bias)]
    return graph.add("LayerNormalization", inputs, f"{name}_out", axis=-1, epsilon=step.eps)


def _linear(graph: GraphBuilder, step: nn.Linear, name: str, h: str) -> str:
    weight = graph.constant(f"{name}_weight", float32_array(step.weight).T)
    product = graph.add("MatMul", [h, weight], f"{name}_product")
    bias = (
        np.zeros(step.out_features, np.float32) if step.bias is None else float32_array(step.bias)
    )
    return graph.add("Add", [product, graph.constant(f"{name}_bias", bias)], f"{name}_out")


def _output(graph: GraphBuilder, stack: Stack, h: str) -> None:
    """Append the nodes from h, the result of the last layer, to y."""
    if stack.head == "sequence":
        h = graph.add("Transpose", [h], "logits", perm=[1, 0, 2])
    mean, scale = float32_array(stack.y_mean), float32_array(stack.y_scale)
    if stack.activation == "softmax":
        graph.add("Softmax", [h], Y, axis=-1)
    elif stack.activation == "sigmoid":
        graph.add("Sigmoid", [h], Y)
    elif mean.any() or (scale != 1).any():
        scaled = graph.add("Mul", [h, graph.constant("y_scale", scale)], "y_spread")
        graph.add("Add", [scaled, graph.constant("y_mean", mean)], Y)
    else:
        graph.nodes[-1].output[0] = Y


def _join_state(graph: GraphBuilder, ends: list[str]) -> None:
    """Append the nodes that join the final states, each (1, B, H), to state_out (B, S)."""
    joined = ends[0] if len(ends) == 1 else graph.add("Concat", ends, "state_joined", axis=2)
    graph.add("Squeeze", [joined, graph.axes(0)], STATE_OUT)


def _model(graph: GraphBuilder, stack: Stack) -> onnx.ModelProto:
    features, outputs = len(stack.x_mean), len(stack.y_mean)
    steps = ["batch", "time", outputs] if stack.head == "sequence" else ["batch", outputs]
    inputs = [
        _tensor(X, ["batch", "time", features]),
        _tensor(LENGTHS, ["batch"], TensorProto.INT32),
    ]
    results = [_tensor(Y, steps)]
    if stack.state_size:
        inputs.append(_tensor(STATE, ["batch", stack.state_size]))
        results.append(_tensor(STATE_OUT, ["batch", stack.state_size]))
    proto = helper.make_graph(graph.nodes, "seqrt", inputs, results, list(graph.constants.values()))
    return helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="seqrt",
        model_version=1,
    )


def _tensor(name: str, shape: list[Any], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)
