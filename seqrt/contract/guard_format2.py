"""The guard's further checks of files of format 2: idioms, state, decoders, several outputs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from seqrt.contract import LENGTHS, STATE, STATE_OUT, Manifest, X, Y
from seqrt.contract.guard_missing import as_fixed_node
from seqrt.contract.idioms.fixed_node import (
    BATCH,
    TIME,
    Constant,
    Idiom,
    Shape,
    without_phases,
)
from seqrt.contract.idioms.recognise import FoundGroup, idiom_of, recognised, streams
from seqrt.contract.onnx_reader import FLOAT, INT32, INT64, guard_error
from seqrt.contract.operators import HIDDEN, Declared, GraphError, LayerNode, Value

Node = dict[str, Any]
_ACTIVATIONS: Final = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_HEAVY: Final = ("MatMul", "RNN", "GRU", "LSTM")
# The most numbers of a value without time, besides the state: 256 kB a row.
_WIDEST_ROW: Final = 1 << 16
# A matrix may be used this many times, and their work at each step be this many times the least.
_MOST_USES: Final = 8


def signature(m: Manifest) -> tuple[Declared, Declared]:
    """Return the inputs and outputs of a graph of format 2: names, shapes, types."""
    x: tuple[str, Shape, int] = (X, (BATCH, TIME, len(m.features)), FLOAT)
    if m.tokens:
        x = (X, (BATCH, TIME), INT64)
    inputs: Declared = [x, (LENGTHS, (BATCH,), INT32)]
    heads = [(head.name, head.outputs, head.head) for head in m.heads]
    outputs: Declared = []
    for name, size, head in heads or [(Y, len(m.outputs), m.head)]:
        shape: Shape = (BATCH, TIME, size) if head == "sequence" else (BATCH, size)
        outputs.append((name, shape, FLOAT))
    if m.streamable:
        inputs.append((STATE, (BATCH, m.state_size), FLOAT))
        outputs.append((STATE_OUT, (BATCH, m.state_size), FLOAT))
    return inputs, outputs


def widest(m: Manifest, constants: Mapping[str, Value], times: int) -> tuple[int, int]:
    """Return how many numbers a value over time may have for each step, and any other for each row.

    `times` the largest of the sizes in the manifest and the longest axis of a matrix in the file.
    """
    layers = (*m.layers, *m.decoders)
    sizes = [layer.units * (1 + layer.bidirectional) for layer in layers]
    matrices = [value.shape for value in constants.values() if len(value.shape) > 1]
    sizes += [int(size) for shape in matrices for size in shape]
    step = times * max(*sizes, len(m.features), len(m.outputs))
    return step, max(step, m.state_size, _WIDEST_ROW)


def parts(nodes: list[Node]) -> Iterator[tuple[tuple[str, int] | None, list[Node]]]:
    """Yield the nodes of each idiom together, with its kind and number, and all others alone."""
    for idiom, group in groupby(nodes, key=lambda node: idiom_of(node["name"])):
        if idiom:
            yield idiom, list(group)
        else:
            yield from ((None, [node]) for node in group)


def idiom_outputs(
    kind: str, number: int, nodes: list[Node], values: Mapping[str, Value], m: Manifest
) -> dict[str, Value]:
    """Return the outputs of the nodes of an idiom; raise GraphError unless they are as written."""
    read = {name: values[name] for node in nodes for name in node["input"] if name in values}
    shapes = {name: value.shape for name, value in read.items()}
    constants = {
        name: Constant(value.kind, tuple(map(int, value.shape)), bytes(value.data))
        for name, value in read.items()
        if value.data is not None and len(value.shape) < 2
    }
    fixed = [as_fixed_node(node) for node in nodes]
    if None in fixed:
        raise GraphError(f"the nodes of {kind}.{number} are not those of the idiom")
    try:
        idiom = recognised(kind, FoundGroup(number, [n for n in fixed if n], shapes, constants))
    except ValueError as error:
        raise GraphError(str(error)) from None
    _check_use(kind, idiom, m)
    for name, wanted in idiom.reads.items():
        value = values.get(name)
        if value is None or (value.kind, value.shape) != wanted:
            raise GraphError(
                f"{kind}.{number} reads {name!r:.60} of shape {wanted[1]}, got {value}"
            )
    outputs = dict.fromkeys((node.output for node in idiom.nodes), HIDDEN)
    if outputs.keys() & values.keys():
        raise GraphError(f"the outputs of {kind}.{number} must have new names")
    return outputs | {name: Value(*written) for name, written in idiom.writes.items()}


def _check_use(kind: str, idiom: Idiom, m: Manifest) -> None:
    if idiom.least > m.least:
        raise GraphError(f"{kind} needs rows of {idiom.least} steps, the manifest says {m.least}")
    if m.streamable and not streams(kind, idiom):
        raise GraphError(f"a network that streams must not have {kind}, which needs whole rows")
    if kind == "embedding" and m.tokens < 1:
        raise GraphError("an embedding needs the number of tokens in the manifest")
    if kind == "tokens":
        _, table = [shape for _, shape in idiom.reads.values()]
        wanted = (m.tokens, m.text.width if m.text else table[1])
        if table != wanted:
            raise GraphError(f"the manifest requires a table of shape {wanted}, got {table}")


def check_graph(
    nodes: list[Node], values: Mapping[str, Value], found: list[LayerNode], m: Manifest
) -> None:
    """Raise GraphError unless layers, state and activations are those of the manifest."""
    layers = tuple(each.layer for each in found if not each.layer.steps)
    decoders = tuple(each.layer for each in found if each.layer.steps)
    wanted = tuple(node for layer in m.layers for node in layer.nodes)
    if (layers, decoders) != (wanted, m.decoders):
        raise GraphError(
            f"the manifest requires the layers {wanted} and decoders {m.decoders},"
            f" but the graph has {layers} and {decoders}"
        )
    if m.streamable:
        _check_starts(nodes, values, [each.starts for each in found if not each.layer.steps], m)
    heads = [(head.name, head.activation) for head in m.heads] or [(Y, m.activation)]
    last = {name: node["op_type"] for node in nodes for name in node["output"]}
    for name, activation in heads:
        if _ACTIVATIONS.get(last.get(name) or "", "none") != activation:
            raise GraphError(
                f"the manifest requires the activation {activation} for {name!r:.60},"
                f" but the graph ends in {last.get(name)!r:.60}"
            )
    if m.text:
        _check_text(nodes)
    _check_work(nodes, values, m)


def _check_text(nodes: list[Node]) -> None:
    """Raise GraphError unless the ids of text are read by the idiom `tokens` alone.

    All other idioms read no more than the shape of x.
    """
    readers = [node for node in nodes if X in node["input"] and node["op_type"] != "Shape"]
    kinds = {idiom_of(node["name"]) for node in readers}
    if kinds != {("tokens", 0)}:
        names = sorted({str(node["name"]) for node in readers})
        raise GraphError(f"the ids of text must be read by the idiom tokens, not by {names!r:.80}")


def _check_starts(
    nodes: list[Node], values: Mapping[str, Value], starts: list[list[str]], m: Manifest
) -> None:
    """Raise GraphError unless each layer starts from a piece of state, or from one plus a value."""
    rows = [node["output"][0] for node in nodes if node["input"][:1] == [STATE]]
    readers = [node for node in nodes if STATE in node["input"]]
    splits = [node for node in nodes if rows and node["input"][:1] == rows[:1]]
    pieces = set(rows)
    if len(m.carries) > 1:
        if len(splits) != 1 or splits[0]["op_type"] != "Split":
            raise GraphError("the state must be split into the pieces that the manifest lists")
        pieces = set(splits[0]["output"])
        got = [values[name].shape for name in splits[0]["output"]]
        if got != [(1, BATCH, piece.size) for piece in m.carries]:
            raise GraphError(f"the pieces of the state must be {m.carries}, got {got}")
    if len(readers) != 1 or readers[0]["op_type"] != "Unsqueeze":
        raise GraphError("the state must be read once, to be split into its pieces")
    sums = {
        name
        for node in nodes
        if node["op_type"] == "Add" and pieces & set(node["input"])
        for name in node["output"]
    }
    allowed = pieces | sums
    for node in nodes:
        kind, _ = idiom_of(node["name"]) or ("", 0)
        if kind == "phases" and allowed & set(node["input"]):
            allowed.update(node["output"])
    if not all(names and set(names) <= allowed for names in starts):
        raise GraphError("each layer over time must start from its piece of the state")


def _check_work(nodes: list[Node], values: Mapping[str, Value], m: Manifest) -> None:
    """Raise ModelError if the work of a step or of a row is not in proportion to the file.

    Decoders that feed themselves use their matrices once for each output. Whatever is used again
    at each step may cost a few times as much as using every matrix once.
    """
    used = Counter(
        (name, any(_has_time(values.get(out)) for out in node["output"]))
        for node in nodes
        if node["op_type"] in _HEAVY
        for name in node["input"]
        if name in values and values[name].data is not None and len(values[name].shape) > 1
    )
    most = max(_MOST_USES, len(m.outputs))
    sizes = {name: math.prod(map(int, values[name].shape)) for name, _ in used}
    again = sum(sizes[name] * (times - 1) for (name, at_steps), times in used.items() if at_steps)
    name = max(used, key=lambda each: used[each], default=("", False))
    if used[name] > most or again > _MOST_USES * sum(sizes.values()):
        raise guard_error(f"uses the weights {name[0]!r:.60} {used[name]} times")


def _has_time(value: Value | None) -> bool:
    return value is not None and TIME in without_phases(value.shape)
