"""`seqrt export`: a trained run becomes one proved model file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seqrt.cli.model_options import FOLDER
from seqrt.cli.options import JsonOption
from seqrt.cli.talk import say_labelled

if TYPE_CHECKING:
    from seqrt.export import Exported


def export(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN", help="Folder of a run, or its weights  [the newest run in runs/]"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Model file  [models/NAME.onnx]"),
    ] = None,
    to: Annotated[
        Literal["onnx", "c"],
        typer.Option("--to", help="One .onnx file, or a .c and a .h file for small devices"),
    ] = "onnx",
    as_json: JsonOption = False,
) -> None:
    """Write a trained network as one proved ONNX file; print its path.

    The runtime opens the file and checks its proof and its laws before the file gets its name. If a
    check fails, no file is written and the exit code is 6. With --to c, RUN may be an .onnx file.

    \b
    Examples:
      seqrt export
      seqrt export runs/sunspots-gru-1 -o sunspots.onnx
      seqrt export runs/sunspots-gru-1 --to c -o sunspots.c
    """
    from seqrt.export import export as write
    from seqrt.files import check_not_input, make_folder
    from seqrt.training.runs.folder import newest_run
    from seqrt.training.runs.memory import load_series
    from seqrt.training.runs.weights import load_run

    if run is None:
        run = newest_run()
        say_labelled("run", f"{run} (the newest)")
    if to == "c":
        from seqrt.cli.exporting.plain_c import write_c

        write_c(run, out, as_json=as_json)
        return
    net, series = load_run(run), load_series(run)
    if out is None:
        make_folder(FOLDER)
        out = FOLDER / f"{(run if run.is_dir() else run.parent).resolve().name}.onnx"
    check_not_input(out, run, *(run.iterdir() if run.is_dir() else ()))
    exported = write(net, out, series=series)
    if as_json:
        typer.echo(json.dumps(export_record(exported), indent=2))
        return
    say_exported(exported)
    typer.echo(out)


def export_record(exported: Exported) -> dict[str, object]:
    """Return what is known of a written file, for --json."""
    return {
        "path": str(exported.path),
        "sha256": exported.digest,
        "bytes": exported.size,
        "parity": asdict(exported.manifest.parity) if exported.manifest.parity else None,
        "laws_bit_for_bit": exported.report.exact,
        "memory": asdict(exported.manifest.memory) if exported.manifest.memory else None,
    }


def say_exported(exported: Exported) -> None:
    """Say on stderr how a written file was proved."""
    parity, laws = exported.manifest.parity, exported.report.laws
    how = "bit for bit" if exported.report.exact else "up to rounding"
    assert parity
    say_labelled(
        "proved",
        f"within {parity.runtime:.1e} of float64 for up to {parity.steps} steps"
        f" (PyTorch: {parity.torch:.1e}); {len(laws)} laws hold {how}",
    )
    say_labelled("file", f"{exported.size:,} bytes, SHA-256 {exported.digest}")
    say_labelled("next", "seqrt predict DATA")
