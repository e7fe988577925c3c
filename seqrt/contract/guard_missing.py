"""The guard's check of the missing-value policy: its nodes must be those of idioms/missing.py."""

from __future__ import annotations

from typing import Any

from seqrt.contract.idioms.fixed_node import BATCH, TIME, FixedNode, Size
from seqrt.contract.idioms.missing import KNOWN_START, Policy, policy
from seqrt.contract.manifest import Manifest
from seqrt.contract.onnx_reader import FLOAT, attribute
from seqrt.contract.operators import HIDDEN, GraphError, Value

Node = dict[str, Any]


def split_at_policy(
    nodes: list[Node], manifest: Manifest
) -> tuple[list[Node], list[Node], list[Node]]:
    """Return the nodes before the policy, the nodes of the policy, and the nodes after it.

    Without a policy all nodes come before it; the policy's operators are not allowed there.
    """
    if not manifest.takes_missing:
        return nodes, [], []
    start = next((i for i, node in enumerate(nodes) if node["op_type"] == "IsNaN"), None)
    if start is None or not nodes[start]["input"]:
        raise GraphError(
            f"the manifest says missing={manifest.missing}, but no node fills missing values"
        )
    stop = start + len(_policy(nodes[start], manifest).nodes)
    return nodes[:start], nodes[start:stop], nodes[stop:]


def policy_outputs(
    nodes: list[Node], values: dict[str, Value], manifest: Manifest
) -> dict[str, Value]:
    """Return the outputs of the policy's nodes; raise GraphError unless they are as specified.

    The policy must read values of the shape of x and, if it carries state, the last known values.
    """
    if not nodes:
        return {}
    wanted, width = _policy(nodes[0], manifest), len(manifest.features)
    if [as_fixed_node(node) for node in nodes] != wanted.nodes:
        raise GraphError(
            f"the nodes that fill missing values are not those of the policy {manifest.missing}"
        )
    for name, constant in wanted.constants.items():
        value = values.get(name)
        if value is None or (value.kind, value.shape, value.data) != tuple(constant):
            raise GraphError(f"the constant {name!r} is not that of the policy {manifest.missing}")
    _check_input(values, nodes[0]["input"][0], (BATCH, TIME, width))
    if wanted.known:
        _check_input(values, KNOWN_START, (1, BATCH, width))
    outputs = dict.fromkeys((node.output for node in wanted.nodes), HIDDEN)
    if outputs.keys() & values.keys():
        raise GraphError("the outputs of the nodes that fill missing values must have new names")
    times = 2 if manifest.missing == "indicator" else 1
    outputs[wanted.filled] = Value(FLOAT, (BATCH, TIME, times * width))
    if wanted.known:
        outputs[wanted.known] = Value(FLOAT, (1, BATCH, width))
    return outputs


def _policy(first: Node, manifest: Manifest) -> Policy:
    return policy(manifest.missing, first["input"][0], streamable=manifest.streamable)


def as_fixed_node(node: Node) -> FixedNode | None:
    """Return a node as a FixedNode, or None if it cannot be one."""
    attributes = {record["name"]: attribute(record) for record in node["attribute"]}
    plain = len(attributes) == len(node["attribute"]) and not node["domain"]
    if not plain or node["output"] != [node["name"]]:
        return None
    return FixedNode(node["op_type"], tuple(node["input"]), node["name"], attributes)


def _check_input(values: dict[str, Value], name: str, shape: tuple[Size, ...]) -> None:
    value = values.get(name)
    if value is None or (value.kind, value.shape) != (FLOAT, shape):
        raise GraphError(f"{name!r:.60} must be float32 of shape {shape} to be filled, got {value}")
