"""Builds the ONNX graph of a stack, node by node: one recurrent node per layer, no loops.

torch's own exporters are not used: they fix sizes of recurrent networks, or export them wrongly.
Inside the graph, tensors are time-major (T, B, ·), as the recurrent operators require; inputs and
outputs are batch-major.
"""

from __future__ import annotations

import numpy as np
import onnx
from torch import nn

from seqrt.contract import LENGTHS, STATE, STATE_OUT, X, Y, idioms
from seqrt.contract.idioms.missing import policy
from seqrt.contract.onnx_reader import FLOAT, INT32, INT64
from seqrt.export.graph.builder import GraphBuilder, tensor
from seqrt.export.graph.groups import carries_of
from seqrt.export.graph.layers import emit
from seqrt.export.graph.recurrent import RecurrentNodes
from seqrt.export.graph.stack_graph import StackGraph
from seqrt.export.graph.weights import float32_array
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.stack import Stack


def build_onnx(stack: Stack) -> onnx.ModelProto:
    """Return the ONNX model of a stack, without its metadata."""
    graph = StackGraph(carries_of(stack))
    h, known = _append_inputs(graph, stack)
    steps = [step for step in stack.steps() if not isinstance(step, nn.Dropout)]
    layers = RecurrentNodes(graph, stack)
    for number, step in enumerate(steps):
        name = f"layer{number}"
        if isinstance(step, Recurrent):
            h = layers.emit(step, name, h)
        else:
            h = emit(graph, step, name, h)
    append_output(graph, stack, h)
    if graph.streams:
        graph.ends += known
        graph.join_state()
    return stack_model(graph, stack)


def _append_inputs(graph: StackGraph, stack: Stack) -> tuple[str, list[str]]:
    """Append the nodes from x to the input of the first layer, (T, B, W).

    Return that, and the values to carry to the next call, if any.
    """
    if stack.embedding:
        table = graph.constant("table", float32_array(stack.embedding.weight))
        return graph.idiom(idioms.token_rows(table, *stack.embedding.weight.shape)), []
    u, known = append_missing_policy(graph, stack, append_scaling(graph, stack))
    return graph.add("Transpose", [u], "x_time_major", perm=[1, 0, 2]), known


def append_scaling(graph: GraphBuilder, stack: Stack) -> str:
    """Append the nodes that bring x to the scaled units of training; return (B, T, D)."""
    mean, scale = float32_array(stack.x_mean), float32_array(stack.x_scale)
    if not mean.any() and (scale == 1).all():
        return X
    centred = graph.add("Sub", [X, graph.constant("x_mean", mean)], "x_centred")
    return graph.add("Div", [centred, graph.constant("x_scale", scale)], "x_scaled")


def append_missing_policy(graph: GraphBuilder, stack: Stack, u: str) -> tuple[str, list[str]]:
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


def append_output(graph: GraphBuilder, stack: Stack, h: str) -> None:
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


def stack_model(graph: GraphBuilder, stack: Stack) -> onnx.ModelProto:
    """Return the model of a finished graph, with the inputs and outputs of the stack."""
    features, outputs = len(stack.x_mean), len(stack.y_mean)
    steps = ["batch", "time", outputs] if stack.head == "sequence" else ["batch", outputs]
    x = tensor(X, ["batch", "time", features])
    if stack.tokens:
        x = tensor(X, ["batch", "time"], INT64)
    inputs = [x, tensor(LENGTHS, ["batch"], INT32)]
    results = [tensor(Y, steps)]
    if stack.state_size:
        inputs.append(tensor(STATE, ["batch", stack.state_size]))
        results.append(tensor(STATE_OUT, ["batch", stack.state_size]))
    return graph.model(inputs, results)
