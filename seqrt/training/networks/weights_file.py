"""Weights files: named tensors in safetensors, with a JSON header that describes them.

A safetensors file begins with the length of its own header in 8 bytes, little-endian, and that
header in JSON. Ours is JSON text under the key `seqrt` of its `__metadata__`. On request, the
SHA-256 of header and tensors is stored beside it, because safetensors itself checks sizes only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from seqrt.errors import ModelError

_KEY = "seqrt"
_DIGEST = "sha256"

DAMAGE: Final = (SafetensorError, OSError, LookupError, TypeError, ValueError)
"""The exceptions that reading a damaged file raises."""


def pack(
    tensors: Mapping[str, Tensor], header: Mapping[str, Any], *, digest: bool = False
) -> bytes:
    """Return the bytes of a weights file, with a `digest` that reveals any later damage to it."""
    ready = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    text = json.dumps(header, sort_keys=True)
    return save(ready, {_KEY: text} | ({_DIGEST: _digest(ready, text)} if digest else {}))


def unpack(
    data: bytes, path: Path, newest: int, *, digest: bool = False
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the header of a weights file, of formats up to `newest`.

    Raise one of DAMAGE if the file is damaged or lacks the `digest` it should have, and ModelError
    (E_MODEL_VERSION) if its format is newer. `path` is named in the error.
    """
    tensors = load(data)
    size = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + size])["__metadata__"]
    header: dict[str, Any] = json.loads(metadata[_KEY])
    if header["format"] > newest:
        raise ModelError(
            f"E_MODEL_VERSION: {path} has format {header['format']}; this seqrt reads up to"
            f" {newest}. Upgrade with: pip install -U seqrt"
        )
    if digest and metadata[_DIGEST] != _digest(tensors, metadata[_KEY]):
        raise ValueError("its digest does not match")
    return tensors, header


def reason(error: Exception) -> str:
    """Return why a file could not be read: the first line of `error`, at most 200 characters."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _digest(tensors: dict[str, Tensor], header: str) -> str:
    digest = hashlib.sha256(header.encode())
    digest.update(save(tensors))
    return digest.hexdigest()
