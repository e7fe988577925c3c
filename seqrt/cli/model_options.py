"""The options of commands that open a model: which file, which device, how much trust."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seqrt.cli.talk import say
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.runtime import Model

FOLDER = Path("models")

ModelArgument = Annotated[
    Path | None, typer.Argument(metavar="MODEL", help="Model file  [the newest in models/]")
]
ModelOption = Annotated[
    Path | None,
    typer.Option("-m", "--model", metavar="FILE", help="Model file  [the newest in models/]"),
]
DeviceOption = Annotated[str, typer.Option(metavar="NAME", help="Device: cpu, cuda or auto")]
TF32Option = Annotated[
    bool, typer.Option("--tf32", help="Use faster, less exact matrix products on cuda")
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(metavar="NUMBER", min=1, help="Number of threads  [one per available core]"),
]
Sha256Option = Annotated[
    str | None,
    typer.Option(
        "--sha256", metavar="HEX", help="Expected SHA-256 of the model; any other file is refused"
    ),
]
UnsealedOption = Annotated[
    bool,
    typer.Option("--allow-unsealed", help="Open the model even if its seal is missing or broken"),
]
ChannelsFirstOption = Annotated[
    bool,
    typer.Option(
        "--channels-first",
        help="Read arrays as (sequences, features, steps), not (sequences, steps, features)",
    ),
]


def model_or_newest(model: Path | None) -> Path:
    """Return `model`, or by default the newest in models/, which is then named on stderr."""
    if model is not None:
        return model
    found = sorted(FOLDER.glob("*.onnx"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not found:
        raise UsageError(
            f"there is no model in {FOLDER}/. Name one, or make one with: seqrt train DATA, then"
            " seqrt export"
        )
    say(f"model: {found[-1]} (the newest in {FOLDER}/)")
    return found[-1]


def open_model(
    path: Path,
    device: str,
    *,
    sha256: str | None,
    unsealed: bool,
    threads: int | None = None,
    tf32: bool = False,
    joined: bool = True,
) -> Model:
    """Open the model at `path`; report on stderr what "auto" chose, and a missing seal.

    With `joined`, several outputs come side by side, as the columns of a table.
    """
    from seqrt.runtime import load
    from seqrt.runtime.opening.session import auto_device

    trust: Literal["sealed", "unsealed"] = "unsealed" if unsealed else "sealed"
    model = load(path, device=device, threads=threads, tf32=tf32, trust=trust, sha256=sha256)
    if device == "auto":
        say(f"device: {model.device} (auto; {auto_device()[1]})")
    if not model.sealed:
        say(f"{path} has no valid seal: nothing shows whether the file is complete")
    return model.joined if joined else model
