"""Train recurrent networks in PyTorch; run each anywhere from one ONNX file that proves itself.

    model = seqrt.load("model.onnx")
    y = model.predict(x)                   # (batch, time, features), or a list of (time, features)
    y = model.stream().push(chunk)         # one live sequence, with its state
    model.streams().push({"car-7": chunk})  # any number of them, each under a key

`import seqrt` is cheap: numpy is loaded at the first use of `load` or `Model`, onnxruntime when a
model is opened, torch only by `seqrt.training`.
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

TYPE_CHECKING = False  # importing typing takes longer than everything else here
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
    """Import a name from the runtime at its first use (PEP 562)."""
    if name not in _FROM_RUNTIME:
        raise AttributeError(f"module 'seqrt' has no attribute {name!r}")
    from seqrt import runtime

    value = getattr(runtime, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
