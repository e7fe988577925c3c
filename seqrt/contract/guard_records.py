"""The guard's checks around the nodes: metadata records, versions, inputs, outputs, constants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from seqrt.contract import IR_VERSION, MANIFEST_KEY, OPSET, PROOF_KEY
from seqrt.contract.idioms.fixed_node import Size
from seqrt.contract.manifest import LONGEST_MANIFEST
from seqrt.contract.onnx_reader import guard_error, read_message
from seqrt.contract.operators import Declared, GraphError, Value
from seqrt.contract.protobuf import fields
from seqrt.errors import ModelError

_OPSETS = range(14, OPSET + 1)
_IRS = range(7, IR_VERSION + 1)

_METADATA_FIELD = 14
# In bytes.
_LONGEST = {MANIFEST_KEY: LONGEST_MANIFEST, PROOF_KEY: 16 << 20}
_LONGEST_OTHER = 1 << 16
# onnxruntime reads session options from this record if an environment variable allows it.
_OPTIONS = "ort_config"


def read_records(whole: memoryview) -> dict[str, memoryview]:
    """Return the metadata records, which are read first: they show whether seqrt wrote the file."""
    records: dict[str, memoryview] = {}
    for number, _, value in fields(whole):
        if number == _METADATA_FIELD and isinstance(value, memoryview):
            record = read_message("record", value)
            key, text = record["key"] or "", record["value"] or whole[:0]
            if key in records or key == _OPTIONS:
                raise guard_error(f"has a forbidden or duplicate metadata record {key!r:.60}")
            if len(text) > _LONGEST.get(key, _LONGEST_OTHER):
                raise guard_error(f"has a metadata record {key!r:.60} of {len(text):,} bytes")
            records[key] = text
    for key in (MANIFEST_KEY, PROOF_KEY):
        if key not in records:
            raise ModelError(
                f"E_MODEL_FOREIGN: a seqrt model must have the metadata record {key},"
                " which this file lacks. Export it with seqrt."
            )
    return records


def check_versions(model: dict[str, Any]) -> None:
    """Raise ModelError unless the opset and the IR version of a model are known ones."""
    versions = [(opset["domain"] or "", opset["version"]) for opset in model["opset_import"]]
    if len(versions) != 1 or versions[0][0]:
        raise guard_error(f"uses the operator sets {versions!r:.60}")
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
            raise guard_error(f"has ONNX {what} {got}, where the oldest known is {known[0]}")


def check_declared(what: str, wanted: Declared, values: list[dict[str, Any]]) -> None:
    """Raise GraphError unless the inputs or outputs of a graph are those that are wanted."""
    got = [_declared(value) for value in values]
    if got != wanted:
        raise GraphError(f"the manifest requires {what} {wanted}, but the graph has {got}")


def _declared(value: dict[str, Any]) -> tuple[str, tuple[Size | None, ...], int | None]:
    tensor = (value["type"] or {}).get("tensor_type") or {}
    dims = (tensor.get("shape") or {}).get("dim", [])
    if any(dim["dim_value"] is not None and dim["dim_param"] is not None for dim in dims):
        raise guard_error(f"has a size with both a number and a name in {value['name']!r}")
    sizes = (d["dim_param"] if d["dim_value"] is None else d["dim_value"] for d in dims)
    return value["name"], tuple(sizes), tensor.get("elem_type")


def read_constants(tensors: list[dict[str, Any]], sizes: Mapping[int, int]) -> dict[str, Value]:
    """Return the initialisers by name; `sizes` has the bytes of a number of each allowed type."""
    constants = dict(_constant(tensor, sizes) for tensor in tensors)
    if len(constants) != len(tensors):
        raise guard_error("has two initialisers with the same name")
    return constants


def _constant(tensor: dict[str, Any], sizes: Mapping[int, int]) -> tuple[str, Value]:
    """Return the name and value of an initialiser, whose bytes must fill its shape exactly."""
    name, shape, kind = tensor["name"], tuple(tensor["dims"]), tensor["data_type"]
    data = memoryview(b"") if tensor["raw_data"] is None else tensor["raw_data"]
    if not name or kind not in sizes or min(shape, default=1) < 1:
        raise guard_error(f"has an initialiser {name!r} of type {kind} and shape {shape}")
    if math.prod(shape) * sizes[kind] != len(data):
        raise guard_error(f"has {len(data):,} bytes for the initialiser {name!r} of shape {shape}")
    return name, Value(kind, shape, data)
