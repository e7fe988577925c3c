"""The guard: what a model file holds, checked whole before onnxruntime sees a byte of it.

onnxruntime runs what a file says: operators that allocate gigabytes or never end, tensors read from
other files, shapes that disagree with the weights behind them. The guard lets pass only what
`seqrt export` writes, and only where it is what the manifest says. What has passed

- reads nothing outside its own bytes, and has no loops, sub-graphs or functions;
- has shapes that are known, but for batch and time, before it runs, none wider than a few times
  what the manifest names: memory and work a step are bounded by the size of the file;
- mixes no rows, and carries nothing from step to step but in its recurrent layers;
- takes, gives and computes with the sizes, cells, directions and functions of the manifest.

An attacker who can write the file can seal it again, so nothing here relies on the seal. What the
guard cannot know is whether the weights are the ones that were trained: that takes a signature.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from seqrt.contract import (
    IR_VERSION,
    LENGTHS,
    MANIFEST_KEY,
    OPSET,
    PROOF_KEY,
    STATE,
    STATE_OUT,
    Layer,
    Manifest,
    X,
    Y,
)
from seqrt.contract.guard_missing import policy_outputs, split_at_policy
from seqrt.contract.onnx_reader import FLOAT, INT32, SIZES, attribute, guard_error, read_message
from seqrt.contract.operators import BATCH, TIME, Call, GraphError, Size, Value, output_of
from seqrt.contract.protobuf import fields
from seqrt.errors import ModelError

_OPSETS = range(14, OPSET + 1)
_IRS = range(7, IR_VERSION + 1)

_METADATA_FIELD = 14
_LONGEST = {MANIFEST_KEY: 1 << 20, PROOF_KEY: 16 << 20}
_LONGEST_OTHER = 1 << 16
# onnxruntime takes options from this record where an environment variable tells it to.
_OPTIONS = "ort_config"

_CELLS = ("RNN", "GRU", "LSTM")
_ACTIVATIONS = {"softmax": ["Softmax"], "sigmoid": ["Sigmoid"], "none": []}
_WITHOUT_STARTS = 5
_TIMES_WIDER = 4

Declared = list[tuple[str, tuple[Size | None, ...], int]]


class Guarded(NamedTuple):
    """What the guard found in a file: its own account, its proof, and its constants by name."""

    manifest: Manifest
    proof: str
    constants: dict[str, Value]


def guard(content: bytes) -> Guarded:
    """Check the bytes of a model file; raise ModelError unless they are what export writes.

    The codes: E_MODEL_FORMAT, no ONNX file; E_MODEL_FOREIGN, another tool's; E_MODEL_VERSION, too
    new; E_MODEL_GUARD, it holds what seqrt never writes; E_MODEL_MANIFEST and E_MODEL_GRAPH, it
    contradicts itself.
    """
    whole = memoryview(content)
    try:
        records = _records(whole)
        manifest = Manifest.from_json(str(records[MANIFEST_KEY], "utf-8"))
        model = read_message("model", whole)
        _check_versions(model)
        constants = _check_graph(model["graph"] or read_message("graph", whole[:0]), manifest)
        return Guarded(manifest, str(records[PROOF_KEY], "ascii"), constants)
    except ModelError:
        raise
    except GraphError as error:
        raise ModelError(f"E_MODEL_GRAPH: {error}. Export the model again.") from None
    except (ValueError, IndexError) as error:
        raise ModelError(
            f"E_MODEL_FORMAT: the model must be an ONNX file, got bytes that are none ({error})."
        ) from None


def _records(whole: memoryview) -> dict[str, memoryview]:
    """Return the metadata, looked at first because it says whose file this is."""
    records: dict[str, memoryview] = {}
    for number, _, value in fields(whole):
        if number == _METADATA_FIELD and isinstance(value, memoryview):
            record = read_message("record", value)
            key, text = record["key"] or "", record["value"] or whole[:0]
            if key in records or key == _OPTIONS:
                raise guard_error(f"has the metadata record {key!r:.60}, or has it twice")
            if len(text) > _LONGEST.get(key, _LONGEST_OTHER):
                raise guard_error(f"has a metadata record {key!r:.60} of {len(text):,} bytes")
            records[key] = text
    for key in (MANIFEST_KEY, PROOF_KEY):
        if key not in records:
            raise ModelError(
                f"E_MODEL_FOREIGN: a seqrt model must have the metadata record {key},"
                " and this one has none. Export it with seqrt."
            )
    return records


def _check_versions(model: dict[str, Any]) -> None:
    versions = [(opset["domain"] or "", opset["version"]) for opset in model["opset_import"]]
    if len(versions) != 1 or versions[0][0]:
        raise guard_error(f"uses the operators of {versions!r:.60}")
    for what, got, known in (
        ("opset", versions[0][1], _OPSETS),
        ("IR version", model["ir_version"], _IRS),
    ):
        if got is not None and got > known[-1]:
            raise ModelError(
                f"E_MODEL_VERSION: this file has ONNX {what} {got}; this seqrt reads up to"
                f" {known[-1]}. Upgrade with: pip install -U seqrt"
            )
        if got not in known:
            raise guard_error(f"has ONNX {what} {got}, where {known[0]} is the first")


def _check_graph(graph: dict[str, Any], manifest: Manifest) -> dict[str, Value]:
    """Hold the graph against itself and the manifest; return its constants."""
    takes, gives = _wanted(manifest)
    _check_declared("take", takes, graph["input"])
    _check_declared("give", gives, graph["output"])
    constants = dict(map(_constant, graph["initializer"]))
    if len(constants) != len(graph["initializer"]):
        raise guard_error("has two initialisers of one name")
    _check_shared(graph["node"], constants)
    values = constants | {name: Value(kind, shape) for name, shape, kind in takes}
    if len(values) != len(constants) + len(takes):
        raise guard_error("has an initialiser for an input")
    layers = list(_layers(graph["node"], values, manifest))
    _check_layers(layers, manifest)
    _check_activation(graph["node"], manifest)
    for name, shape, kind in gives:
        if values.get(name) != Value(kind, shape):
            raise GraphError(
                f"the graph must compute {name} of shape {shape}, got {values.get(name)}"
            )
    return constants


def _wanted(m: Manifest) -> tuple[Any, Any]:
    """Return what a graph must take and give by its manifest: names, shapes, types."""
    outputs, state = len(m.outputs), (BATCH, m.state_size)
    takes = [(X, (BATCH, TIME, len(m.features)), FLOAT), (LENGTHS, (BATCH,), INT32)]
    gives = [(Y, (BATCH, TIME, outputs) if m.head == "sequence" else (BATCH, outputs), FLOAT)]
    if m.streamable:
        takes.append((STATE, state, FLOAT))
        gives.append((STATE_OUT, state, FLOAT))
    return takes, gives


def _check_declared(what: str, wanted: Declared, values: list[dict[str, Any]]) -> None:
    got = [_declared(value) for value in values]
    if got != wanted:
        raise GraphError(f"by its manifest the graph must {what} {wanted}, it does {got}")


def _declared(value: dict[str, Any]) -> tuple[str, tuple[Size | None, ...], int | None]:
    tensor = (value["type"] or {}).get("tensor_type") or {}
    dims = (tensor.get("shape") or {}).get("dim", [])
    if any(dim["dim_value"] is not None and dim["dim_param"] is not None for dim in dims):
        raise guard_error(f"has a size with a number and a name in {value['name']!r}")
    sizes = (d["dim_param"] if d["dim_value"] is None else d["dim_value"] for d in dims)
    return value["name"], tuple(sizes), tensor.get("elem_type")


def _constant(tensor: dict[str, Any]) -> tuple[str, Value]:
    """Return name and value of an initialiser whose bytes are exactly those of its shape."""
    name, shape, kind = tensor["name"], tuple(tensor["dims"]), tensor["data_type"]
    data = memoryview(b"") if tensor["raw_data"] is None else tensor["raw_data"]
    if not name or kind not in SIZES or min(shape, default=1) < 1:
        raise guard_error(f"has an initialiser {name!r} of type {kind} and shape {shape}")
    if math.prod(shape) * SIZES[kind] != len(data):
        raise guard_error(f"has {len(data):,} bytes for the initialiser {name!r} of shape {shape}")
    return name, Value(kind, shape, data)


def _check_shared(nodes: list[dict[str, Any]], constants: dict[str, Value]) -> None:
    """A matrix serves one node, so that work a step is at most twice the numbers in the file."""
    used = Counter(name for node in nodes for name in node["input"])
    shared = [name for name, value in constants.items() if len(value.shape) > 1 < used[name]]
    if shared:
        raise guard_error(f"uses the weights {shared[0]!r} more than once")


def _widest(m: Manifest) -> int:
    units = max(layer.units * (1 + layer.bidirectional) for layer in m.layers)
    return _TIMES_WIDER * max(units, len(m.features), len(m.outputs), m.state_size)


def _layers(
    nodes: list[dict[str, Any]], values: dict[str, Value], manifest: Manifest
) -> Iterator[tuple[Layer, bool]]:
    """Yield the layers as `_run` does; the policy for missing values stands before them."""
    names = [node["name"] for node in nodes if node["name"]]
    if len(set(names)) != len(names):
        raise guard_error("has two nodes of one name")
    before, policy, after = split_at_policy(nodes, manifest)
    yield from _run(before, values, _widest(manifest))
    values |= policy_outputs(policy, values, manifest)
    yield from _run(after, values, _widest(manifest))


def _run(
    nodes: list[dict[str, Any]], values: dict[str, Value], widest: int
) -> Iterator[tuple[Layer, bool]]:
    """Add to `values` what each node gives; yield the layers, and whether each has a start."""
    for node in nodes:
        operator = node["op_type"] or ""
        if node["domain"]:
            raise guard_error(f"has an operator of the domain {node['domain']!r:.60}")
        found = {record["name"]: attribute(record) for record in node["attribute"]}
        if len(found) != len(node["attribute"]):
            raise guard_error(f"has an attribute twice in a {operator!r:.60}")
        try:
            inputs = [values[name] for name in node["input"]]
            outputs = output_of(operator, Call(inputs, found, len(node["output"])))
            for name, value in zip(node["output"], outputs, strict=True):
                _check_size(value, widest)
                if name in values or (not name and operator not in _CELLS):
                    raise GraphError(f"it gives {name!r} anew")
                if name:
                    values[name] = value
        except (KeyError, GraphError) as error:
            why = f"{error} is not there yet" if type(error) is KeyError else error
            raise GraphError(
                f"the node {node['name']!r:.60} ({operator}) must fit: {why}"
            ) from None
        if operator in _CELLS:
            yield _layer(operator, found), len(inputs) > _WITHOUT_STARTS


def _check_size(value: Value, widest: int) -> None:
    """Rows by steps by a bounded width: no batch squared, nothing wider than the network is."""
    sizes = [size for size in value.shape if isinstance(size, int)]
    if len(value.shape) - len(sizes) != len({*value.shape} & {BATCH, TIME}):
        raise GraphError(f"it gives shape {value.shape}")
    if math.prod(sizes) > widest:
        raise GraphError(f"it gives shape {value.shape}, wider than {widest:,}")


def _layer(operator: str, attributes: dict[str, Any]) -> Layer:
    cell: Any = operator.lower()
    nonlinearity: Any = attributes.get("activations", ["tanh"])[0].lower()
    both = attributes["direction"] == "bidirectional"
    return Layer(cell, attributes["hidden_size"], both, nonlinearity)


def _check_layers(found: list[tuple[Layer, bool]], manifest: Manifest) -> None:
    layers = tuple(layer for layer, _ in found)
    if layers != manifest.layers:
        raise GraphError(f"by its manifest the layers must be {manifest.layers}, they are {layers}")
    if any(starts != manifest.streamable for _, starts in found):
        raise GraphError("each layer of a causal network must start from state, and no other may")


def _check_activation(nodes: list[dict[str, Any]], manifest: Manifest) -> None:
    """Softmax or sigmoid stands at the end or nowhere, as the manifest says."""
    wanted = _ACTIVATIONS[manifest.activation]
    found = [node for node in nodes if node["op_type"] in ("Softmax", "Sigmoid")]
    kinds = [node["op_type"] for node in found]
    if kinds != wanted or any(node["output"] != [Y] for node in found):
        raise GraphError(f"by its manifest the activation must be {wanted}, the graph has {kinds}")
