"""Reading a model file: its bytes once, its seal, its manifest, before onnxruntime sees any."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from seqrt.contract import MANIFEST_KEY, PROOF_KEY, Manifest, check_seal
from seqrt.contract.seal import read_metadata
from seqrt.errors import ModelError

_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class ModelFile:
    """The bytes of a sealed model, their SHA-256, and what they say of themselves."""

    content: bytes
    digest: str
    manifest: Manifest
    proof: str

    @classmethod
    def parse(cls, content: bytes) -> ModelFile:
        """Check the seal and read the manifest; raise ModelError where either does not hold."""
        digest = check_seal(content)
        metadata = read_metadata(content)
        for key in (MANIFEST_KEY, PROOF_KEY):
            if key not in metadata:
                raise ModelError(
                    f"E_MODEL_FOREIGN: a seqrt model must have the metadata record {key},"
                    " and this one has none. Export it with seqrt."
                )
        manifest = Manifest.from_json(metadata[MANIFEST_KEY])
        return cls(content, digest, manifest, metadata[PROOF_KEY])


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """Read and check the model at `path`; raise ModelError that names the path."""
    try:
        return ModelFile.parse(_read(path))
    except ModelError as error:
        code, _, rest = str(error).partition(": ")
        raise ModelError(f"{code}: {path}: {rest}") from None


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        # Without blocking, because opening a pipe that nobody writes to would wait for ever.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ModelError("E_MODEL_FILE: a model must be a regular file, and this is none.")
            if status.st_size > _LARGEST:
                raise ModelError(
                    f"E_MODEL_FILE: a model must be smaller than 2 GiB, got {status.st_size:,}."
                )
            return file.read()
    except FileNotFoundError:
        raise ModelError(
            "E_MODEL_FILE: there is no such file. `seqrt export` writes one after `seqrt train`."
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"E_MODEL_FILE: the file must be readable: {error}") from None
