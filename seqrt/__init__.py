"""Recurrent networks, trained in PyTorch, run anywhere from one self-proving ONNX file.

    model = seqrt.load("model.onnx")
    y = model.predict(x)                   # (batch, time, features), or a list of (time, features)
    y = model.stream().push(chunk)         # one live sequence, its state kept
    model.streams().push({"car-7": chunk})  # any number of them, each under a key

Importing seqrt costs nothing: numpy and onnxruntime are loaded when `load` is first touched, torch
only with `seqrt.training`.
"""

from __future__ import annotations

from seqrt.errors import (
    CheckError,
    DeviceError,
    InputError,
    MissingExtraError,
    ModelError,
    OutputError,
    ParityError,
    ResourceError,
    SeqrtError,
    TrainingError,
    UsageError,
)

TYPE_CHECKING = False  # typing takes longer to import than all the rest
if TYPE_CHECKING:
    from typing import Any

    from seqrt.runtime import Model, Stream, Streams, load

__version__ = "0.1.0"

__all__ = [
    "CheckError",
    "DeviceError",
    "InputError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "OutputError",
    "ParityError",
    "ResourceError",
    "SeqrtError",
    "Stream",
    "Streams",
    "TrainingError",
    "UsageError",
    "__version__",
    "load",
]

_FROM_RUNTIME = ("Model", "Stream", "Streams", "load")


def __getattr__(name: str) -> Any:
    """Fetch a name of the runtime when it is first touched (PEP 562)."""
    if name not in _FROM_RUNTIME:
        raise AttributeError(f"module 'seqrt' has no attribute {name!r}")
    from seqrt import runtime

    value = getattr(runtime, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
