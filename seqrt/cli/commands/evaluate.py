"""`seqrt evaluate`: how good a model is on data with answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.options import (
    DeviceOption,
    JsonOption,
    ModelOption,
    Sha256Option,
    UnsealedOption,
    chosen,
    open_model,
)
from seqrt.cli.run_report import finite
from seqrt.cli.words import names
from seqrt.cli.words import span as ends

if TYPE_CHECKING:
    from seqrt.data import Part
    from seqrt.runtime import Model

Figures = dict[str, float]


def evaluate(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="With answers: .csv, .parquet, .npz, .npy of a series"),
    ],
    model: ModelOption = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Columns with the answers  [those it learnt]"),
    ] = None,
    span: Annotated[
        str | None,
        typer.Option(metavar="FIRST:LAST", help="Answers to judge, by time or number  [all]"),
    ] = None,
    device: DeviceOption = "cpu",
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Judge a model on data with answers; print its figures.

    Forecasts stand beside persistence: the last known value, said again. Errors are in raw units;
    mse/variance is relative to the variance of the answers that are judged.

    \b
    Examples:
      seqrt evaluate sunspots.csv --span 1921:1955
      seqrt evaluate motions_test.npz -m models/motions.onnx --json
    """
    from seqrt.data import read
    from seqrt.data.serving import labelled

    path = chosen(model)
    opened = open_model(path, device, sha256=sha256, unsealed=unsealed)
    part = labelled(
        read(data), opened.manifest, target=names("--target", target) or (), span=ends(span)
    )
    figures, plain = _figures(opened, part)
    if as_json:
        record = {"model": str(path), "sha256": opened.digest, "answers": len(part.truth)}
        record |= {"left_out": part.left_out}
        record |= {"figures": finite(figures), "persistence": finite(plain)}
        typer.echo(json.dumps(record, indent=2))
        return
    typer.echo(f"{path.name} on {len(part.truth):,} answers of {data}", err=True)
    if part.left_out:
        typer.echo(f"{part.left_out:,} windows without an answer are left out", err=True)
    for line in _table(figures, plain):
        typer.echo(line)


def _figures(model: Model, part: Part) -> tuple[Figures, Figures]:
    """Return the model's figures and, for forecasts, those of persistence."""
    from seqrt.metrics import measure

    m = model.manifest
    figures = measure(m.task, part.truth, _predicted(model, part), m.classes)
    if part.known is None:
        return figures, {}
    return figures, measure(m.task, part.truth, part.known)


def _predicted(model: Model, part: Part) -> Any:
    """Return the answers below each other, as `Part.truth` has them."""
    import numpy as np

    y = model.predict(part.x)
    return np.concatenate(y) if isinstance(y, list) else y


def _table(figures: Figures, plain: Figures) -> Iterator[str]:
    if plain:
        yield f"{'':20}{'model':>12}{'persistence':>14}"
    for name, value in figures.items():
        beside = f"{plain[name]:14.4g}" if plain else ""
        yield f"{name:20}{value:12.4g}{beside}"
