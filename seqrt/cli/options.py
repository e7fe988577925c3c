"""The words that several commands share: which model is meant, on which device, which answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.runtime import Model

FOLDER = Path("models")

ModelArgument = Annotated[
    Path | None, typer.Argument(metavar="MODEL", help="A model  [the newest in models/]")
]
ModelOption = Annotated[
    Path | None,
    typer.Option("-m", "--model", metavar="FILE", help="Model  [the newest in models/]"),
]
DeviceOption = Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda or auto")]
TF32Option = Annotated[bool, typer.Option("--tf32", help="Faster, less exact products on cuda")]
Sha256Option = Annotated[
    str | None,
    typer.Option("--sha256", metavar="HEX", help="Refuse any other file than the one with this"),
]
UnsealedOption = Annotated[
    bool, typer.Option("--allow-unsealed", help="Open also where the seal is missing or broken")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON")]


def chosen(model: Path | None) -> Path:
    """Return `model`, or the newest in models/ when it is left out, and say which on stderr."""
    if model is not None:
        return model
    found = sorted(FOLDER.glob("*.onnx"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not found:
        raise UsageError(
            f"there is no model in {FOLDER}/. Name one, or make one with: seqrt train DATA, then"
            " seqrt export"
        )
    typer.echo(f"model {found[-1]}, the newest in {FOLDER}/", err=True)
    return found[-1]


def open_model(
    path: Path,
    device: str,
    *,
    sha256: str | None,
    unsealed: bool,
    threads: int | None = None,
    tf32: bool = False,
) -> Model:
    """Open the model at `path`; say on stderr which device "auto" came to, and what has no seal."""
    from seqrt.runtime import load
    from seqrt.runtime.opening.session import auto

    trust: Literal["sealed", "unsealed"] = "unsealed" if unsealed else "sealed"
    model = load(path, device=device, threads=threads, tf32=tf32, trust=trust, sha256=sha256)
    if device == "auto":
        typer.echo(f"device: {model.device} (auto; {auto()[1]})", err=True)
    if not model.sealed:
        typer.echo(f"{path} has no seal that holds: nothing shows whether it is whole", err=True)
    return model
