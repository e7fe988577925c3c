"""The seal: a SHA-256 over the whole file, kept as the file's own last metadata record.

An ONNX file is one protobuf message, and a message may be continued by appending fields: the seal
is one more `metadata_props` entry (field 14: a key and a value) behind all others. The file stays
valid ONNX for every host, and one changed, missing or added byte anywhere is seen.

A seal shows damage. It is no signature: whoever can write the file can seal it again.
"""

from __future__ import annotations

import hashlib

from seqrt.errors import ModelError

SEAL_KEY = b"seqrt.seal"
_DIGITS = 64
_ENTRY = b"\x0a" + bytes([len(SEAL_KEY)]) + SEAL_KEY + b"\x12" + bytes([_DIGITS])
_HEAD = b"\x72" + bytes([len(_ENTRY) + _DIGITS]) + _ENTRY
SEAL_SIZE = len(_HEAD) + _DIGITS


def seal(model: bytes) -> bytes:
    """Return `model` with its SHA-256 appended as the last metadata record."""
    return model + _HEAD + hashlib.sha256(model).hexdigest().encode()


def digests(model: bytes) -> tuple[str, bool]:
    """Return the SHA-256 of the whole file, and whether it ends in a seal that holds.

    The digest names the file: states and pins are tied to it. The bytes are read once.
    """
    whole = memoryview(model)
    body, tail = whole[:-SEAL_SIZE], whole[-SEAL_SIZE:]
    digest = hashlib.sha256(body)
    sealed = tail == _HEAD + digest.hexdigest().encode()
    digest.update(tail)
    return digest.hexdigest(), sealed


def broken(model: bytes) -> ModelError:
    """Return the error for a file whose seal is missing or does not hold."""
    if SEAL_KEY not in model:
        return ModelError(
            "E_MODEL_UNSEALED: a seqrt model ends in a seal, and this file has none"
            f" ({len(model):,} bytes). Was it written or changed by another tool?"
            " Export it with seqrt, or open it unsealed: trust='unsealed', --allow-unsealed."
        )
    return ModelError(
        f"E_MODEL_DAMAGED: the SHA-256 of the file differs from its seal ({len(model):,} bytes)."
        " The file was changed or cut short after its export: copy it again."
    )
