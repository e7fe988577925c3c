"""Open a model file."""

from __future__ import annotations

import os

from seqrt.runtime.model import Model
from seqrt.runtime.opening.file import Trust


def load(
    path: str | os.PathLike[str],
    *,
    device: str = "cpu",
    threads: int | None = None,
    tf32: bool = False,
    trust: Trust = "sealed",
    sha256: str | None = None,
) -> Model:
    """Open the model at `path`; arguments and errors are those of `Model`."""
    return Model(path, device=device, threads=threads, tf32=tf32, trust=trust, sha256=sha256)
