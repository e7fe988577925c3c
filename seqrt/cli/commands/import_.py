"""`seqrt import`: a saved Keras model or an ONNX file becomes one proved model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from seqrt.cli.commands.export import export_record, say_exported
from seqrt.cli.model_options import FOLDER
from seqrt.cli.options import JsonOption
from seqrt.cli.talk import say_labelled
from seqrt.errors import UsageError

_KERAS = (".keras", ".h5", ".hdf5")


def import_model(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Keras model, .keras or legacy .h5, or ONNX file, .onnx"
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Model file  [models/NAME.onnx]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a Keras model or an ONNX file into one proved ONNX file; print its path.

    Keras is not needed, only h5py: pip install 'seqrt[keras]'. Nothing in the file is run before
    its structure is checked. A Keras model must be a chain of layers, Sequential or functional. An
    ONNX file, of torch.onnx.export, tf2onnx or keras2onnx, must hold RNN, LSTM or GRU nodes and
    operators that a model file can hold; the result is compared with it in onnxruntime. What cannot
    be carried over is named, and no file is written.

    \b
    Examples:
      seqrt import model.keras
      seqrt import model.h5 -o model.onnx
      seqrt import torch.onnx -o model.onnx
    """
    from seqrt.files import check_not_input, make_folder

    suffix = model.suffix.lower()
    if suffix not in (*_KERAS, ".onnx"):
        raise UsageError(
            f"cannot import {model}: FILE must be a Keras model, .keras or .h5, or an ONNX file of"
            " another exporter, .onnx."
        )
    if out is not None:
        check_not_input(out, model)
    read: Any
    if suffix == ".onnx":
        from seqrt.export.from_onnx import read_onnx

        read = read_onnx(model)
    else:
        from seqrt.export.keras import read_keras

        read = read_keras(model)
    if out is None:
        make_folder(FOLDER)
        out = FOLDER / f"{model.stem}.onnx"
        check_not_input(out, model)
    write = _write_onnx if suffix == ".onnx" else _write_keras
    write(read, out, as_json)
    if not as_json:
        typer.echo(out)


def _write_keras(read: Any, out: Path, as_json: bool) -> None:
    from seqrt.export.from_keras import write_keras

    exported = write_keras(read, out)
    if as_json:
        typer.echo(json.dumps(export_record(exported), indent=2))
        return
    kinds = " > ".join(layer.kind for layer in read.layers)
    say_labelled("read", f"Keras {read.keras}: {kinds}" if read.keras else kinds)
    for note in read.notes():
        say_labelled("note", note)
    say_exported(exported)


def _write_onnx(read: Any, out: Path, as_json: bool) -> None:
    from seqrt.export.from_onnx import write_onnx

    done = write_onnx(read, out)
    steps = list(done.errors)
    worst = max(done.errors.values())
    if as_json:
        record = export_record(done.exported)
        compared = {"steps": steps, "largest_error": worst, "notes": list(done.notes)}
        typer.echo(json.dumps({**record, "original": compared}, indent=2))
        return
    layers = ", ".join(op for op in done.operators if op in ("RNN", "LSTM", "GRU"))
    say_labelled("read", f"ONNX of {done.producer or 'an unknown program'}: {layers}")
    for note in done.notes:
        say_labelled("note", note)
    say_exported(done.exported)
    rows = ", ".join(map(str, steps))
    say_labelled("compared", f"with the original in onnxruntime, rows of {rows} steps: {worst:.1e}")
