"""Opening onnxruntime on CUDA: load its libraries, keep it quiet, find out why it fails."""

from __future__ import annotations

import ctypes
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from seqrt.errors import DeviceError
from seqrt.runtime.opening.installed import (
    ABSENT,
    PROVIDERS,
    first_line,
    installed,
    onnxruntime,
    two_owners,
)

_FATAL_ONLY, _WARNING = 4, 2
_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"

# The processes that have opened CUDA. A forked child inherits this set, without its own id.
_opened_by: set[int] = set()


def open_on_cuda(model: bytes, options: Any, *, tf32: bool) -> Any:
    """Return an InferenceSession over the bytes of a model whose first provider is CUDA.

    Raises DeviceError where there is no such session, with the reason as far as it can be found.
    """
    ort = onnxruntime()
    printed = _load_libraries(ort)
    # TF32 rounds the inputs of every product to 10 bits, so it is off unless the caller asks.
    cuda = (PROVIDERS["cuda"], {"use_tf32": str(int(tf32))})
    try:
        with _without_log(ort):
            session = ort.InferenceSession(
                model, options, providers=[cuda, PROVIDERS["cpu"]], enable_fallback=0
            )
    except Exception as error:
        raise _does_not_start(
            first_line(error), "See `seqrt doctor`, or use device='cpu'"
        ) from error
    if session.get_providers()[0] != PROVIDERS["cuda"]:
        raise _does_not_start(*_why(printed))
    _opened_by.add(os.getpid())
    return session


def check_process() -> None:
    """Raise DeviceError in a child that was forked from a process in which CUDA was opened."""
    if _opened_by and os.getpid() not in _opened_by:
        raise DeviceError(
            "E_DEVICE_FORK: CUDA cannot be used in a process forked from one that has used it."
            " Start workers with multiprocessing's spawn, or open the model with device='cpu'."
        )


def _load_libraries(ort: Any) -> str:
    """Load CUDA's libraries from where pip installs them; return what onnxruntime printed.

    onnxruntime looks there only when asked to, and then prints the names of missing libraries.
    """
    with redirect_stdout(io.StringIO()) as printed:
        ort.preload_dlls()
    return printed.getvalue().strip()


@contextmanager
def _without_log(ort: Any) -> Iterator[None]:
    """Silence the log, which would repeat the error in several coloured lines on stderr.

    No session option reaches this log, and its level cannot be read: afterwards it is set to the
    one that onnxruntime starts with.
    """
    ort.set_default_logger_severity(_FATAL_ONLY)
    try:
        yield
    finally:
        ort.set_default_logger_severity(_WARNING)


def _why(printed: str) -> tuple[str, str]:
    """Return why CUDA did not start, and how to fix it: onnxruntime only logs the reason.

    `printed` is the output of `_load_libraries`.
    """
    try:
        ctypes.CDLL(_DRIVER)
    except OSError as error:
        return (
            f"there is no driver for an NVIDIA GPU ({error})",
            "Install it, or use device='cpu'",
        )
    version = str(onnxruntime().cuda_version).partition(".")[0]
    return (
        printed.splitlines()[0] if printed else "onnxruntime gives no reason",
        f"It needs the libraries of CUDA {version} and cuDNN 9:"
        " pip install 'onnxruntime-gpu[cuda,cudnn]'",
    )


def _does_not_start(reason: str, fix: str) -> DeviceError:
    return DeviceError(
        f"{ABSENT}{installed()} offers cuda, but it does not start here: {reason}."
        f" {two_owners() or fix}."
    )
