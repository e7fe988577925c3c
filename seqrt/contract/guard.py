"""The guard: checks a whole model file before onnxruntime sees any of its bytes.

onnxruntime does whatever a file says: run operators that allocate gigabytes or never end, read
tensors from other files, trust shapes that contradict the weights. The guard passes only what
`seqrt export` writes, and only if it agrees with the manifest. A file that passes

- reads nothing but its own bytes, and has no loops, sub-graphs or functions;
- has shapes that are known before it runs, except for batch and time, and none is wider than a few
  times the sizes in the manifest: the file's size bounds memory and work per step;
- never mixes rows, and carries values between steps only in its recurrent layers;
- has the inputs, outputs, sizes, cells, directions and activations of the manifest.

An attacker who can write the file can seal it again, so nothing here relies on the seal. The guard
cannot know whether the weights are those that were trained: that takes a signature.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from seqrt.contract import (
    FORMAT,
    LENGTHS,
    MANIFEST_KEY,
    PROOF_KEY,
    STATE,
    STATE_OUT,
    Layer,
    Manifest,
    X,
    Y,
)
from seqrt.contract.guard_missing import policy_outputs, split_at_policy
from seqrt.contract.guard_records import (
    check_declared,
    check_versions,
    read_constants,
    read_records,
)
from seqrt.contract.idioms.fixed_node import (
    BATCH,
    TIME,
    Shape,
    Size,
    dilation_of,
    without_phases,
)
from seqrt.contract.onnx_reader import FLOAT, INT32, SIZES, attribute, guard_error, read_message
from seqrt.contract.operators import (
    NOTHING,
    OPERATORS,
    Declared,
    GraphError,
    LayerNode,
    NodeCall,
    Operator,
    Value,
    outputs_of,
)
from seqrt.contract.small_weights import stored_sizes
from seqrt.errors import ModelError

# The rules of format 2 are imported by the functions that need them: files of format 1 do not.
_CELLS = ("RNN", "GRU", "LSTM")
_ACTIVATIONS = {"softmax": ["Softmax"], "sigmoid": ["Sigmoid"], "none": []}
# The inputs of a recurrent node without initial states: x, W, R, B and sequence_lens.
_WITHOUT_STATES = 5
# A tensor may be this many times wider than the largest size in the manifest.
_TIMES_WIDER = 4


class Guarded(NamedTuple):
    """The contents of a file that passed: manifest, proof as text, constants by name."""

    manifest: Manifest
    proof: str
    constants: dict[str, Value]


def guard(content: bytes) -> Guarded:
    """Check the bytes of a model file; raise ModelError unless seqrt could have exported them.

    The codes: E_MODEL_FORMAT, not an ONNX file; E_MODEL_FOREIGN, made by another tool;
    E_MODEL_VERSION, too new; E_MODEL_GUARD, it contains something that seqrt never writes;
    E_MODEL_MANIFEST and E_MODEL_GRAPH, it contradicts itself.
    """
    whole = memoryview(content)
    try:
        records = read_records(whole)
        manifest = Manifest.from_json(str(records[MANIFEST_KEY], "utf-8"))
        model = read_message("model", whole)
        check_versions(model)
        constants = _check_graph(model["graph"] or read_message("graph", whole[:0]), manifest)
        return Guarded(manifest, str(records[PROOF_KEY], "ascii"), constants)
    except ModelError:
        raise
    except GraphError as error:
        raise ModelError(f"E_MODEL_GRAPH: {error}. Export the model again.") from None
    except (ValueError, IndexError) as error:
        raise ModelError(
            f"E_MODEL_FORMAT: the model must be an ONNX file, got other bytes ({error})."
        ) from None


def _check_graph(graph: dict[str, Any], manifest: Manifest) -> dict[str, Value]:
    """Check the graph against the manifest and against itself; return its constants."""
    inputs, outputs = _signature(manifest)
    check_declared("inputs", inputs, graph["input"])
    check_declared("outputs", outputs, graph["output"])
    sizes = stored_sizes(manifest.weights)
    constants = read_constants(graph["initializer"], sizes)
    nodes, weights = graph["node"], constants
    if sizes is not SIZES:
        from seqrt.contract.small_weights.check import made_weights

        nodes, weights = made_weights(nodes, constants, manifest.weights)
    values = weights | {name: Value(kind, shape) for name, shape, kind in inputs}
    if len(values) != len(weights) + len(inputs):
        raise guard_error("has an initialiser for an input")
    if manifest.format > FORMAT:
        from seqrt.contract.guard_format2 import check_graph

        check_graph(nodes, values, list(_layers(nodes, values, constants, manifest)), manifest)
    else:
        _check_shared(nodes, constants)
        _check_layers(list(_layers(nodes, values, constants, manifest)), manifest)
        _check_activation(nodes, manifest)
    for name, shape, kind in outputs:
        got = values.get(name)
        if got != (kind, shape, None):
            raise GraphError(f"the graph must compute {name} of shape {shape}, got {got}")
    return constants


def _signature(m: Manifest) -> tuple[Declared, Declared]:
    """Return the inputs and the outputs that the manifest requires: names, shapes, types."""
    if m.format > FORMAT:
        from seqrt.contract.guard_format2 import signature

        return signature(m)
    y: tuple[Size, ...] = (BATCH, len(m.outputs))
    if m.head == "sequence":
        y = (BATCH, TIME, len(m.outputs))
    inputs: Declared = [(X, (BATCH, TIME, len(m.features)), FLOAT), (LENGTHS, (BATCH,), INT32)]
    outputs: Declared = [(Y, y, FLOAT)]
    if m.streamable:
        inputs.append((STATE, (BATCH, m.state_size), FLOAT))
        outputs.append((STATE_OUT, (BATCH, m.state_size), FLOAT))
    return inputs, outputs


def _check_shared(nodes: list[dict[str, Any]], constants: dict[str, Value]) -> None:
    """Reject a matrix with two uses, so that a step costs at most two operations per weight."""
    used = Counter(name for node in nodes for name in node["input"])
    shared = [name for name, value in constants.items() if len(value.shape) > 1 < used[name]]
    if shared:
        raise guard_error(f"uses the weights {shared[0]!r} more than once")


class _Rules(NamedTuple):
    """What a format allows: operators, numbers for each step and row, inputs that are left out."""

    operators: Mapping[str, Operator]
    widest: tuple[int, int]
    optional: bool


def _rules(m: Manifest, constants: Mapping[str, Value]) -> _Rules:
    if m.format > FORMAT:
        from seqrt.contract.guard_format2 import widest
        from seqrt.contract.operators_format2 import OPERATORS_FORMAT2

        return _Rules(OPERATORS_FORMAT2, widest(m, constants, _TIMES_WIDER), True)
    units = max(layer.units * (1 + layer.bidirectional) for layer in m.layers)
    most = _TIMES_WIDER * max(units, len(m.features), len(m.outputs), m.state_size)
    return _Rules(OPERATORS, (most, most), False)


def _layers(
    nodes: list[dict[str, Any]],
    values: dict[str, Value],
    constants: Mapping[str, Value],
    manifest: Manifest,
) -> Iterator[LayerNode]:
    """Yield the layers as `_run` does; the missing-value policy precedes all of them."""
    names = [node["name"] for node in nodes if node["name"]]
    if len(set(names)) != len(names):
        raise guard_error("has two nodes with the same name")
    before, policy, after = split_at_policy(nodes, manifest)
    rules = _rules(manifest, constants)
    yield from _run(before, values, rules, manifest)
    values |= policy_outputs(policy, values, manifest)
    yield from _run(after, values, rules, manifest)


def _run(
    nodes: list[dict[str, Any]], values: dict[str, Value], rules: _Rules, manifest: Manifest
) -> Iterator[LayerNode]:
    """Add each node's outputs to `values`; yield each layer, with its initial states."""
    if not rules.optional:
        for node in nodes:
            yield from _run_node(node, values, rules)
        return
    from seqrt.contract.guard_format2 import idiom_outputs, parts

    for idiom, group in parts(nodes):
        if idiom:
            outputs = idiom_outputs(*idiom, group, values, manifest)
            for value in outputs.values():
                _check_size(without_phases(value.shape), rules.widest)
            values |= outputs
        else:
            yield from _run_node(group[0], values, rules)


def _run_node(node: dict[str, Any], values: dict[str, Value], rules: _Rules) -> Iterator[LayerNode]:
    operator = node["op_type"] or ""
    if node["domain"]:
        raise guard_error(f"has an operator of the domain {node['domain']!r:.60}")
    found = {record["name"]: attribute(record) for record in node["attribute"]}
    if len(found) != len(node["attribute"]):
        raise guard_error(f"has an attribute twice in a {operator!r:.60}")
    try:
        inputs = [values[name] if name or not rules.optional else NOTHING for name in node["input"]]
        call = NodeCall(inputs, found, len(node["output"]))
        outputs = outputs_of(operator, call, rules.operators)
        if rules.optional and all(value.data is not None for value in inputs):
            raise GraphError("it reads constants alone")
        for name, value in zip(node["output"], outputs, strict=True):
            shape = without_phases(value.shape) if operator in _CELLS else value.shape
            _check_size(shape, rules.widest)
            if name in values or (not name and operator not in _CELLS):
                raise GraphError(f"the output {name!r} must have a new name")
            if name:
                values[name] = value
    except (KeyError, GraphError) as error:
        why = f"no earlier node outputs {error}" if type(error) is KeyError else error
        raise GraphError(
            f"the node {node['name']!r:.60} ({operator}) does not fit: {why}"
        ) from None
    if operator in _CELLS:
        yield _layer(operator, found, outputs[0].shape[0], node["input"][_WITHOUT_STATES:])


def _check_size(shape: Shape, widest: tuple[int, int]) -> None:
    """Raise GraphError if batch or time occurs twice in a shape, or if the rest is too wide.

    `widest` is for each step of a value over time, and for each row of any other.
    """
    sizes = [size for size in shape if isinstance(size, int)]
    if len(shape) - len(sizes) != len({*shape} & {BATCH, TIME}):
        raise GraphError(f"the output has shape {shape}")
    most = widest[TIME not in shape]
    if math.prod(sizes) > most:
        raise GraphError(f"the output has shape {shape}, wider than {most:,}")


def _layer(operator: str, attributes: dict[str, Any], time: Size, starts: list[str]) -> LayerNode:
    cell: Any = operator.lower()
    bidirectional = attributes["direction"] == "bidirectional"
    functions = attributes.get("activations", [])
    functions = functions[: len(functions) // (1 + bidirectional)]
    nonlinearity: Any = functions[0].lower() if operator == "RNN" else "tanh"
    gated = () if operator == "RNN" else tuple(functions)
    reverse = attributes["direction"] == "reverse"
    steps = time if isinstance(time, int) else 0
    units, dilation = attributes["hidden_size"], dilation_of(time)
    layer = Layer(cell, units, bidirectional, nonlinearity, reverse, steps, dilation, gated)
    return LayerNode(layer, starts)


def _check_layers(found: list[LayerNode], manifest: Manifest) -> None:
    layers = tuple(each.layer for each in found)
    if layers != manifest.layers:
        raise GraphError(
            f"the manifest requires the layers {manifest.layers}, but the graph has {layers}"
        )
    if any(bool(each.starts) != manifest.streamable for each in found):
        raise GraphError(
            "the layers must have initial states if the network is unidirectional, and only then"
        )


def _check_activation(nodes: list[dict[str, Any]], manifest: Manifest) -> None:
    """Raise GraphError unless the manifest's softmax or sigmoid outputs y, and nothing else."""
    wanted = _ACTIVATIONS[manifest.activation]
    found = [node for node in nodes if node["op_type"] in ("Softmax", "Sigmoid")]
    kinds = [node["op_type"] for node in found]
    if kinds != wanted or any(node["output"] != [Y] for node in found):
        raise GraphError(
            f"the manifest requires the activation {wanted}, but the graph has {kinds}"
        )
