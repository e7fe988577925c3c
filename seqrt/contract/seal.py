"""The seal: a SHA-256 over the whole file, kept as the file's own last metadata record.

An ONNX file is one protobuf message, and a message may be continued by appending fields: the seal
is one more `metadata_props` entry (field 14: a key and a value) behind all others. The file stays
valid ONNX for every host, and one changed, missing or added byte anywhere is seen.

A seal shows damage. It is no signature: whoever can write the file can seal it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from seqrt.errors import ModelError

SEAL_KEY = b"seqrt.seal"
_DIGITS = 64
_ENTRY = b"\x0a" + bytes([len(SEAL_KEY)]) + SEAL_KEY + b"\x12" + bytes([_DIGITS])
_HEAD = b"\x72" + bytes([len(_ENTRY) + _DIGITS]) + _ENTRY
SEAL_SIZE = len(_HEAD) + _DIGITS

_METADATA_FIELD = 14
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def seal(model: bytes) -> bytes:
    """Return `model` with its SHA-256 appended as the last metadata record."""
    return model + _HEAD + hashlib.sha256(model).hexdigest().encode()


def check_seal(model: bytes) -> str:
    """Return the SHA-256 of the whole sealed file; raise ModelError unless the seal holds.

    The digest that is returned names the file: states and pins are tied to it.
    """
    body, tail = model[:-SEAL_SIZE], model[-SEAL_SIZE:]
    if not tail.startswith(_HEAD):
        if SEAL_KEY not in model:
            raise ModelError(
                "E_MODEL_UNSEALED: a seqrt model ends in a seal, and this file has none"
                f" ({len(model):,} bytes). Was it written or changed by another tool?"
                " Export it with seqrt."
            )
        raise _damaged(model)
    if hashlib.sha256(body).hexdigest().encode() != tail[len(_HEAD) :]:
        raise _damaged(model)
    return hashlib.sha256(model).hexdigest()


def read_metadata(model: bytes) -> dict[str, str]:
    """Return the metadata records of an ONNX file, read without onnx or onnxruntime.

    Raises ModelError where the bytes are no protobuf message or a key stands twice.
    """
    records: dict[str, str] = {}
    try:
        for number, value in _fields(model):
            if number == _METADATA_FIELD:
                entry = {field: bytes(text).decode() for field, text in _fields(value)}
                key = entry.get(1, "")
                if key in records:
                    raise ValueError(f"metadata key {key!r:.60} stands twice")
                records[key] = entry.get(2, "")
    except (ValueError, IndexError) as error:
        raise ModelError(
            f"E_MODEL_FORMAT: the model must be an ONNX file, got bytes that are none ({error})."
        ) from None
    return records


def _fields(message: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield each field of a protobuf message: its number, and its bytes (empty for scalars)."""
    view = memoryview(message)
    at = 0
    while at < len(view):
        tag, at = _varint(view, at)
        size = 0
        kind = tag & 7
        if kind == _VARINT:
            _, at = _varint(view, at)
        elif kind == _LENGTH:
            size, at = _varint(view, at)
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(view):
            raise ValueError("a field runs over the end")
        yield tag >> 3, view[at : at + size]
        at += size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """Read a base-128 number of at most ten bytes at `at`; return it and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")


def _damaged(model: bytes) -> ModelError:
    return ModelError(
        f"E_MODEL_DAMAGED: the SHA-256 of the file differs from its seal ({len(model):,} bytes)."
        " The file was changed or cut short after its export: copy it again."
    )
