"""Which onnxruntime is installed, what it offers, and the line to say where a device is missing."""

from __future__ import annotations

import os
import re
from types import ModuleType

from seqrt.errors import MissingExtraError

# What every error of a device that is not there begins with; the reason follows.
ABSENT = "E_PROVIDER: device 'cuda' is not available; "

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


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
    """Return the devices that the installed onnxruntime was built for, cpu first.

    Built for a device does not mean that it starts here: its libraries, its driver or the device
    itself may be missing.
    """
    offered = onnxruntime().get_available_providers()
    return tuple(device for device, provider in PROVIDERS.items() if provider in offered)


def offer() -> str:
    """Say which devices the installed onnxruntime was built for: "this onnxruntime offers: cpu"."""
    return f"this onnxruntime offers: {', '.join(devices())}"


def installed() -> str:
    """Return the names and versions of the packages that `import onnxruntime` comes from."""
    # Importing it takes longer than many a program's only prediction.
    from importlib.metadata import version

    found = [f"{name} {version(name)}" for name in owners()]
    return " and ".join(found) or f"onnxruntime {onnxruntime().__version__}"


def owners() -> list[str]:
    """Return the packages that have written files of the module onnxruntime, as pip names them."""
    from importlib.metadata import packages_distributions

    packages = packages_distributions().get("onnxruntime", [])
    return sorted({re.sub(r"[-_.]+", "-", package).lower() for package in packages})


def two_owners() -> str:
    """Say that several packages have written over each other's files, or nothing where one has."""
    names = owners()
    if len(names) < 2:
        return ""
    return (
        f"{' and '.join(names)} are both installed and own the same files."
        f" Keep one: pip uninstall {' '.join(names)}, then pip install 'seqrt[cpu]' or"
        " 'seqrt[cuda]'"
    )


def not_built() -> str:
    """Say what is installed instead of an onnxruntime built for CUDA, and how to get that one."""
    fix = two_owners() or (
        "For a GPU by NVIDIA: pip uninstall onnxruntime, then pip install 'seqrt[cuda]'"
    )
    return f"{offer()} ({installed()}). {fix}"
