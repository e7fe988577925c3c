"""`seqrt predict`: data in, predictions out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from seqrt.cli.model_options import (
    ChannelsFirstOption,
    DeviceOption,
    ModelOption,
    Sha256Option,
    TF32Option,
    ThreadsOption,
    UnsealedOption,
    model_or_newest,
    open_model,
)
from seqrt.cli.options import JsonOption
from seqrt.cli.predictions.ranges import RangeChecks, StrictRangeOption
from seqrt.cli.predictions.reading import (
    DatesOption,
    ReadOptions,
    SeriesOption,
    TimeOption,
    open_data,
    say_short,
)
from seqrt.cli.predictions.texts import TextOption, say_blank
from seqrt.cli.talk import say, say_labelled

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from seqrt.cli.predictions.destination import Destination
    from seqrt.contract import Manifest
    from seqrt.data import Sequences, Timeline
    from seqrt.data.readers.mapped import Mapped
    from seqrt.data.slices import Slices
    from seqrt.data.texts.ids import TextIds
    from seqrt.runtime import Model

_MOST_NAMES = 6


def predict(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A series, sequences or texts: .csv, .tsv, .jsonl, .parquet, .npy, .npz, .txt, or"
            " a folder of .txt files",
        ),
    ],
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="File of predictions: .csv, .parquet, .jsonl or .npy; - writes CSV to stdout"
            "  [DATA's name + .pred.csv, or .pred.npy for an array]",
        ),
    ] = None,
    text: TextOption = None,
    series: SeriesOption = None,
    time: TimeOption = None,
    dates: DatesOption = None,
    device: DeviceOption = "cpu",
    tf32: TF32Option = False,
    threads: ThreadsOption = None,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    channels_first: ChannelsFirstOption = False,
    strict_range: StrictRangeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Predict DATA and save the predictions; print the path.

    If the model was trained on windows, a table (.csv, .parquet, or an array of one series) is read
    in windows: there is one prediction for each row from the first full window on, and the last
    forecast is for the time after the end of the file. Sequences (batch, time, features), or token
    ids (batch, time), give one prediction each, in order.

    A table is answered by a table in the format of DATA, and an array by an array, unless -o names
    another format. The columns of a table are those that name the series, the time as written in
    DATA (or row, from 1), and one for each output. A forecast has the time of its first step, any
    other prediction the time of the last row read. For classes there are the label and its
    probability. Sequences have item, and step for predictions at every step, both from 0.

    A model of text reads the column that it was trained on, each line of a .txt file, or each .txt
    file of a folder. The table of its predictions has the columns of DATA, save the targets, or the
    file; for tags it has a row for each word.

    Inputs outside the range of the training data are named on stderr, once for each feature.

    In a .npy file, predictions at every step are padded with zeros where sequences are shorter than
    the longest; a table leaves these steps out.

    On a terminal, -o - prints a table with six digits and the columns that fit.

    A .npy file may be larger than memory: it is read in parts, and the predictions are written to
    disk as they are computed. Other files are read whole.

    \b
    Examples:
      seqrt predict data.npy
      seqrt predict sunspots.csv -m models/sunspots.onnx -o forecast.parquet
      seqrt predict sunspots.csv -o - | tail -n 1
      seqrt predict motions.npz --json | jq .shape
      seqrt predict reviews.csv -m models/reviews.onnx
    """
    from seqrt.cli.predictions.destination import destination
    from seqrt.data.slices import slices
    from seqrt.data.texts.ids import TextIds

    to = destination(out, data, as_json=as_json)
    path = model_or_newest(model)
    to.check(data, path)
    opened = open_model(path, device, sha256=sha256, unsealed=unsealed, threads=threads, tf32=tf32)
    source = open_data(
        data, opened.manifest, ReadOptions(series, time, dates, channels_first, text)
    )
    checks = RangeChecks(opened.manifest, strict=strict_range)
    read = checks.of_slices(slices(source, opened.manifest))
    for note in read.notes:
        say_labelled("note", note)
    if isinstance(source, TextIds):
        say_blank(source, table=to.is_table)
    written = _predict(opened, source, read, to)
    if as_json:
        typer.echo(json.dumps(_record(written, path, to, opened.digest), indent=2))
        return
    for line in _summary(written):
        say(line)
    _say_short(opened.manifest, source)
    if to.path is not None:
        typer.echo(to.path)


class Written(NamedTuple):
    """The predictions that were written: what they are for, their shape, classes found, and end.

    Those of a wide table are side by side, and `manifest` names their outputs.
    """

    source: Timeline | Sequences | Mapped | TextIds
    manifest: Manifest
    shape: tuple[int, ...]
    found: Counter[int]
    last: Any


def _predict(
    model: Model, source: Timeline | Sequences | Mapped | TextIds, read: Slices, to: Destination
) -> Written:
    """Write the predictions, as an array or as a table."""
    import numpy as np

    from seqrt.cli.predictions.predict_file import predict_to
    from seqrt.cli.progress import work_progress
    from seqrt.data.predicted.side_by_side import predictions_of
    from seqrt.data.predicted.table import prediction_table
    from seqrt.data.predicted.texts import predicted_texts
    from seqrt.data.texts.ids import TextIds
    from seqrt.data.wide.melt import Melted

    progress = work_progress(read.steps_of(slice(None)), "steps")
    with to.opened() as file:
        if not to.is_table and not isinstance(source, Melted):
            with progress as advance:
                result = predict_to(file, model, read, advance)
            return Written(source, model.manifest, result.shape, result.found, result.last)
        with to.scratch() as array:
            with progress as advance:
                result = predict_to(array, model, read, advance)
            written = Written(source, model.manifest, result.shape, result.found, result.last)
            values: Callable[[int, int], Any] = result.read
            placed: Any = source
            lengths = read.lengths
            if isinstance(source, Melted):
                wide = predictions_of(source, model.manifest, result.shape, result.read)
                written = Written(wide.data, wide.manifest, wide.shape, result.found, wide.last)
                placed, values, lengths = wide.data, wide.read, wide.lengths
            if isinstance(source, TextIds):
                to.write(file, predicted_texts(source, model.manifest, read.steps, values))
            elif to.is_table:
                pieces = prediction_table(placed, *written[1:3], values, lengths)
                to.write(file, pieces)
            else:
                np.save(file, wide.array())
            return written


def _record(written: Written, path: Path, to: Destination, digest: str) -> dict[str, object]:
    return {
        "path": str(to.path),
        "shape": list(written.shape),
        "outputs": [column.name for column in written.manifest.outputs],
        "classes": list(written.manifest.classes),
        "model": str(path),
        "sha256": digest,
    }


def _summary(written: Written) -> list[str]:
    """Return the predictions in words: the shape, the classes found, the forecast at the end."""
    from seqrt.contract.quantiles import interval_levels

    source, m, shape, counts, last = written
    if not shape[0]:
        return ["DATA is empty, and so is the file of predictions"]
    each = len(m.quantiles) or 1  # of which the middle one is the point forecast
    places = range(each // 2, len(m.outputs), each)
    shown, hidden = places[:_MOST_NAMES], len(places) - _MOST_NAMES
    names = ", ".join(m.outputs[place].name for place in shown)
    more = f" and {hidden} more" if hidden > 0 else ""
    levels = ", ".join(f"{level:g}" for level in interval_levels(m.quantiles))
    intervals = f", with intervals of {levels} %" if levels else ""
    lines = [f"predictions of shape {shape}: {names}{more}{intervals}"]
    if m.classes and m.head == "last":
        found = ((m.classes[place], count) for place, count in counts.most_common())
        lines.append(", ".join(f"{label}: {count}" for label, count in found))
    end = _end(source)
    if m.task == "forecast" and end and last is not None:
        values = (f"{m.outputs[place].name} {last[place]:.6g}" for place in shown)
        lines.append(f"forecast after {end}: {', '.join(values)}{more}")
    return lines


def _say_short(m: Manifest, source: Timeline | Sequences | Mapped | TextIds) -> None:
    """Name the series without a prediction."""
    from seqrt.data import Timeline

    if not isinstance(source, Timeline) or not source.table.rows:
        return
    if m.window is not None and m.head == "last":
        say_short(source.short(m.window), len(source.keys))


def _end(source: Timeline | Sequences | Mapped | TextIds) -> str:
    """Return the time of the last row of a series, or its number; nothing for several series."""
    from seqrt.data import Sequences, Timeline
    from seqrt.data.texts.ids import TextIds

    if isinstance(source, Timeline):
        table, several = source.table, len(source.keys) > 1
        if several or not len(source.runs):
            return ""
        last = int(source.runs[-1, 1]) - 1
        return f"row {last + 1}" if table.time is None else table.columns[table.time].text(last)
    if isinstance(source, (Sequences, TextIds)) or len(source.shape) == len("NTD"):
        return ""
    return f"row {source.shape[0]}"
