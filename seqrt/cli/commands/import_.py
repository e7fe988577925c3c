"""`seqrt import`: a saved Keras model becomes one proved model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from seqrt.cli.commands.export import export_record, say_exported
from seqrt.cli.model_options import FOLDER
from seqrt.cli.options import JsonOption
from seqrt.cli.talk import say_labelled


def import_model(
    model: Annotated[
        Path, typer.Argument(metavar="FILE", help="Saved Keras model: .keras or legacy .h5")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Model file  [models/NAME.onnx]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a saved Keras model into one proved ONNX file; print its path.

    Keras is not needed, only h5py: pip install 'seqrt[keras]'. Nothing in the file is run. The
    model must be a chain of layers, Sequential or functional; a layer or an option that cannot be
    carried over is named, and no file is written.

    \b
    Examples:
      seqrt import model.keras
      seqrt import model.h5 -o model.onnx
    """
    from seqrt.export.from_keras import write_keras
    from seqrt.export.keras import read_keras
    from seqrt.files import check_not_input, make_folder

    if out is not None:
        check_not_input(out, model)
    read = read_keras(model)
    if out is None:
        make_folder(FOLDER)
        out = FOLDER / f"{model.stem}.onnx"
        check_not_input(out, model)
    exported = write_keras(read, out)
    if as_json:
        typer.echo(json.dumps(export_record(exported), indent=2))
        return
    kinds = " > ".join(layer.kind for layer in read.layers)
    say_labelled("read", f"Keras {read.keras}: {kinds}" if read.keras else kinds)
    for note in read.notes():
        say_labelled("note", note)
    say_exported(exported)
    typer.echo(out)
