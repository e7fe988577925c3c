"""Reads ONNX messages by a table of the fields that seqrt writes, and rejects every other field.

External data, sub-graphs, functions, sparse or typed tensors and training info are not in the
table, so they are rejected without being looked at. A field that may occur once and occurs twice is
rejected too, because protobuf readers disagree on how to merge the two.

The field numbers are those of the ONNX specification, onnx.proto (Apache-2.0).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from seqrt.contract.protobuf import FIXED32, LENGTH, VARINT, fields, signed
from seqrt.errors import ModelError

LONGEST_NAME = 512
MOST_NODES = 1_000
_MOST_RECORDS = 64

# ONNX's numbers for tensor types, and the bytes per element of those that constants may have.
FLOAT, INT8, INT32, INT64, BOOL, FLOAT16 = 1, 3, 6, 7, 9, 10
SIZES = {FLOAT: 4, INT64: 8}


class Field(NamedTuple):
    """A field that a message may have: its name, the type of its value, how often it may occur."""

    name: str
    content: str
    most: int = 1


FIELDS: dict[str, dict[int, Field]] = {
    "model": {
        1: Field("ir_version", "number"),
        2: Field("producer_name", "text"),
        3: Field("producer_version", "text"),
        4: Field("domain", "text"),
        5: Field("model_version", "number"),
        6: Field("doc_string", "text"),
        7: Field("graph", "graph"),
        8: Field("opset_import", "opset", 8),
        14: Field("metadata_props", "record", _MOST_RECORDS),
    },
    "opset": {1: Field("domain", "text"), 2: Field("version", "number")},
    "record": {1: Field("key", "text"), 2: Field("value", "bytes")},
    "graph": {
        1: Field("node", "node", MOST_NODES),
        2: Field("name", "text"),
        5: Field("initializer", "tensor", 2 * MOST_NODES),
        10: Field("doc_string", "text"),
        11: Field("input", "value", 8),
        12: Field("output", "value", 8),
    },
    "node": {
        1: Field("input", "text", 256),
        2: Field("output", "text", 256),
        3: Field("name", "text"),
        4: Field("op_type", "text"),
        5: Field("attribute", "attribute", 8),
        6: Field("doc_string", "text"),
        7: Field("domain", "text"),
    },
    "attribute": {
        1: Field("name", "text"),
        2: Field("f", "float"),
        3: Field("i", "number"),
        4: Field("s", "text"),
        8: Field("ints", "number", 8),
        9: Field("strings", "text", 8),
        20: Field("type", "number"),
    },
    "tensor": {
        1: Field("dims", "number", 4),
        2: Field("data_type", "number"),
        8: Field("name", "text"),
        9: Field("raw_data", "bytes"),
    },
    "value": {1: Field("name", "text"), 2: Field("type", "type")},
    "type": {1: Field("tensor_type", "tensor_type")},
    "tensor_type": {1: Field("elem_type", "number"), 2: Field("shape", "shape")},
    "shape": {1: Field("dim", "dim", 4)},
    "dim": {1: Field("dim_value", "number"), 2: Field("dim_param", "text")},
}

# The field that holds an attribute's value, by ONNX's number for the attribute's type.
_ATTRIBUTES = {1: "f", 2: "i", 3: "s", 7: "ints", 8: "strings"}


def read_message(kind: str, message: memoryview) -> dict[str, Any]:
    """Return the fields of a message by name; an absent field is None, or [] if it may repeat.

    Raises ModelError for a field that is not in the table or occurs too often, and ValueError or
    IndexError for bytes that are not a message.
    """
    known = FIELDS[kind]
    record: dict[str, Any] = {name: [] if most > 1 else None for name, _, most in known.values()}
    for number, wire, value in fields(message):
        if number not in known:
            raise guard_error(f"has field {number} in a {kind}")
        name, content, most = known[number]
        if most == 1:
            if record[name] is not None:
                raise guard_error(f"has two fields {name} in a {kind}")
            record[name] = _value(content, wire, value)
        else:
            if len(record[name]) == most:
                raise guard_error(f"has more than {most:,} fields {name} in a {kind}")
            record[name].append(_value(content, wire, value))
    return record


def attribute(record: dict[str, Any]) -> Any:
    """Return the value of an attribute message; it must have one value, of the type it declares."""
    field = _ATTRIBUTES.get(record["type"], "")
    others = [n for n in _ATTRIBUTES.values() if n != field and record[n] not in (None, [])]
    if not field or record[field] is None or others:
        raise guard_error(
            f"has an attribute {record['name']!r} whose value is not of its declared type"
        )
    return record[field]


def guard_error(what: str) -> ModelError:
    """Return the error for a file that seqrt did not write; `what` completes "this one ..."."""
    return ModelError(
        f"E_MODEL_GUARD: a model may contain only what seqrt writes, but this one {what}. Another"
        " program made or changed it. Do not trust it: export the model again."
    )


def _value(content: str, wire: int, value: Any) -> Any:
    wanted, convert = _SCALARS.get(content, (LENGTH, None))
    if wire != wanted:
        raise guard_error(f"has a field of type {content} with wire type {wire}")
    return convert(value) if convert else read_message(content, value)


def _text(value: memoryview) -> str:
    if len(value) > LONGEST_NAME:
        raise guard_error(f"has a text of {len(value):,} bytes, more than {LONGEST_NAME}")
    return str(value, "utf-8")


_SCALARS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "number": (VARINT, signed),
    "float": (FIXED32, lambda value: struct.unpack("<f", value)[0]),
    "text": (LENGTH, _text),
    "bytes": (LENGTH, memoryview),
}
