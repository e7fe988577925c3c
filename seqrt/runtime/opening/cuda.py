"""Opening onnxruntime on CUDA: what must be loaded first, what it must not print, what it hides."""

from __future__ import annotations

import ctypes
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from seqrt.errors import DeviceError
from seqrt.runtime.opening.installed import ABSENT, PROVIDERS, installed, onnxruntime, two_owners

_FATAL_ONLY, _WARNING = 4, 2
_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"

# The processes that have opened CUDA: a forked child finds its parent here, and not itself.
_opened_by: set[int] = set()


def open_on_cuda(model: bytes, options: Any, *, tf32: bool) -> Any:
    """Return an InferenceSession over the bytes of a model, whose first provider is CUDA's.

    Raises DeviceError where CUDA does not start, with the reason as far as it can be known, and
    ModelError for a model that onnxruntime refuses on the CPU too.
    """
    check_process()
    ort = onnxruntime()
    said = _load_libraries(ort)
    # TF32 would round the inputs of every product to 10 bits: off unless somebody asks for it.
    cuda = (PROVIDERS["cuda"], {"use_tf32": str(int(tf32))})
    try:
        with _without_log(ort):
            session = ort.InferenceSession(
                model, options, providers=[cuda, PROVIDERS["cpu"]], enable_fallback=0
            )
    except Exception as error:
        from seqrt.runtime.opening.session import first_line, open_session

        open_session(model, "cpu")
        raise _does_not_start(
            first_line(error), "See `seqrt doctor`, or use device='cpu'"
        ) from error
    if session.get_providers()[0] != PROVIDERS["cuda"]:
        raise _does_not_start(*_why(said))
    _opened_by.add(os.getpid())
    return session


def check_process() -> None:
    """Raise DeviceError in a child that was forked from a process in which CUDA was opened."""
    if _opened_by and os.getpid() not in _opened_by:
        raise DeviceError(
            "E_DEVICE_FORK: CUDA cannot be used in a process forked from one that has used it."
            " Start workers by multiprocessing's spawn, or give the model device='cpu'."
        )


def _load_libraries(ort: Any) -> str:
    """Load CUDA's libraries from where pip puts them; return what was said about it.

    onnxruntime looks there only when it is told to, and then prints what it misses.
    """
    with redirect_stdout(io.StringIO()) as said:
        ort.preload_dlls()
    return said.getvalue().strip()


@contextmanager
def _without_log(ort: Any) -> Iterator[None]:
    """Keep what the error says anyway from being written on stderr in several coloured lines.

    No option of a session reaches this log, and nothing tells its level: behind it stands the one
    that onnxruntime starts with.
    """
    ort.set_default_logger_severity(_FATAL_ONLY)
    try:
        yield
    finally:
        ort.set_default_logger_severity(_WARNING)


def _why(said: str) -> tuple[str, str]:
    """Return why CUDA did not start, and what to do: of itself onnxruntime says it only in its log.

    `said` is what it said while it loaded the libraries.
    """
    try:
        ctypes.CDLL(_DRIVER)
    except OSError as error:
        return (
            f"there is no driver for a GPU by NVIDIA ({error})",
            "Install it, or use device='cpu'",
        )
    version = str(onnxruntime().cuda_version).partition(".")[0]
    return (
        said.splitlines()[0] if said else "onnxruntime does not say why",
        f"It needs the libraries of CUDA {version} and cuDNN 9:"
        " pip install 'onnxruntime-gpu[cuda,cudnn]'",
    )


def _does_not_start(reason: str, fix: str) -> DeviceError:
    return DeviceError(
        f"{ABSENT}{installed()} offers cuda, and it does not start here: {reason}."
        f" {two_owners() or fix}."
    )
