"""Opening onnxruntime: quietly, on the device that was asked for, options in one table."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any, Literal

from seqrt.errors import DeviceError, MissingExtraError, ModelError, ResourceError, UsageError

Device = Literal["cpu", "cuda", "auto"]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

# onnxruntime takes unknown keys without a word: this table is the only place that names any.
_CONFIG = {"session.intra_op.allow_spinning": "0"}
_FATAL_ONLY = 4


def onnxruntime() -> ModuleType:
    """Import onnxruntime with its telemetry off, unless the user turned it on.

    From 1.29 on the import itself starts a thread and writes below the home folder, and a child
    forked after it hangs at its exit; only this variable, set before the import, prevents it.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime as ort
    except ImportError:
        raise MissingExtraError(
            "running a model needs onnxruntime. Install it with: pip install 'seqrt[cpu]'"
        ) from None
    module: ModuleType = ort
    return module


def devices() -> tuple[str, ...]:
    """Return the devices that the installed onnxruntime was built for, cpu first."""
    offered = onnxruntime().get_available_providers()
    return tuple(device for device, provider in _PROVIDERS.items() if provider in offered)


def allowed_cpus() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_device(device: str) -> str:
    """Return "cpu" or "cuda"; raise where the device is no name or not there."""
    if device == "auto":
        return devices()[-1]
    if device not in _PROVIDERS:
        raise UsageError(f"device must be cpu, cuda or auto, got {device!r}.")
    if device not in devices():
        raise _absent(device)
    return device


def open_session(model: bytes, device: str, *, one_shape: bool = False) -> Any:
    """Return an InferenceSession of one thread over the bytes of a model on `device`.

    One thread, because the rows of a batch are spread over threads by the caller, which is faster
    for recurrent networks than threads inside one run. No arena and no memory pattern: with them
    one large run is kept in memory for ever. Where all runs have `one_shape`, there is a pattern.
    """
    ort = onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = one_shape
    options.log_severity_level = _FATAL_ONLY
    for key, value in _CONFIG.items():
        options.add_session_config_entry(key, value)
    try:
        session = ort.InferenceSession(
            model, options, providers=_providers(device), enable_fallback=0
        )
    except Exception as error:
        if device != "cpu":
            raise _absent(device) from error
        raise ModelError(
            "E_MODEL_FORMAT: onnxruntime must be able to load the model, and refused it:"
            f" {_first_line(error)}"
        ) from error
    if session.get_providers()[0] != _PROVIDERS[device]:
        raise _absent(device)
    return session


def run_session(session: Any, outputs: list[str], feeds: dict[str, Any]) -> list[Any]:
    """Run the session once; no exception of onnxruntime leaves this function."""
    try:
        answers: list[Any] = session.run(outputs, feeds)
    except Exception as error:
        raise _explain(error, sum(array.nbytes for array in feeds.values())) from error
    return answers


def run_bound(session: Any, binding: Any, size: int) -> None:
    """Run the session over what is bound, `size` bytes; no exception of onnxruntime leaves it."""
    try:
        session.run_with_iobinding(binding)
    except Exception as error:
        raise _explain(error, size) from error


def _explain(error: Exception, size: int) -> Exception:
    if isinstance(error, MemoryError) or "alloc" in str(error).lower():
        return ResourceError(
            f"E_MEMORY: a run over {size:,} bytes of input must fit into memory, and did not."
            " Give fewer or shorter sequences at a time."
        )
    return ModelError(
        f"E_MODEL_RUN: onnxruntime must be able to run the model: {_first_line(error)}"
    )


def _providers(device: str) -> list[Any]:
    cpu = _PROVIDERS["cpu"]
    # TF32 would round the inputs of every product to 10 bits: off unless somebody asks for it.
    return [cpu] if device == "cpu" else [(_PROVIDERS[device], {"use_tf32": "0"}), cpu]


def _absent(device: str) -> DeviceError:
    return DeviceError(
        f"E_PROVIDER: device {device!r} is not available; this onnxruntime"
        f" ({onnxruntime().__version__}) offers: {', '.join(devices())}. For cuda: pip uninstall"
        " onnxruntime, then pip install 'seqrt[cuda]', and see `seqrt doctor`."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
