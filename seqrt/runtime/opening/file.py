"""Reading a model file: seal, graph and weights are checked before onnxruntime sees a byte."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from seqrt.contract import Manifest
from seqrt.contract.guard import guard
from seqrt.contract.onnx_reader import FLOAT, FLOAT16
from seqrt.contract.operators import Value
from seqrt.contract.seal import digests, seal_error
from seqrt.errors import ModelError, UsageError
from seqrt.runtime.inputs.nonfinite import all_finite

Trust = Literal["sealed", "unsealed"]

_LARGEST = 2**31 - 1
_FLOATS = {FLOAT: "<f4", FLOAT16: "<f2"}
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelFile:
    """The bytes of a model, their SHA-256, whether the seal holds, the manifest and the proof."""

    content: bytes
    digest: str
    sealed: bool
    manifest: Manifest
    proof: str

    @classmethod
    def parse(cls, content: bytes, trust: Trust = "sealed", sha256: str | None = None) -> ModelFile:
        """Check digest, seal, graph and weights; raise ModelError where one of them is wrong.

        With trust "unsealed" the seal may be missing or broken. Raises UsageError for an unknown
        `trust` and for a `sha256` that is not a digest.
        """
        expected = _check_choices(trust, sha256)
        digest, sealed = digests(content)
        if expected not in ("", digest):
            raise ModelError(
                f"E_MODEL_DIGEST: the SHA-256 of the file must be {expected}, got {digest}. This is"
                " not the file that was pinned."
            )
        if not sealed and trust == "sealed":
            raise seal_error(content)
        found = guard(content)
        _check_weights(found.constants)
        return cls(content, digest, sealed, found.manifest, found.proof)


def read_model(
    path: str | os.PathLike[str], trust: Trust = "sealed", sha256: str | None = None
) -> ModelFile:
    """Read and check the model at `path`; raise ModelError that names the path."""
    try:
        return ModelFile.parse(_read(path), trust, sha256)
    except ModelError as error:
        code, _, rest = str(error).partition(": ")
        raise ModelError(f"{code}: {path}: {rest}") from None


def _check_choices(trust: str, sha256: str | None) -> str:
    """Return the expected digest in lower case, or an empty string if there is none to check."""
    if trust not in get_args(Trust):
        raise UsageError(f"trust must be 'sealed' or 'unsealed', got {trust!r}.")
    expected = "" if sha256 is None else str(sha256).lower()
    if sha256 is not None and not _DIGEST.fullmatch(expected):
        raise UsageError(f"sha256 must be 64 hexadecimal digits, got {sha256!r:.80}.")
    return expected


def _check_weights(constants: dict[str, Value]) -> None:
    """Raise ModelError for NaN or Inf, which LSTM and GRU turn into plausible numbers."""
    for name, value in constants.items():
        kind = _FLOATS.get(value.kind)
        if kind and not all_finite(np.frombuffer(value.data or b"", kind)):
            raise ModelError(
                f"E_WEIGHTS_NONFINITE: every weight must be finite, but {name!r} contains NaN or"
                " Inf. Export the model again."
            )


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _not_regular()
            if status.st_size > _LARGEST:
                raise ModelError(
                    f"E_MODEL_FILE: a model must be smaller than 2 GiB, got {status.st_size:,}"
                    " bytes."
                )
            return file.read()
    except FileNotFoundError:
        raise ModelError(
            "E_MODEL_FILE: the file does not exist. Train a network with `seqrt train`, then write"
            " a model with `seqrt export`."
        ) from None
    except IsADirectoryError:
        raise _not_regular() from None
    except ModelError:
        raise  # also a ValueError, and its message is complete
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.ENOMEM:
            raise MemoryError(str(error)) from None
        raise ModelError(f"E_MODEL_FILE: cannot read the file: {error}") from None


def _not_regular() -> ModelError:
    return ModelError("E_MODEL_FILE: a model must be a regular file, not a folder, pipe or device.")


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; without O_NONBLOCK a pipe that nobody writes to would wait for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
