"""What this machine offers seqrt: installed packages, devices that compute, and what to fix."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from seqrt.errors import DeviceError


@dataclass(frozen=True)
class Package:
    """A package that seqrt can use: its name for pip and for Python, its extra, what needs it."""

    name: str
    module: str
    extra: str
    purpose: str

    @property
    def pip_line(self) -> str:
        """The command that installs a version that seqrt supports."""
        return f"pip install 'seqrt[{self.extra}]'" if self.extra else "pip install seqrt"


PACKAGES = (
    Package("numpy", "numpy", "", "everything"),
    Package("onnxruntime", "onnxruntime", "cpu", "running a model"),
    Package("typer", "typer", "cli", "the command line"),
    Package("rich", "rich", "cli", "showing progress"),
    Package("torch", "torch", "train", "training"),
    Package("onnx", "onnx", "train", "writing a model"),
    Package("safetensors", "safetensors", "train", "storing weights"),
    Package("tomli-w", "tomli_w", "train", "storing settings"),
    Package("matplotlib", "matplotlib", "train", "drawing"),
    Package("optuna", "optuna", "search", "searching"),
    Package("pyarrow", "pyarrow", "tables", "reading .parquet, and .csv faster"),
    Package("starlette", "starlette", "serve", "serving"),
    Package("uvicorn", "uvicorn", "serve", "serving"),
)


@dataclass(frozen=True)
class Installed:
    """A package here: its version, None where it is missing, and the command that fixes it."""

    name: str
    version: str | None
    purpose: str
    fix: str | None


@dataclass(frozen=True)
class Device:
    """Whether an engine computes on a device, and why not."""

    device: str
    engine: str
    works: bool
    reason: str


@dataclass(frozen=True)
class Machine:
    """Everything that `seqrt doctor` reports."""

    seqrt: str
    python: str
    system: str
    cores: int
    packages: tuple[Installed, ...]
    devices: tuple[Device, ...]
    warnings: tuple[str, ...]

    def works(self, engine: str) -> bool:
        """Whether `engine` computes on the CPU, the one device that it needs."""
        return any(d.works for d in self.devices if (d.engine, d.device) == (engine, "cpu"))


def examine() -> Machine:
    """Read which packages are installed, and try every device with every engine."""
    import seqrt
    from seqrt.runtime.opening.installed import two_owners
    from seqrt.runtime.opening.session import allowed_cpus

    owners = importlib.metadata.packages_distributions()
    floors = _floors()
    engines = {"onnxruntime": _try_onnxruntime, "torch": _try_torch}
    return Machine(
        seqrt=seqrt.__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=allowed_cpus(),
        packages=tuple(_installed(p, owners.get(p.module, []), floors) for p in PACKAGES),
        devices=tuple(
            _try(device, engine, attempt)
            for device in ("cpu", "cuda")
            for engine, attempt in engines.items()
        ),
        warnings=tuple(filter(None, [two_owners()])),
    )


def _floors() -> dict[str, str]:
    """Return the oldest supported version of each package, from the metadata of seqrt."""
    try:
        lines = importlib.metadata.requires("seqrt") or []
    except importlib.metadata.PackageNotFoundError:  # run from a folder without being installed
        return {}
    return dict(re.findall(r"^([\w-]+)>=([\d.]+)", "\n".join(lines), re.MULTILINE))


def _installed(package: Package, owners: Sequence[str], floors: Mapping[str, str]) -> Installed:
    if not owners:
        return Installed(package.name, None, package.purpose, package.pip_line)
    name, floor = _pip_name(owners[0]), floors.get(package.name, "0")
    version = importlib.metadata.version(name)
    old = _numbers(version) < _numbers(floor)
    fix = f"must be {floor} or newer: {package.pip_line} --upgrade" if old else None
    return Installed(name, version, package.purpose, fix)


def _pip_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _numbers(version: str) -> tuple[int, ...]:
    """Return the release numbers of a version: (2, 13, 0) for "2.13.0+cpu"."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in release[0].split(".")) if release else ()


def _try(device: str, engine: str, attempt: Callable[[str], str]) -> Device:
    """Call `attempt`, which returns why the device fails, or nothing; an exception counts too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reason = attempt(device)
        except ModuleNotFoundError as error:
            reason = f"{error.name} is not installed"
        except Exception as error:  # noqa: BLE001 - a broken installation may raise anything
            lines = str(error.__cause__ or error).strip().splitlines()
            reason = lines[0] if lines else type(error).__name__
    return Device(device, engine, works=not reason, reason=reason)


def _try_onnxruntime(device: str) -> str:
    import numpy as np

    from seqrt.runtime.opening.installed import ABSENT, devices, not_built
    from seqrt.runtime.opening.session import IDENTITY, open_session, run_session

    if device not in devices():
        return not_built()
    x = np.array([1.0, 2.0], np.float32)
    try:
        (y,) = run_session(open_session(IDENTITY, device), ["y"], {"x": x})
    except DeviceError as error:
        return str(error).removeprefix(ABSENT)
    return "" if np.array_equal(x, y) else f"computes {y}, expected {x}"


def _try_torch(device: str) -> str:
    import torch

    if device == "cuda" and torch.version.cuda is None:
        return "this torch was built without CUDA"
    if device == "cuda" and not torch.cuda.is_available():
        return "torch finds no CUDA device, or no driver for it"
    total = torch.ones(3, device=device).sum().item()
    return "" if total == 3 else f"computes {total}, expected 3"
