"""Reads the messages of an ONNX file of any exporter, by a table of the fields that it may have.

The file is untrusted. Tensors stay views of the file, nothing is allocated by a size that the file
claims, and sub-graphs, functions and external data are named and not read. As in seqrt.contract, a
field that may occur once and occurs twice is rejected, so onnxruntime cannot read another graph.

The field numbers are those of the ONNX specification, onnx.proto (Apache-2.0).
"""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import Any, NamedTuple

from seqrt.contract.protobuf import FIXED32, FIXED64, LENGTH, VARINT, fields, signed
from seqrt.errors import InputError
from seqrt.export.onnx_in.refusal import bad_onnx

MOST_NODES = 4_000
_LONGEST_TEXT = 1_024
_SKIPPED = ""


class _Field(NamedTuple):
    """A field: its name, the type of its value ("" to skip it), how often it may occur."""

    name: str
    content: str = _SKIPPED
    most: int = 1


# A field that no graph of layers needs. Its name says why the file is refused.
_REFUSED = "refused"
_WITHOUT = defaultdict(
    lambda: "Save the model without.",
    {
        "weights in another file": "Save it as one file: torch.onnx.export(...,"
        " external_data=False), or onnx.save(onnx.load(PATH), PATH).",
    },
)

_FIELDS: dict[str, dict[int, _Field]] = {
    "model": {
        1: _Field("ir_version", "number"),
        2: _Field("producer_name", "text"),
        3: _Field("producer_version", "text"),
        4: _Field("domain", "text"),
        5: _Field("model_version", "number"),
        6: _Field("doc_string", most=MOST_NODES),
        7: _Field("graph", "graph"),
        8: _Field("opset_import", "opset", 64),
        14: _Field("metadata_props", "record", 1_000),
        20: _Field("training information", _REFUSED),
        25: _Field("functions of its own", _REFUSED),
    },
    "opset": {1: _Field("domain", "text"), 2: _Field("version", "number")},
    "record": {1: _Field("key", "text"), 2: _Field("value")},
    "graph": {
        1: _Field("node", "node", MOST_NODES),
        2: _Field("name", "text"),
        5: _Field("initializer", "tensor", MOST_NODES),
        10: _Field("doc_string"),
        11: _Field("input", "value", MOST_NODES),
        12: _Field("output", "value", 64),
        13: _Field("value_info", most=MOST_NODES),
        14: _Field("quantised weights", _REFUSED),
        15: _Field("sparse weights", _REFUSED),
        16: _Field("metadata_props", most=1_000),
    },
    "node": {
        1: _Field("input", "text", 256),
        2: _Field("output", "text", 256),
        3: _Field("name", "text"),
        4: _Field("op_type", "text"),
        5: _Field("attribute", "attribute", 32),
        6: _Field("doc_string"),
        7: _Field("domain", "text"),
        8: _Field("overload", "text"),
        9: _Field("metadata_props", most=1_000),
        10: _Field("a device for a node", _REFUSED),
    },
    "attribute": {
        1: _Field("name", "text"),
        2: _Field("f", "float"),
        3: _Field("i", "number"),
        4: _Field("s", "text"),
        5: _Field("t", "tensor"),
        6: _Field("g", "graph itself"),
        7: _Field("floats", "float", 4_096),
        8: _Field("ints", "number", 4_096),
        9: _Field("strings", "text", 4_096),
        11: _Field("graphs", "graph itself", 64),
        13: _Field("doc_string"),
        20: _Field("type", "number"),
        21: _Field("an attribute of a function", _REFUSED),
    },
    "tensor": {
        1: _Field("dims", "number", 8),
        2: _Field("data_type", "number"),
        4: _Field("float_data", "numbers", 1 << 30),
        5: _Field("int32_data", "numbers", 1 << 30),
        7: _Field("int64_data", "numbers", 1 << 30),
        8: _Field("name", "text"),
        9: _Field("raw_data", "bytes"),
        10: _Field("double_data", "numbers", 1 << 30),
        12: _Field("doc_string"),
        13: _Field("weights in another file", _REFUSED),
        14: _Field("data_location", "number"),
        16: _Field("metadata_props", most=1_000),
    },
    "value": {
        1: _Field("name", "text"),
        2: _Field("type", "type"),
        3: _Field("doc_string"),
        4: _Field("metadata_props", most=1_000),
    },
    "type": {
        1: _Field("tensor_type", "tensor_type"),
        4: _Field("a sequence of tensors", _REFUSED),
        5: _Field("a map", _REFUSED),
        6: _Field("denotation"),
        8: _Field("a sparse tensor", _REFUSED),
        9: _Field("an optional value", _REFUSED),
    },
    "tensor_type": {1: _Field("elem_type", "number"), 2: _Field("shape", "shape")},
    "shape": {1: _Field("dim", "dim", 8)},
    "dim": {
        1: _Field("dim_value", "number"),
        2: _Field("dim_param", "text"),
        3: _Field("denotation"),
    },
}


def read_messages(content: bytes) -> dict[str, Any]:
    """Return the fields of the model message; an absent field is None, or [] if it may repeat.

    Raises InputError (E_ONNX_FILE) for a file that is not ONNX, damaged, or holds what no graph of
    layers needs.
    """
    try:
        model = _read("model", memoryview(content))
    except InputError:
        raise
    except (ValueError, IndexError, struct.error) as error:
        raise bad_onnx(f"the file is not a whole ONNX model ({error})") from None
    if model["graph"] is None:
        raise bad_onnx("the file is not an ONNX model: it has no graph")
    return model


def _read(kind: str, message: memoryview) -> dict[str, Any]:
    known = _FIELDS[kind]
    record: dict[str, Any] = {f.name: [] if f.most > 1 else None for f in known.values()}
    for number, wire, value in fields(message):
        if number not in known:
            raise bad_onnx(f"the file has field {number} in a {kind}, which ONNX does not define")
        name, content, most = known[number]
        if content == _REFUSED:
            raise bad_onnx(f"the file has {name}, which cannot be imported", _WITHOUT[name])
        if most == 1:
            if record[name] is not None:
                raise bad_onnx(f"the file has two fields {name} in a {kind}")
            record[name] = _value(content, wire, value)
            continue
        found = _values(content, wire, value)
        if len(record[name]) + len(found) > most:
            raise bad_onnx(f"the file has more than {most:,} fields {name} in a {kind}")
        record[name] += found
    return record


def _values(content: str, wire: int, value: Any) -> list[Any]:
    """Return the values of a field that may repeat; numbers may be packed into one field."""
    if content == "numbers":
        return [(wire, value)]
    if wire != LENGTH or content not in ("number", "float"):
        return [_value(content, wire, value)]
    if content == "float":
        return [one for (one,) in struct.iter_unpack("<f", value)]
    return varints(value)


def varints(packed: memoryview) -> list[int]:
    """Return the signed numbers of a packed field."""
    numbers, number, shift = [], 0, 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(signed(number & (1 << 64) - 1))
            number = shift = 0
        elif shift >= 70:
            raise ValueError("a number of more than 64 bits")
    return numbers


def _value(content: str, wire: int, value: Any) -> Any:
    wanted = {"number": VARINT, "float": FIXED32}.get(content, LENGTH)
    if content == _SKIPPED:
        return True
    if wire != wanted or wire == FIXED64:
        raise bad_onnx(f"the file has a field of type {content} with wire type {wire}")
    if content == "number":
        return signed(value)
    if content == "float":
        return struct.unpack("<f", value)[0]
    if content == "text":
        if len(value) > _LONGEST_TEXT:
            raise bad_onnx(f"the file has a name of {len(value):,} bytes, at most {_LONGEST_TEXT}")
        return str(value, "utf-8")
    if content in ("bytes", "graph itself"):
        return value
    return _read(content, value)
