"""Sessions of onnxruntime: opened quietly on a chosen device, run without its exceptions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from seqrt.errors import DeviceError, ModelError, ResourceError, UsageError
from seqrt.runtime.opening.installed import (
    ABSENT,
    PROVIDERS,
    devices,
    first_line,
    not_built,
    offer,
    onnxruntime,
)
from seqrt.runtime.out_of_memory import lacks_memory

# onnxruntime silently accepts misspelt keys, so all are spelt in this one place.
_CONFIG = {"session.intra_op.allow_spinning": "0"}
_FATAL_ONLY = 4

# Parts of onnxruntime's messages when memory runs out: std::bad_alloc, "Failed to allocate memory",
# or that its inputs are not arrays, because numpy has no memory to inspect them.
_NO_MEMORY = ("alloc", "should be given as array", "or a single numpy array for input")

# These bytes, and four times the model's, are allocated and freed before a session is built: if
# memory runs out inside, onnxruntime (1.32) may abort the process.
_SESSION_BYTES = 4 << 20

# y = x as an ONNX model: the smallest one that shows whether a device works.
IDENTITY = (
    b'\x08\x08:9\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x10\n\x01x\x12\x0b\n\t\x08\x01\x12'
    b"\x05\n\x03\x12\x01nb\x10\n\x01y\x12\x0b\n\t\x08\x01\x12\x05\n\x03\x12\x01nB\x04\n\x00\x10\x11"
)


def allowed_cpus() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_device(device: str) -> str:
    """Return "cpu" or "cuda" for a device that a caller asked for.

    Raises UsageError for an unknown name, DeviceError for a device that is not available.
    """
    if device == "auto":
        return auto_device()[0]
    if device not in PROVIDERS:
        raise UsageError(f"device must be cpu, cuda or auto, got {device!r}.")
    if device not in devices():
        raise DeviceError(f"{ABSENT}{not_built()}.")
    return device


def auto_device() -> tuple[str, str]:
    """Return the device that "auto" chooses, and why: cuda if it starts, otherwise the cpu."""
    if "cuda" not in devices():
        return "cpu", offer()
    try:
        open_session(IDENTITY, "cuda")
    except DeviceError as error:
        return "cpu", str(error).removeprefix(ABSENT).rstrip(".")
    return "cuda", offer()


def choose_tf32(tf32: bool, asked: str, device: str) -> bool:
    """Return whether products may round to TF32 on `device`, chosen for the name `asked`.

    Raises UsageError where the caller asked for TF32 on "cpu". Where "auto" chose the cpu, TF32
    stays off.
    """
    if type(tf32) is not bool:
        raise UsageError(f"tf32 must be True or False, got {tf32!r}.")
    if tf32 and asked == "cpu":
        raise UsageError("tf32 needs CUDA: device must be cuda or auto, got 'cpu'.")
    return tf32 and device == "cuda"


def open_session(
    model: bytes, device: str, *, one_shape: bool = False, tf32: bool = False, size: int = 0
) -> Any:
    """Return an InferenceSession with one thread over the bytes of a model on `device`.

    One thread, because the caller spreads the rows of a batch over threads, which is faster for
    recurrent networks than threads inside a run. No arena, because it keeps the memory of the
    largest run for ever, and so does a memory pattern, except where all runs have `one_shape`.
    `size` is that of the model with float32 weights, if it stores them in fewer bytes.

    Raises ModelError if onnxruntime cannot load the model, DeviceError if the device does not
    start, ResourceError if the model does not fit into memory.
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
    if device != "cpu":
        return _open_on_cuda(model, options, tf32=tf32)
    try:
        np.empty(_SESSION_BYTES + 4 * max(size, len(model)), np.uint8)
        # Without enable_fallback=0 it would print on stdout.
        return ort.InferenceSession(model, options, providers=[PROVIDERS["cpu"]], enable_fallback=0)
    except Exception as error:
        if _lacks_memory(error):
            raise ResourceError(
                f"E_MEMORY: a model of {len(model):,} bytes does not fit into memory."
                " Free memory and open it again."
            ) from error
        raise ModelError(
            f"E_MODEL_FORMAT: onnxruntime cannot load the model: {first_line(error)}"
        ) from error


def _open_on_cuda(model: bytes, options: Any, *, tf32: bool) -> Any:
    from seqrt.runtime.opening.cuda import check_process, open_on_cuda

    check_process()
    try:
        return open_on_cuda(model, options, tf32=tf32)
    except DeviceError:
        # If the CPU rejects the model too, the model is at fault and not the device.
        open_session(model, "cpu")
        raise


def run_session(session: Any, outputs: list[str], feeds: dict[str, Any]) -> list[Any]:
    """Run the session once; raise ResourceError or ModelError instead of onnxruntime's errors."""
    try:
        arrays: list[Any] = session.run(outputs, feeds)
    except Exception as error:
        raise _explain(error, sum(array.nbytes for array in feeds.values())) from error
    return arrays


def run_bound(session: Any, binding: Any, size: int) -> None:
    """Run the session over bound arrays, `size` bytes of input; raise as `run_session` does."""
    try:
        session.run_with_iobinding(binding)
    except Exception as error:
        raise _explain(error, size) from error


@contextmanager
def explained(size: int) -> Iterator[None]:
    """Turn onnxruntime's errors inside the block, over `size` bytes of input, into seqrt's."""
    try:
        yield
    except Exception as error:
        raise _explain(error, size) from error


def _explain(error: Exception, size: int) -> Exception:
    if _lacks_memory(error):
        return ResourceError(
            f"E_MEMORY: a run over {size:,} bytes of input does not fit into memory."
            " Give fewer or shorter sequences at a time."
        )
    return ModelError(f"E_MODEL_RUN: onnxruntime cannot run the model: {first_line(error)}")


def _lacks_memory(error: Exception) -> bool:
    """Return whether onnxruntime ran out of memory, or numpy inside it."""
    message = str(error).lower()
    return lacks_memory(error) or any(words in message for words in _NO_MEMORY)
