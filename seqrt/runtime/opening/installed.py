"""The installed onnxruntime: which package it is, which devices it offers, how to get others."""

from __future__ import annotations

import os
import re
from types import ModuleType

from seqrt.errors import MissingExtraError

# Every error about a device that is not available begins with this; the reason follows.
ABSENT = "E_PROVIDER: device 'cuda' is not available; "

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def onnxruntime() -> ModuleType:
    """Import onnxruntime with its telemetry off, unless the user turned it on.

    From 1.29 on the import itself starts a thread and writes below the home folder, and a child
    process forked after it hangs when it exits. Only this variable, set before the import, prevents
    that.
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
    """Return the devices that the installed onnxruntime was built for, cpu first.

    A device in this list may still fail to start: its libraries, its driver or the hardware may be
    missing.
    """
    offered = onnxruntime().get_available_providers()
    return tuple(device for device, provider in PROVIDERS.items() if provider in offered)


def offer() -> str:
    """Return a phrase that lists those devices: "this onnxruntime offers: cpu"."""
    return f"this onnxruntime offers: {', '.join(devices())}"


def installed() -> str:
    """Return the names and versions of the packages that `import onnxruntime` comes from."""
    # Imported here, because it takes longer than the only prediction of many a program.
    from importlib.metadata import version

    found = [f"{name} {version(name)}" for name in owners()]
    return " and ".join(found) or f"onnxruntime {onnxruntime().__version__}"


def owners() -> list[str]:
    """Return the packages that installed files of the module onnxruntime, as pip names them."""
    from importlib.metadata import packages_distributions

    packages = packages_distributions().get("onnxruntime", [])
    return sorted({re.sub(r"[-_.]+", "-", package).lower() for package in packages})


def two_owners() -> str:
    """Return what is wrong and how to fix it where several packages overwrote each other's files.

    Returns an empty string where a single package is installed.
    """
    names = owners()
    if len(names) < 2:
        return ""
    return (
        f"{' and '.join(names)} are both installed and own the same files."
        f" Keep one: pip uninstall {' '.join(names)}, then pip install 'seqrt[cpu]' or"
        " 'seqrt[cuda]'"
    )


def not_built() -> str:
    """Return what this onnxruntime offers instead of CUDA, and how to install one built for it."""
    fix = two_owners() or (
        "For an NVIDIA GPU: pip uninstall onnxruntime, then pip install 'seqrt[cuda]'"
    )
    return f"{offer()} ({installed()}). {fix}"


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or the name of its class where it has none.

    The messages of onnxruntime run over many lines, and the first names the cause.
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
