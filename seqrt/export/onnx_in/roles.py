"""What the inputs and outputs of a graph are: x, lengths, states, and the outputs worth keeping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqrt.export.onnx_in.graph import OnnxGraph, OnnxNode, OnnxValue
from seqrt.export.onnx_in.operators.recurrent import RECURRENT
from seqrt.export.onnx_in.refusal import cannot_import
from seqrt.export.untrusted import as_ascii

_LENGTHS_INPUT, _STATE_INPUTS = 4, (5, 6)
_CAST = ("Cast", "Identity")
# Operators that a whole state passes on its way in or out.
_WHOLE = (*_CAST, "Concat", "Unsqueeze")
_MOVED = (*_WHOLE, "Squeeze", "Slice", "Split", "Gather", "Transpose", "Reshape")


@dataclass(frozen=True)
class Roles:
    """The inputs and outputs of a graph by what they are for.

    `tokens` is whether x holds ids. `dropped` are outputs that are final states of layers, which
    the state of a seqrt file holds anyway.
    """

    x: OnnxValue
    tokens: bool
    lengths: tuple[OnnxValue, ...]
    states: tuple[OnnxValue, ...]
    unused: tuple[OnnxValue, ...]
    outputs: tuple[OnnxValue, ...]
    dropped: tuple[OnnxValue, ...]


def roles_of(graph: OnnxGraph) -> Roles:
    """Return the roles; raise UsageError that names an input that has none."""
    readers: dict[str, list[tuple[OnnxNode, int]]] = {}
    for node in graph.nodes:
        for place, name in enumerate(node.inputs):
            readers.setdefault(name, []).append((node, place))
    lengths, states, unused, rest = [], [], [], []
    for value in graph.inputs:
        if not readers.get(value.name):
            unused.append(value)
        elif value.dtype in (np.int32, np.int64) and _reaches(
            value.name, readers, _CAST, (_LENGTHS_INPUT,)
        ):
            lengths.append(value)
        elif value.dtype == np.float32 and _reaches(value.name, readers, _MOVED, _STATE_INPUTS):
            states.append(value)
        else:
            rest.append(value)
    if len(rest) != 1:
        raise cannot_import(
            "this graph",
            "it must read one series x, and besides it only lengths and first states of layers,"
            f" got {', '.join(value.described for value in rest) or 'none'}",
            "Join the inputs to one before the export.",
        )
    x = rest[0]
    tokens = x.dtype in (np.int32, np.int64) or _is_cast_to_ids(readers[x.name])
    _check_x(x, tokens)
    outputs, dropped = _kept(graph)
    return Roles(x, tokens, tuple(lengths), tuple(states), tuple(unused), outputs, dropped)


def _reaches(
    name: str,
    readers: dict[str, list[tuple[OnnxNode, int]]],
    by: tuple[str, ...],
    places: tuple[int, ...],
) -> bool:
    """Return whether a value reaches only these inputs of recurrent nodes, by these operators."""
    todo, seen = [name], {name}
    while todo:
        found = readers.get(todo.pop(), [])
        if not found:
            return False
        for node, place in found:
            if node.operator in RECURRENT and place in places:
                continue
            if node.operator not in by or (place and node.operator != "Concat"):
                return False
            more = [output for output in node.outputs if output and output not in seen]
            seen |= set(more)
            todo += [output for output in more if readers.get(output)]
    return True


def _is_cast_to_ids(found: list[tuple[OnnxNode, int]]) -> bool:
    return all(n.operator == "Cast" and n.attributes.get("to") in (6, 7) for n, _ in found)


def _check_x(x: OnnxValue, tokens: bool) -> None:
    rank = None if x.sizes is None else len(x.sizes)
    ids = "ids (batch, time)"
    if rank is None or x.dtype not in (np.float32, np.int32, np.int64):
        raise cannot_import(
            f"the input {x.described}",
            f"it must be float32 (batch, time, features) or {ids}",
            "Give the input its sizes when you export it.",
        )
    if rank not in (2, 3) or (tokens and rank != 2):
        raise cannot_import(
            f"the input {x.described}", f"it must be (batch, time, features) or {ids}"
        )
    if rank == 3 and not isinstance((x.sizes or ())[2], int):
        raise cannot_import(
            f"the input {x.described}",
            "the number of features, its last axis, must be fixed",
            "Export it with a fixed number of features.",
        )


def _kept(graph: OnnxGraph) -> tuple[tuple[OnnxValue, ...], tuple[OnnxValue, ...]]:
    """Return the outputs that are values, and those that are final states of layers."""
    sources: dict[str, OnnxNode] = {name: node for node in graph.nodes for name in node.outputs}

    def is_state(name: str) -> bool:
        node: Any = sources.get(name)
        while node is not None and node.operator in _WHOLE:
            name = next(iter(node.inputs), "")
            node = sources.get(name)
        return node is not None and node.operator in RECURRENT and name in node.outputs[1:]

    states = [value for value in graph.outputs if is_state(value.name)]
    kept = tuple(value for value in graph.outputs if value not in states)
    for value in graph.outputs:
        if value.name not in sources:
            raise cannot_import(
                f"the output {as_ascii(value.name)}", "it is an input or a constant of the graph"
            )
    return (kept, tuple(states)) if kept else (graph.outputs[:1], graph.outputs[1:])
