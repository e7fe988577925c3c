"""The graph of an ONNX file of another exporter: nodes, constants, inputs, outputs, all checked."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import MANIFEST_KEY
from seqrt.contract.protobuf import LENGTH, signed
from seqrt.errors import UsageError
from seqrt.export.onnx_in.messages import read_messages, varints
from seqrt.export.onnx_in.refusal import bad_onnx, cannot_import
from seqrt.export.untrusted import as_ascii

Array = NDArray[Any]
Size = int | str

OLDEST_OPSET, NEWEST_OPSET = 7, 26
# Number, name and numpy's type of the tensor types of ONNX that may occur.
_TYPES: dict[int, Any] = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}
_TYPE_NAMES = {2: "uint8", 3: "int8", 8: "string", 10: "float16", 16: "bfloat16"}
_PACKED = {1: "float_data", 6: "int32_data", 7: "int64_data", 9: "int32_data", 11: "double_data"}
_ATTRIBUTES = {
    1: "f",
    2: "i",
    3: "s",
    4: "t",
    5: "g",
    6: "floats",
    7: "ints",
    8: "strings",
    10: "graphs",
}
_OWN_DOMAINS = ("", "ai.onnx")
# Python needs some forty bytes for each of them.
_MOST_PACKED = 1 << 24


@dataclass(frozen=True)
class OnnxNode:
    """A node: its operator, the names of its inputs and outputs, its attributes."""

    operator: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def place(self) -> str:
        """What messages call the node."""
        return f"node {as_ascii(self.name or next(iter(self.outputs), ''))} ({self.operator})"


@dataclass(frozen=True)
class OnnxValue:
    """An input or output of the graph: its type as numpy's, its sizes as numbers or names."""

    name: str
    dtype: Any
    sizes: tuple[Size, ...] | None

    @property
    def described(self) -> str:
        """Name, type and sizes, such as 'x', float32 (batch, 7, 3)."""
        sizes = "" if self.sizes is None else ", ".join(str(s) for s in self.sizes)
        shape = "of unknown shape" if self.sizes is None else f"({sizes})"
        return f"{as_ascii(self.name)}, {np.dtype(self.dtype).name} {shape}"


@dataclass(frozen=True)
class OnnxGraph:
    """The graph of a file: nodes in an order in which they can run, and its constants by name."""

    nodes: tuple[OnnxNode, ...]
    constants: dict[str, Array]
    inputs: tuple[OnnxValue, ...]
    outputs: tuple[OnnxValue, ...]
    opset: int
    producer: str
    content: bytes = field(repr=False, default=b"")


def read_graph(content: bytes) -> OnnxGraph:
    """Return the graph of an ONNX file, its structure checked; nothing in it is run.

    Raises InputError (E_ONNX_FILE) for a file that is damaged or unsafe, and UsageError for one
    that seqrt wrote itself or that needs another version.
    """
    model = read_messages(content)
    if any(record["key"] == MANIFEST_KEY for record in model["metadata_props"]):
        raise UsageError(
            "the file is a model file of seqrt already: use it as it is (seqrt info FILE)."
        )
    graph = model["graph"]
    constants: dict[str, Array] = {}
    for record in graph["initializer"]:
        name = record["name"] or ""
        if not name or name in constants:
            raise bad_onnx(f"every weight must have a name of its own, got {as_ascii(name)}")
        constants[name] = _array(record, name)
    nodes = tuple(_node(record) for record in graph["node"])
    inputs = tuple(_graph_value(v) for v in graph["input"] if v["name"] not in constants)
    outputs = tuple(_graph_value(v) for v in graph["output"])
    producer = " ".join(filter(None, (model["producer_name"], model["producer_version"])))
    found = OnnxGraph(
        nodes, constants, inputs, outputs, _opset(model["opset_import"]), producer, content
    )
    _check_names(found)
    return found


def _opset(records: list[Any]) -> int:
    versions = [r["version"] or 0 for r in records if (r["domain"] or "") in _OWN_DOMAINS]
    if len(versions) != 1 or not OLDEST_OPSET <= versions[0] <= NEWEST_OPSET:
        got = ", ".join(map(str, versions)) or "none"
        raise cannot_import(
            "this ONNX file",
            f"it must use one opset from {OLDEST_OPSET} to {NEWEST_OPSET}, got {got}",
            "Export it again with opset_version=17.",
        )
    return int(versions[0])


def _check_names(graph: OnnxGraph) -> None:
    """Raise InputError unless each value has one source, which comes before its readers."""
    known = set(graph.constants)
    for value in graph.inputs:
        if value.name in known:
            raise bad_onnx(f"two inputs are called {as_ascii(value.name)}")
        known.add(value.name)
    for node in graph.nodes:
        missing = [name for name in node.inputs if name and name not in known]
        if missing:
            raise bad_onnx(f"{node.place} reads {as_ascii(missing[0])}, which is not computed yet")
        for name in filter(None, node.outputs):
            if name in known:
                raise bad_onnx(f"{as_ascii(name)} is computed twice, by {node.place} among others")
            known.add(name)
    lost = [value.name for value in graph.outputs if value.name not in known]
    if lost or not graph.outputs:
        raise bad_onnx(f"the output {as_ascii(lost[0])} is not computed" if lost else "no output")


def _node(record: dict[str, Any]) -> OnnxNode:
    domain = record["domain"] or ""
    node = OnnxNode(
        operator=re.sub(r"\W", "?", record["op_type"] or "")[:80],
        domain="" if domain in _OWN_DOMAINS else domain,
        name=record["name"] or "",
        inputs=tuple(record["input"]),
        outputs=tuple(record["output"]),
        attributes={},
    )
    if record["overload"]:
        raise bad_onnx(f"{node.place} calls a function of the file")
    for attribute in record["attribute"]:
        name = attribute["name"] or ""
        if name in node.attributes:
            raise bad_onnx(f"{node.place} has two attributes {as_ascii(name)}")
        node.attributes[name] = _attribute(attribute, node)
    return node


def _attribute(record: dict[str, Any], node: OnnxNode) -> Any:
    kind = _ATTRIBUTES.get(record["type"] or 0, "")
    name = as_ascii(record["name"])
    others = [n for n in _ATTRIBUTES.values() if n != kind and record[n] not in (None, [])]
    if not kind or others:
        raise bad_onnx(f"the attribute {name} of {node.place} is not of the type that it declares")
    if kind in ("g", "graphs"):
        raise cannot_import(
            node.place,
            "it runs a graph inside the graph",
            "Export the layer as one RNN, LSTM or GRU node; seqrt files have no control flow.",
        )
    value = record[kind]
    if value is None:
        # Zero and the empty text may be left out.
        value = {"f": 0.0, "i": 0, "s": ""}.get(kind)
    if kind == "t":
        return _array(value, f"attribute {name} of {node.place}") if value else np.zeros(0)
    return value


def _array(record: dict[str, Any], name: str) -> Array:
    """Return a tensor message as an array, a view of the file where that can be."""
    sizes, kind = tuple(record["dims"]), record["data_type"] or 0
    what = f"the tensor {as_ascii(name)}"
    if record["data_location"]:
        raise bad_onnx(f"{what} has its weights in another file", "Save the model as one file.")
    if kind not in _TYPES:
        raise cannot_import(
            what,
            f"its type is {_TYPE_NAMES.get(kind, f'number {kind} of ONNX')}; a file holds float32",
            "Convert the model to float32 before the export.",
        )
    if any(size < 0 for size in sizes):
        raise bad_onnx(f"{what} has negative sizes {sizes}")
    dtype = np.dtype(_TYPES[kind])
    count = math.prod(sizes)
    raw, packed = record["raw_data"], record[_PACKED[kind]]
    data = raw if raw is not None else _unpacked(packed, kind)
    if len(data) != count * dtype.itemsize or (raw is not None and packed):
        raise bad_onnx(
            f"{what} must have {count * dtype.itemsize:,} bytes for shape {sizes}, got"
            f" {len(data):,}"
        )
    values: Array = np.frombuffer(data, dtype.newbyteorder("<")).reshape(sizes)
    return values


def _unpacked(parts: list[tuple[int, Any]], kind: int) -> bytes | memoryview:
    """Return the little-endian bytes of the typed fields of a tensor."""
    if kind in (1, 11):
        pieces = [bytes(value) for _, value in parts]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if sum(len(value) for wire, value in parts if wire == LENGTH) > _MOST_PACKED:
        raise bad_onnx("more than 16 MiB of whole numbers are packed one by one")
    numbers: list[int] = []
    for wire, value in parts:
        numbers += varints(value) if wire == LENGTH else [signed(value)]
    code = {6: "i", 7: "q", 9: "?"}[kind]
    try:
        return struct.pack(f"<{len(numbers)}{code}", *numbers)
    except struct.error:
        raise bad_onnx("a weight is outside the range of its type") from None


def _graph_value(record: dict[str, Any]) -> OnnxValue:
    name = record["name"] or ""
    tensor = (record["type"] or {}).get("tensor_type")
    if not name or tensor is None:
        raise bad_onnx(f"the input or output {as_ascii(name)} has no tensor type")
    kind = tensor["elem_type"] or 0
    if kind not in _TYPES:
        raise cannot_import(
            f"{as_ascii(name)}",
            f"its type is {_TYPE_NAMES.get(kind, f'number {kind} of ONNX')}; it must be float32",
            "Convert the model to float32 before the export.",
        )
    sizes: tuple[Size, ...] | None = None
    if tensor["shape"] is not None:
        sizes = tuple(_size(dim, place) for place, dim in enumerate(tensor["shape"]["dim"]))
    return OnnxValue(name, _TYPES[kind], sizes)


def _size(dim: dict[str, Any], place: int) -> Size:
    number = dim["dim_value"]
    if number is not None and number > 0:
        return int(number)
    # Some exporters write -1 or 0 for a size that may vary.
    return re.sub(r"\W", "_", dim["dim_param"] or "")[:40] or f"size{place}"
