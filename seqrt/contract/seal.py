"""The seal: a SHA-256 of the whole file, stored as the last metadata record of the file itself.

An ONNX file is one protobuf message, and fields may be appended to a message. The seal is one more
`metadata_props` entry (field 14: a key and a value) after all others, so the file stays valid ONNX
for every host, and any changed, missing or added byte is detected.

The seal detects damage. It is not a signature: anyone who can write the file can seal it again.
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
    """Return the SHA-256 of the whole file, and whether the file ends in a valid seal.

    The digest identifies the file: saved states and pinned hashes refer to it. Both results take
    one pass over the bytes.
    """
    whole = memoryview(model)
    body, tail = whole[:-SEAL_SIZE], whole[-SEAL_SIZE:]
    digest = hashlib.sha256(body)
    sealed = tail == _HEAD + digest.hexdigest().encode()
    digest.update(tail)
    return digest.hexdigest(), sealed


def seal_error(model: bytes) -> ModelError:
    """Return the error for a file whose seal is missing or invalid."""
    if SEAL_KEY not in model:
        return ModelError(
            f"E_MODEL_UNSEALED: this file of {len(model):,} bytes has no seal, in which every seqrt"
            " model ends. Was it written or changed by another tool?"
            " Export it with seqrt, or open it without a seal: trust='unsealed', --allow-unsealed."
        )
    return ModelError(
        f"E_MODEL_DAMAGED: the SHA-256 of the file differs from its seal ({len(model):,} bytes)."
        " The file was changed or cut short after its export: copy it again."
    )
