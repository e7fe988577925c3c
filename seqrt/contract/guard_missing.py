"""The guard's look at the policy for missing values: its nodes are the contract's, or none."""

from __future__ import annotations

from typing import Any

from seqrt.contract.manifest import Manifest
from seqrt.contract.missing_nodes import KNOWN_START, Policy, policy
from seqrt.contract.onnx_reader import FLOAT, attribute
from seqrt.contract.operators import BATCH, TIME, GraphError, Size, Value

Node = dict[str, Any]
# What stands inside the policy is for no other node: it has a type that none reads.
_INSIDE = Value(0, ())


def split_at_policy(
    nodes: list[Node], manifest: Manifest
) -> tuple[list[Node], list[Node], list[Node]]:
    """Return the nodes before the policy, its own, and those behind it.

    Without a policy all stand before it, and none of its operators passes there.
    """
    if not manifest.takes_missing:
        return nodes, [], []
    start = next((i for i, node in enumerate(nodes) if node["op_type"] == "IsNaN"), None)
    if start is None or not nodes[start]["input"]:
        raise GraphError(f"by its manifest the graph must fill missing values ({manifest.missing})")
    stop = start + len(_policy(nodes[start], manifest).steps)
    return nodes[:start], nodes[start:stop], nodes[stop:]


def policy_outputs(
    nodes: list[Node], values: dict[str, Value], manifest: Manifest
) -> dict[str, Value]:
    """Return the outputs of the policy's nodes; raise GraphError unless each is the contract's.

    They must read x in its own shape, and the last values of a state.
    """
    if not nodes:
        return {}
    wanted, width = _policy(nodes[0], manifest), len(manifest.features)
    got = [_step(node) for node in nodes]
    if got != [tuple(step) for step in wanted.steps]:
        raise GraphError(f"the nodes that fill missing values must be those of {manifest.missing}")
    for name, constant in wanted.constants.items():
        value = values.get(name)
        if value is None or (value.kind, value.shape, value.data) != tuple(constant):
            raise GraphError(f"the constant {name!r} must be that of {manifest.missing}")
    _check(values, nodes[0]["input"][0], (BATCH, TIME, width))
    if wanted.known:
        _check(values, KNOWN_START, (1, BATCH, width))
    found = dict.fromkeys((step.output for step in wanted.steps), _INSIDE)
    if found.keys() & values.keys():
        raise GraphError("the nodes that fill missing values must give names of their own")
    twice = 2 if manifest.missing == "indicator" else 1
    found[wanted.filled] = Value(FLOAT, (BATCH, TIME, twice * width))
    if wanted.known:
        found[wanted.known] = Value(FLOAT, (1, BATCH, width))
    return found


def _policy(first: Node, manifest: Manifest) -> Policy:
    return policy(manifest.missing, first["input"][0], streamable=manifest.streamable)


def _step(node: Node) -> tuple[Any, ...]:
    """Return a node as the contract writes it down; one of another kind is like no step."""
    attributes = {record["name"]: attribute(record) for record in node["attribute"]}
    plain = len(attributes) == len(node["attribute"]) and not node["domain"]
    if not plain or node["output"] != [node["name"]]:
        return ()
    return node["op_type"], tuple(node["input"]), node["name"], attributes


def _check(values: dict[str, Value], name: str, shape: tuple[Size, ...]) -> None:
    value = values.get(name)
    if value is None or (value.kind, value.shape) != (FLOAT, shape):
        raise GraphError(f"{name!r:.60} must have shape {shape} to be filled, got {value}")
