"""`seqrt export --to c`: a run, or a model file, as NAME.h and NAME.c."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from seqrt.cli.model_options import FOLDER
from seqrt.cli.talk import say_labelled
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.contract.manifest import WeightForm
    from seqrt.export import ExportedC


def write_c(run: Path, out: Path | None, weights: WeightForm, *, as_json: bool) -> None:
    """Write the model of `run`, the folder of a run or an .onnx file; print the path of NAME.c.

    `out` is that path; by default the files go to the folder of models, under the name of the run.
    """
    if weights == "int8":
        raise UsageError("--weights must be float32 or fp16 with --to c, got int8.")
    from seqrt.export import export_c
    from seqrt.export.to_c.text import check_name, name_from

    if out is not None and out.suffix != ".c":
        raise UsageError(f"--out must name a .c file with --to c, got {out}.")
    folder = FOLDER if out is None else out.parent
    is_file = run.suffix == ".onnx" and not run.is_dir()
    if is_file or run.is_dir():
        called = run.stem if is_file else run.resolve().name
    else:
        called = run.parent.resolve().name
    name = check_name(name_from(called) if out is None else out.stem)
    plain = is_file and weights == "float32"
    written = export_c(run if plain else _content(run, weights), folder, name=name)
    if as_json:
        typer.echo(json.dumps(_record(written), indent=2))
        return
    _say(written)
    typer.echo(written.source)


def _content(run: Path, weights: WeightForm) -> bytes:
    """Return the bytes of the model file that `seqrt export` writes."""
    from seqrt.export import export, shrink
    from seqrt.training.runs.memory import load_series
    from seqrt.training.runs.weights import load_run

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        if run.suffix == ".onnx" and not run.is_dir():
            shrink(run, path, weights=weights)
        else:
            export(load_run(run), path, series=load_series(run), weights=weights)
        return path.read_bytes()


def _record(written: ExportedC) -> dict[str, object]:
    compiled = written.compiled
    return {
        "path": str(written.source),
        "header": str(written.header),
        "constants_bytes": written.constants,
        "state_bytes": written.state,
        "workspace_bytes": written.workspace,
        "vocabulary_bytes": written.vocabulary,
        "text_bytes": written.text,
        "flash_bytes": compiled.flash if compiled else None,
        "stack_bytes": compiled.stack if compiled else None,
        "compiled_for": compiled.machine if compiled else None,
        "proved_with": written.proved_with or None,
    }


def _say(written: ExportedC) -> None:
    """Say on stderr how the files were proved, and how much memory they take."""
    how = f"the golden cases hold, compiled by {written.proved_with}"
    if not written.proved_with:
        how = f"not here, for want of a C compiler: compile with -D{written.name}_MAIN, and run it"
    say_labelled("proved", how)
    compiled = written.compiled
    flash, stack = f"{written.constants:,} bytes of constants", f"{written.workspace:,} bytes"
    if compiled:
        flash = f"{compiled.flash:,} bytes for {compiled.machine}"
        stack = stack if compiled.stack is None else f"at most {compiled.stack:,} bytes"
    if written.vocabulary:
        flash += f", {written.vocabulary:,} of them for the vocabulary"
    text = f", {written.text:,} for each text" if written.text else ""
    memory = f"{written.state:,} bytes for each stream{text}, and on the stack {stack}"
    say_labelled("flash", flash)
    say_labelled("memory", memory)
    say_labelled("header", written.header)
