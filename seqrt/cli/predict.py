"""`seqrt predict`: a file in, the model's answers out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.models import DeviceOption, JsonOption, ModelOption, chosen
from seqrt.errors import OutputError

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.data import Sequences, Table
    from seqrt.runtime import Model


def predict(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="A series or sequences: .npy, .npz, .csv, .parquet"),
    ],
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Where  [DATA's name + .pred.npy]"),
    ] = None,
    device: DeviceOption = "cpu",
    threads: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="Threads  [one per core allowed]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Predict DATA and save the answers as .npy; print where.

    A table (.csv, .parquet, or an array of one series) is read in windows where the model was
    trained on windows: one answer for each row from the first full window on; the last forecast
    is for what comes after the file. Sequences (batch, time, features) are answered one by one, in
    order; answers at every step are padded with zeros behind shorter sequences.

    \b
    Examples:
      seqrt predict data.npy
      seqrt predict sunspots.csv -m models/sunspots.onnx -o forecast.npy
      seqrt predict motions.npz --json | jq .shape
    """
    import numpy as np

    from seqrt.data import read
    from seqrt.data.serving import inputs
    from seqrt.files import writing
    from seqrt.runtime import load

    path = chosen(model)
    out = out or data.with_suffix(".pred.npy")
    _keep(out, data, path)
    opened = load(path, device=device, threads=threads)
    source = read(data)
    y = _answers(opened, inputs(source, opened.manifest))
    with writing(out) as file:
        np.save(file, y)
    if as_json:
        typer.echo(json.dumps(_record(opened, path, out, y), indent=2))
        return
    for line in _account(opened.manifest, source, y):
        typer.echo(line, err=True)
    typer.echo(out)


def _keep(out: Path, *inputs: Path) -> None:
    """Raise OutputError where the answers would be written over what they are made from."""
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise OutputError(
                f"E_OUTPUT_INPUT: the answers must not be written over {path}. Name another file"
                " with -o."
            )


def _answers(model: Model, x: Any) -> Any:
    """Return y as one array: sequences of different lengths are padded with zeros."""
    from seqrt.runtime.arrays import pad

    y = model.predict(x)
    return pad(y, len(model.manifest.outputs))[0] if isinstance(y, list) else y


def _record(model: Model, path: Path, out: Path, y: Any) -> dict[str, object]:
    m = model.manifest
    return {
        "path": str(out),
        "shape": list(y.shape),
        "outputs": [column.name for column in m.outputs],
        "classes": list(m.classes),
        "model": str(path),
        "sha256": model.digest,
    }


def _account(m: Manifest, source: Table | Sequences, y: Any) -> list[str]:
    """Say what the answers are, in words."""
    import numpy as np

    from seqrt.data import Table

    names = ", ".join(column.name for column in m.outputs[:6])
    more = f" and {len(m.outputs) - 6} more" if len(m.outputs) > 6 else ""
    lines = [f"{len(y):,} answers of shape {y.shape}: {names}{more}"]
    if not len(y):
        return ["there is nothing to answer: the file is empty, and so is the answer"]
    if m.classes and m.head == "last":
        found = Counter(m.classes[i] for i in np.argmax(y, axis=-1))
        lines.append(", ".join(f"{label}: {count}" for label, count in found.most_common()))
    if m.task == "forecast" and isinstance(source, Table):
        after = f"{source.times()[-1]}".removesuffix(".0") if source.time else f"row {source.rows}"
        ahead = ", ".join(
            f"{column.name} {v:.6g}" for column, v in zip(m.outputs, y[-1], strict=True)
        )
        lines.append(f"after {after}: {ahead}")
    return lines
