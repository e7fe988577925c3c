"""`seqrt export`: a trained run becomes one proved model file."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seqrt.cli.commands.info import parity_text, rounding_text
from seqrt.cli.model_options import FOLDER
from seqrt.cli.options import JsonOption
from seqrt.cli.talk import say_labelled
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.export import Exported

WeightForm = Literal["float32", "fp16", "int8"]


def export(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN",
            help="Folder of a run, its weights, or a model file  [the newest run in runs/]",
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
    weights: Annotated[
        WeightForm,
        typer.Option(
            "--weights", help="How matrices are stored: fp16 in half the bytes, int8 in a quarter"
        ),
    ] = "float32",
    as_json: JsonOption = False,
) -> None:
    """Write a trained network as one proved ONNX file; print its path.

    The runtime opens the file and checks its proof and its laws before the file gets its name. If a
    check fails, no file is written and the exit code is 6. With --to c, RUN may be an .onnx file.

    With --weights fp16 or int8, matrices are rounded to take fewer bytes. The file runs as fast as
    before and says how far its outputs moved. RUN may then be an .onnx file, too.

    \b
    Examples:
      seqrt export
      seqrt export runs/sunspots-gru-1 -o sunspots.onnx
      seqrt export runs/sunspots-gru-1 --to c -o sunspots.c
      seqrt export sunspots.onnx --weights fp16
    """
    from seqrt.export import export as write
    from seqrt.export import shrink
    from seqrt.files import check_not_input, make_folder
    from seqrt.training.runs.folder import newest_run
    from seqrt.training.runs.memory import load_series
    from seqrt.training.runs.weights import load_run

    if run is None:
        run = newest_run()
        say_labelled("run", f"{run} (the newest)")
    if to == "c":
        from seqrt.cli.exporting.plain_c import write_c

        write_c(run, out, weights, as_json=as_json)
        return
    is_model = run.suffix == ".onnx" and not run.is_dir()
    if is_model and weights == "float32":
        raise UsageError(f"{run} is a model file already. Give --weights fp16 or int8.")
    if out is None:
        make_folder(FOLDER)
        out = FOLDER / _name(run, weights, is_model=is_model)
    check_not_input(out, run, *(run.iterdir() if run.is_dir() else ()))
    if is_model:
        exported = shrink(run, out, weights=weights)
    else:
        exported = write(load_run(run), out, series=load_series(run), weights=weights)
    if as_json:
        typer.echo(json.dumps(export_record(exported), indent=2))
        return
    say_exported(exported)
    typer.echo(out)


def _name(run: Path, weights: str, *, is_model: bool) -> str:
    """Return the name of the file for a run or a model file, which says small weights."""
    name = run.stem if is_model else (run if run.is_dir() else run.parent).resolve().name
    return f"{name}.onnx" if weights == "float32" else f"{name}-{weights}.onnx"


def export_record(exported: Exported) -> dict[str, object]:
    """Return what is known of a written file, for --json."""
    m = exported.manifest
    record = {
        "path": str(exported.path),
        "sha256": exported.digest,
        "bytes": exported.size,
        "parity": asdict(m.parity) if m.parity else None,
        "laws_bit_for_bit": exported.report.exact,
        "memory": asdict(m.memory) if m.memory else None,
    }
    if m.rounding:
        record |= {"weights": m.weights, "rounding": asdict(m.rounding), "kept": exported.kept}
    return record


def say_exported(exported: Exported) -> None:
    """Say on stderr how a written file was proved."""
    m, laws = exported.manifest, exported.report.laws
    how = "bit for bit" if exported.report.exact else "up to rounding"
    say_labelled("proved", f"{parity_text(m)}; {len(laws)} laws hold {how}")
    if m.rounding:
        say_labelled("weights", f"{m.weights}: {rounding_text(m.rounding)}")
    for name, why in exported.kept.items():
        say_labelled("", f"{name} stays float32: {why}")
    say_labelled("file", f"{exported.size:,} bytes, SHA-256 {exported.digest}")
    if m.task == "generate":
        say_labelled("next", f"seqrt generate {shlex.quote(str(exported.path))} PROMPT")
        return
    ahead = m.task == "forecast" and m.window is None
    say_labelled("next", f"seqrt {'forecast' if ahead else 'predict'} DATA")
