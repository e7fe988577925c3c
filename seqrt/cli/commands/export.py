"""`seqrt export`: the newest run becomes one proved file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqrt.cli.options import FOLDER, JsonOption

if TYPE_CHECKING:
    from seqrt.export import Exported


def export(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="A run's folder, or its weights  [newest in runs/]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Where  [models/NAME.onnx]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a trained network as one proved ONNX file; print where.

    The file is opened by the real runtime and its proof and laws are checked before it gets its
    name. When a check fails there is no file, and the exit code is 6.

    \b
    Examples:
      seqrt export
      seqrt export runs/sunspots-gru-1 -o sunspots.onnx
    """
    from seqrt.export import export as write
    from seqrt.files import check_not_input, make_folder
    from seqrt.training.runs.folder import load_run, newest_run
    from seqrt.training.runs.memory import load_series

    if run is None:
        run = newest_run()
        typer.echo(f"run {run}, the newest", err=True)
    net, series = load_run(run), load_series(run)
    if out is None:
        make_folder(FOLDER)
        out = FOLDER / f"{(run if run.is_dir() else run.parent).resolve().name}.onnx"
    check_not_input(out, run, *(run.iterdir() if run.is_dir() else ()))
    exported = write(net, out, series=series)
    if as_json:
        typer.echo(json.dumps(_record(exported), indent=2))
        return
    _say(exported)
    typer.echo(out)


def _record(exported: Exported) -> dict[str, object]:
    return {
        "path": str(exported.path),
        "sha256": exported.digest,
        "bytes": exported.size,
        "parity": asdict(exported.manifest.parity) if exported.manifest.parity else None,
        "laws_bit_for_bit": exported.report.exact,
        "memory": asdict(exported.manifest.memory) if exported.manifest.memory else None,
    }


def _say(exported: Exported) -> None:
    parity, laws = exported.manifest.parity, exported.report.laws
    how = "bit for bit" if exported.report.exact else "to rounding"
    assert parity
    for line in (
        f"proved: {parity.runtime:.1e} from float64 over up to {parity.steps} steps"
        f" (PyTorch itself: {parity.torch:.1e}); {len(laws)} laws hold {how}",
        f"{exported.size:,} bytes, SHA-256 {exported.digest}",
        "next: seqrt predict DATA",
    ):
        typer.echo(line, err=True)
