"""Finishes a graph: state in and out, without nodes that nothing reads, each matrix used once."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from seqrt.contract import LENGTHS, STATE, STATE_OUT, X
from seqrt.contract.idioms.recognise import idiom_of
from seqrt.contract.onnx_reader import FLOAT, INT32, INT64
from seqrt.export.foreign.answers import Answer
from seqrt.export.foreign.emitter import Emitter, Piece
from seqrt.export.graph.builder import tensor

_HEAVY = ("MatMul", "RNN", "GRU", "LSTM")
_RECURRENT = ("RNN", "GRU", "LSTM")


def drop_unread(g: Emitter, wanted: list[str]) -> None:
    """Remove nodes and pieces of state that no output depends on; idioms stay whole."""
    pieces: list[Piece] = []
    while True:
        roots = {*wanted, *(piece.end for piece in pieces)}
        kept = _reached(g.nodes, roots)
        read = {name for node in kept for name in node.input}
        found = [piece for piece in g.pieces if piece.start in read]
        if len(found) == len(pieces):
            break
        pieces = found
    g.nodes, g.pieces = kept, pieces
    read |= roots
    for node in g.nodes:
        if node.op_type in _RECURRENT:
            _trim(node, read)
    alive = {node.name for node in g.nodes}
    g.layers = {name: layer for name, layer in g.layers.items() if name in alive}
    g.constants = {name: each for name, each in g.constants.items() if name in read}


def _reached(nodes: list[Any], roots: set[str]) -> list[Any]:
    """Return the nodes that the roots depend on, in order."""
    wanted, kept, groups = set(roots), [], set()
    for node in reversed(nodes):
        group = idiom_of(node.name)
        if wanted & set(node.output) or (group and group in groups):
            kept.append(node)
            wanted |= set(node.input)
            groups |= {group} if group else set()
    whole = {idiom_of(node.name) for node in kept} - {None}
    lost = [n for n in nodes if idiom_of(n.name) in whole and n not in kept]
    if lost:
        return _reached(nodes, roots | {name for node in lost for name in node.output})
    return kept[::-1]


def _trim(node: Any, read: set[str]) -> None:
    """Leave out the outputs of a recurrent node that nothing reads."""
    outputs = [name if name in read else "" for name in node.output]
    while outputs and not outputs[-1]:
        outputs.pop()
    del node.output[:]
    node.output.extend(outputs)


def unshare(g: Emitter, outputs: int) -> None:
    """Give each use of a matrix at every step a copy of its own, as the guard demands."""
    steps = _over_time(g)
    users: dict[str, list[Any]] = {}
    for node in g.nodes:
        for name in node.input:
            if name in g.constants and len(g.constants[name].dims) > 1 and node.op_type in _HEAVY:
                users.setdefault(name, []).append(node)
    for name, nodes in users.items():
        timed = any(set(node.output) & steps for node in nodes)
        for number, node in enumerate(nodes[1 if timed else outputs :]):
            copied = onnx.TensorProto()
            copied.CopyFrom(g.constants[name])
            copied.name = f"{name}_{number + 2}"
            g.constants[copied.name] = copied
            inputs = [copied.name if each == name else each for each in node.input]
            del node.input[:]
            node.input.extend(inputs)


def _over_time(g: Emitter) -> set[str]:
    """Return the names of the values that have time."""
    timed = {X}
    ends = {"last", "first", "sum", "max", "min", "attend"}
    for node in g.nodes:
        group = idiom_of(node.name)
        if group and group[0] in ends | {"steps", "count"}:
            continue
        if node.op_type in _RECURRENT:
            if node.input[4]:
                timed.add(node.output[0])
        elif timed & set(node.input) or (group and group[0] == "masked"):
            timed |= set(node.output)
    return timed - {""}


def model_of(g: Emitter, answers: list[Answer], features: int, tokens: int) -> onnx.ModelProto:
    """Return the ONNX model, without its metadata."""
    order_layers(g)
    size = sum(piece.size for piece in g.pieces)
    if size:
        _split_state(g)
        ends = [piece.end for piece in g.pieces]
        joined = ends[0] if len(ends) == 1 else g.add("Concat", ends, "state_joined", axis=2)
        g.add("Squeeze", [joined, g.axes(0)], STATE_OUT)
    unshare(g, sum(answer.width for answer in answers))
    x = ["batch", "time"] if tokens else ["batch", "time", features]
    inputs = [
        tensor(X, x, INT64 if tokens else FLOAT),
        tensor(LENGTHS, ["batch"], INT32),
    ]
    outputs = [
        tensor(each.name, ["batch", *(["time"] if each.head == "sequence" else []), each.width])
        for each in answers
    ]
    if size:
        inputs.append(tensor(STATE, ["batch", size]))
        outputs.append(tensor(STATE_OUT, ["batch", size]))
    return g.model(inputs, outputs)


def order_layers(g: Emitter) -> None:
    """Order the pieces of the state: those of the layers first, in the order of their nodes."""
    layers = [piece for piece in g.pieces if piece.what in ("h", "c")]
    g.pieces = layers + [piece for piece in g.pieces if piece.what not in ("h", "c")]


def _split_state(g: Emitter) -> None:
    """Write the nodes that split the state (B, S) into its pieces (1, B, n), first of all."""
    written, g.nodes = g.nodes, []
    starts, sizes = zip(*((piece.start, piece.size) for piece in g.pieces), strict=True)
    if len(starts) == 1:
        g.add("Unsqueeze", [STATE, g.axes(0)], starts[0])
    else:
        whole = g.add("Unsqueeze", [STATE, g.axes(0)], "state_rows")
        split = g.constant("state_sizes", np.array(sizes, np.int64))
        g.append("Split", [whole, split], list(starts), axis=2)
    g.nodes += written
