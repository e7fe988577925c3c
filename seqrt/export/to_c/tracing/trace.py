"""Traces the graph of a file for one row and one step: the operations that a step in C has.

With one row of one step, every size is a number, and `lengths` is 1. So all that only counts steps
or picks some of them is known beforehand, and what is left are sums, functions and layers.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from seqrt.contract import LENGTHS, STATE, STATE_OUT, Manifest, X, Y
from seqrt.contract.idioms.missing import KNOWN_START, policy
from seqrt.contract.onnx_reader import attribute, read_message
from seqrt.errors import UsageError
from seqrt.export.to_c.operations import StepResult
from seqrt.export.to_c.places import Array, Live
from seqrt.export.to_c.tracing import arithmetic, calls, moving, recurrent
from seqrt.export.to_c.tracing.values import (
    LEFT_OUT,
    Operations,
    Rule,
    StepNode,
    Tokens,
    Traced,
)

_RULES: Final[dict[str, Rule]] = {
    **arithmetic.RULES,
    **moving.RULES,
    **calls.RULES,
    **recurrent.RULES,
}


def trace_step(content: bytes, manifest: Manifest) -> tuple[Operations, StepResult]:
    """Return the operations of a step of a checked file, and where its results are.

    Raises UsageError for a network that has no step, or an operator that C does not have.
    """
    check_streams(manifest)
    graph = read_message("model", memoryview(content))["graph"]
    to = Operations(manifest)
    values: dict[str, Traced] = dict(map(_constant, graph["initializer"]))
    values |= _inputs(to, manifest)
    nodes = [_node(record) for record in graph["node"]]
    while nodes:
        node, nodes = nodes[0], nodes[1:]
        to.label = node.name
        if node.operator == "IsNaN":
            nodes = nodes[_trace_missing(to, node, values) - 1 :]
        else:
            values |= _outputs(to, node, values)
    state = [to.places(values[STATE_OUT]).ravel()] if manifest.state_size else []
    heads = [head.name for head in manifest.heads] or [Y]
    y = [to.places(values[head]).ravel() for head in heads]
    return to, StepResult(np.concatenate([*state, np.zeros(0, np.int64)]), np.concatenate(y))


def check_streams(manifest: Manifest) -> None:
    """Raise UsageError unless the network can go on step by step."""
    if not manifest.streamable:
        why = manifest.not_streamable or "its layers are bidirectional"
        raise UsageError(
            f"C computes one step at a time, but this network reads whole sequences: {why}."
            " Use the .onnx file with onnxruntime, or train a network that can stream."
        )


def _outputs(to: Operations, node: StepNode, values: dict[str, Traced]) -> dict[str, Traced]:
    rule = _RULES.get(node.operator)
    inputs = [values[name] if name else LEFT_OUT for name in node.inputs]
    try:
        if rule is None:
            raise NotImplementedError(node.operator)
        found = rule(to, node, inputs)
    except NotImplementedError:
        raise UsageError(
            f"C has no {node.operator} of this kind yet, which the node {node.name!r:.60} needs."
            " Use the .onnx file with onnxruntime."
        ) from None
    return {name: value for name, value in zip(node.outputs, found, strict=False) if name}


def _trace_missing(to: Operations, node: StepNode, values: dict[str, Traced]) -> int:
    """Trace the policy for missing values, all of its nodes at once; return their number."""
    filling = policy(to.manifest.missing, node.inputs[0], streamable=True)
    u = values[node.inputs[0]]
    if filling.known:
        filled = to.map("seqrt_filled({0}, {1})", u, values[KNOWN_START])
        values[filling.known] = filled
    else:
        filled = to.map("seqrt_filled({0}, 0.0f)", u)
    values[filling.filled] = filled
    if to.manifest.missing == "indicator":
        marks = to.map("(float)seqrt_isnan({0})", u)
        values[filling.filled] = Live(np.concatenate([filled.places, marks.places], axis=2))
    return len(filling.nodes)


def _inputs(to: Operations, manifest: Manifest) -> dict[str, Traced]:
    x: Traced = Tokens()
    if not manifest.tokens:
        x = Live(to.memory.buffer("x", len(manifest.features)).places.reshape(1, 1, -1))
    state = to.memory.buffer("state", manifest.state_size).places
    return {X: x, STATE: Live(state[None]), LENGTHS: np.ones(1, np.int32)}


def _constant(tensor: dict[str, Any]) -> tuple[str, Array]:
    kind = np.dtype(arithmetic.TYPES[tensor["data_type"]]).newbyteorder("<")
    data = np.frombuffer(tensor["raw_data"] or b"", kind)
    return tensor["name"], data.reshape(tensor["dims"])


def _node(record: dict[str, Any]) -> StepNode:
    attributes = {each["name"]: attribute(each) for each in record["attribute"]}
    name = record["name"] or record["output"][0]
    return StepNode(name, record["op_type"], record["input"], record["output"], attributes)
