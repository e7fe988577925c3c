"""The guard's check of weights that are stored in fewer bytes."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

from seqrt.contract.guard_missing import as_fixed_node
from seqrt.contract.onnx_reader import FLOAT, guard_error
from seqrt.contract.operators import GraphError, Value
from seqrt.contract.small_weights import (
    LARGEST_SCALE,
    PLACES,
    SMALLEST_SCALE,
    STORED_AS,
    chain,
)

Node = dict[str, Any]


def made_weights(
    nodes: list[Node], constants: Mapping[str, Value], weights: str
) -> tuple[list[Node], dict[str, Value]]:
    """Return the nodes after those that make weights, and the constants with these weights.

    The latter have the bytes that are stored; only nodes that do not look at them may read them.
    Raises ModelError or GraphError unless the nodes are those of `chain`, in the order of the
    constants, and each of the weights is a matrix that is read where matrices are.
    """
    left, made, at = dict(constants), dict[str, Value](), 0
    for stored, value in constants.items():
        if value.kind != STORED_AS[weights]:
            continue
        name = stored.removesuffix(f".{weights}")
        wanted = chain(name, weights)
        if [as_fixed_node(node) for node in nodes[at : at + len(wanted)]] != wanted:
            raise GraphError(f"{stored!r:.60} must be made float32 before all other nodes")
        at += len(wanted)
        del left[stored]
        if weights == "int8":
            _check_scale(name, value, left.pop(f"{name}.scale", None))
        if len(value.shape) < 2 or name in constants:
            raise GraphError(f"{stored!r:.60} must be a matrix of its own, got {value}")
        made[name] = value._replace(kind=FLOAT)
    if not made:
        raise GraphError(f"the manifest says weights={weights}, but none are stored so")
    _check_names(nodes, at)
    _check_readers(nodes[at:], made)
    return nodes[at:], left | made


def _check_scale(name: str, stored: Value, scale: Value | None) -> None:
    """Raise GraphError unless `scale` has a positive number for each row or column of weights."""
    if scale is None or scale.kind != FLOAT or len(scale.shape) != len(stored.shape):
        raise GraphError(f"the int8 weights {name!r:.60} need a scale of as many axes, got {scale}")
    sizes = zip(scale.shape, stored.shape, strict=True)
    if not all(size in (1, whole) for size, whole in sizes) or _count(scale) >= _count(stored):
        raise GraphError(f"the scale of {name!r:.60} must fit {stored}, got {scale}")
    for (number,) in struct.iter_unpack("<f", scale.data or b""):
        if not SMALLEST_SCALE <= number <= LARGEST_SCALE:
            raise guard_error(f"has a scale of {number} for the weights {name!r:.60}")


def _count(value: Value) -> int:
    return math.prod(map(int, value.shape))


def _check_names(nodes: list[Node], at: int) -> None:
    """Raise ModelError if another node has the name of one that makes weights."""
    names = {node["name"] for node in nodes[:at]}
    if len(names) < at or any(node["name"] in names for node in nodes[at:]):
        raise guard_error("has two nodes with the same name")


def _check_readers(nodes: list[Node], made: Mapping[str, Value]) -> None:
    """Raise GraphError unless the weights are read, and only where a node expects a matrix."""
    unread = set(made)
    for node in nodes:
        for place, name in enumerate(node["input"]):
            if name in made and place not in PLACES.get(node["op_type"] or "", ()):
                raise GraphError(
                    f"the node {node['name']!r:.60} must not read the weights {name!r:.60}"
                )
            unread.discard(name)
    if unread:
        raise GraphError(f"no node reads the weights {min(unread)!r:.60}")
