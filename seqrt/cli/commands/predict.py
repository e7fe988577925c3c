"""`seqrt predict`: a file in, the model's answers out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqrt.cli.options import (
    DeviceOption,
    JsonOption,
    ModelOption,
    Sha256Option,
    TF32Option,
    UnsealedOption,
    chosen,
    open_model,
)

if TYPE_CHECKING:
    from seqrt.cli.answers import Answers
    from seqrt.contract import Manifest
    from seqrt.data import Sequences, Table
    from seqrt.data.readers.mapped import Mapped
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
    tf32: TF32Option = False,
    threads: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="Threads  [one per core allowed]"),
    ] = None,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Predict DATA and save the answers as .npy; print where.

    A table (.csv, .parquet, or an array of one series) is read in windows where the model was
    trained on windows: one answer for each row from the first full window on; the last forecast
    is for what comes after the file. Sequences (batch, time, features) are answered one by one, in
    order; answers at every step are padded with zeros behind shorter sequences.

    A .npy file may be larger than memory: it is read a part at a time and the answers go straight
    to the disk. Other files are read whole.

    \b
    Examples:
      seqrt predict data.npy
      seqrt predict sunspots.csv -m models/sunspots.onnx -o forecast.npy
      seqrt predict motions.npz --json | jq .shape
    """
    from seqrt.cli.answers import Answers
    from seqrt.cli.predict_file import answers, shape_of
    from seqrt.cli.rate import counting
    from seqrt.data.slices import slices
    from seqrt.files import check_not_input, writing

    path = chosen(model)
    out = out or data.with_suffix(".pred.npy")
    check_not_input(out, data, path)
    opened = open_model(path, device, sha256=sha256, unsealed=unsealed, threads=threads, tf32=tf32)
    source = _opened(data)
    read = slices(source, opened.manifest)
    with writing(out) as file, counting(read.steps_of(slice(None)), "steps") as passed:
        y = Answers(file, shape_of(opened, read))
        for answer in answers(opened, read):
            y.put(answer.row, answer.step, answer.y)
            passed(answer.steps)
    if as_json:
        typer.echo(json.dumps(_record(opened, path, out, y.shape), indent=2))
        return
    for line in _account(opened.manifest, source, y):
        typer.echo(line, err=True)
    typer.echo(out)


def _opened(data: Path) -> Table | Sequences | Mapped:
    """Return what the file holds: an array by itself stays there until it is asked for."""
    from seqrt.data import read
    from seqrt.data.readers.mapped import Mapped

    return Mapped(data) if data.suffix.lower() == ".npy" else read(data)


def _record(model: Model, path: Path, out: Path, shape: tuple[int, ...]) -> dict[str, object]:
    m = model.manifest
    return {
        "path": str(out),
        "shape": list(shape),
        "outputs": [column.name for column in m.outputs],
        "classes": list(m.classes),
        "model": str(path),
        "sha256": model.digest,
    }


def _account(m: Manifest, source: Table | Sequences | Mapped, y: Answers) -> list[str]:
    """Say what the answers are, in words."""
    names = ", ".join(column.name for column in m.outputs[:6])
    more = f" and {len(m.outputs) - 6} more" if len(m.outputs) > 6 else ""
    lines = [f"{y.shape[0]:,} answers of shape {y.shape}: {names}{more}"]
    if not y.shape[0]:
        return ["there is nothing to answer: the file is empty, and so is the answer"]
    if m.classes and m.head == "last":
        found = ((m.classes[place], count) for place, count in y.found.most_common())
        lines.append(", ".join(f"{label}: {count}" for label, count in found))
    after = _end(source)
    if m.task == "forecast" and after and y.last is not None:
        ahead = ", ".join(
            f"{column.name} {v:.6g}" for column, v in zip(m.outputs, y.last, strict=True)
        )
        lines.append(f"after {after}: {ahead}")
    return lines


def _end(source: Table | Sequences | Mapped) -> str:
    """Return when the last row of a series was, or its number; sequences have no such row."""
    from seqrt.data import Sequences, Table

    if isinstance(source, Table):
        return f"{source.times()[-1]}".removesuffix(".0") if source.time else f"row {source.rows}"
    if isinstance(source, Sequences) or len(source.shape) == len("NTD"):
        return ""
    return f"row {source.shape[0]}"
