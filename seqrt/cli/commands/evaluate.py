"""`seqrt evaluate`: the metrics of a model on data with known targets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.judging.judged import JudgeOptions, judge, judged_targets, seen_in_training
from seqrt.cli.judging.picture import draw
from seqrt.cli.judging.report import back_test_lines, conclusion
from seqrt.cli.judging.texts import evaluate_texts, report_texts
from seqrt.cli.model_options import (
    ChannelsFirstOption,
    DeviceOption,
    ModelOption,
    Sha256Option,
    UnsealedOption,
    model_or_newest,
    open_model,
)
from seqrt.cli.options import JsonOption, parse_names, parse_span
from seqrt.cli.predictions.reading import (
    DatesOption,
    ReadOptions,
    SeriesOption,
    TimeOption,
    read_data,
)
from seqrt.cli.predictions.texts import TextOption, reads_texts
from seqrt.cli.run_record import metrics_record
from seqrt.cli.talk import say, say_labelled
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.cli.judging.judged import Judgement
    from seqrt.data import Part, Sequences, Timeline
    from seqrt.metrics_by_series import SeriesMetrics
    from seqrt.runtime import Model

Metrics = dict[str, float]


def evaluate(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Data with targets: .csv, .tsv, .jsonl, .parquet, .npz with x and y, .npy of a"
            " series, or folders of .txt files; a .txt file for a language model",
        ),
    ],
    model: ModelOption = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Target columns, separated by commas  [those of training]",
        ),
    ] = None,
    span: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST:LAST",
            help="Targets to use, from one time or row number to another  [all]",
        ),
    ] = None,
    text: TextOption = None,
    series: SeriesOption = None,
    time: TimeOption = None,
    dates: DatesOption = None,
    device: DeviceOption = "cpu",
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    channels_first: ChannelsFirstOption = False,
    season: Annotated[
        int | None,
        typer.Option(
            metavar="ROWS", min=1, help="Season of MASE and seasonal naive  [found in DATA]"
        ),
    ] = None,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines",
            help="Also fit AutoETS, AutoARIMA, AutoTheta and MSTL; needs seqrt[baselines]",
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Picture of the errors and of some forecasts"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a model on data with known targets; print its metrics.

    Errors are in raw units; mse/variance is relative to the variance of the targets used.

    A forecast of a table is judged in a rolling-origin back-test. Baselines forecast from the same
    rows, and read no more than the model could: persistence, seasonal naive, drift, mean, Naive2 of
    the M4 competition and a ridge autoregression. MASE is the error relative to that of the
    seasonal naive forecast in the rows before the first origin; sMAPE and OWA are as in M4, and OWA
    is left out where values are not positive. The last line says whether the model beats the best
    naive baseline. --json has each metric by step and by series.

    A model of text is judged on its column of texts, beside the majority class of the data. A
    language model is judged by the probability that it gives to each byte of a text: in nats and in
    bits for each byte, and as perplexity, beside the frequencies of the bytes.

    \b
    Examples:
      seqrt evaluate sunspots.csv --span 1921:1955
      seqrt evaluate sunspots.csv --span 1950: --baselines --plot errors.png
      seqrt evaluate motions_test.npz -m models/motions.onnx --json
      seqrt evaluate reviews_test.csv -m models/reviews.onnx
      seqrt evaluate book2.txt -m models/book.onnx
    """
    from seqrt.data.serving import labelled

    path = model_or_newest(model)
    options = JudgeOptions(season, baselines, plot)
    options.check(data, path)
    opened = open_model(path, device, sha256=sha256, unsealed=unsealed)
    how = ReadOptions(series, time, dates, channels_first, text)
    if reads_texts(data, opened.manifest):
        if span:
            raise UsageError("--span does not apply to texts. Drop it.")
        found = evaluate_texts(opened, data, parse_names("--target", target), how, options)
        report_texts(found, opened, path, data, as_json=as_json)
        return
    reading, names = judged_targets(opened.manifest, parse_names("--target", target))
    read = read_data(data, reading, how)
    for note in read.notes:
        say_labelled("note", note)
    part = labelled(read, opened.manifest, target=names, span=parse_span("--span", span))
    predicted = _predicted(opened, part)
    judged = judge(read, opened.manifest, part, predicted, names, options)
    points = predicted if judged is None else judged.points
    metrics, persistence = _metrics(opened, part, points)
    by_series = _by_series(opened, part, points, read)
    if plot is not None and judged is not None:
        draw(judged, plot)
    if as_json:
        record = {"model": str(path), "sha256": opened.digest, "answers": len(part.truth)}
        record |= {"left_out": part.left_out}
        record |= {"figures": metrics_record(metrics), "persistence": metrics_record(persistence)}
        record |= by_series.record() if by_series else {}
        record |= judged.record() if judged else {}
        typer.echo(json.dumps(record, indent=2))
        return
    notes = () if span else tuple(seen_in_training(data, opened.manifest))
    say(f"{path.name} on {len(part.truth):,} targets of {data}")
    if part.left_out:
        say(f"{part.left_out:,} windows without a target are left out")
    for line in _report(_table(metrics, persistence), judged, by_series, notes):
        typer.echo(line)


def _report(
    table: Iterator[str],
    judged: Judgement | None,
    by_series: SeriesMetrics | None,
    notes: Sequence[str],
) -> Iterator[str]:
    """Yield the lines on stdout: metrics, the back-test of a forecast, series, the conclusion."""
    yield from table
    if judged:
        yield ""
        yield from back_test_lines(judged.test)
    if by_series:
        yield by_series.summary()
    yield from conclusion(judged.test, notes) if judged else (f"note: {each}" for each in notes)


def _metrics(model: Model, part: Part, predicted: Any) -> tuple[Metrics, Metrics]:
    """Return the metrics of the model and, for forecasts, of persistence."""
    from seqrt.metrics import measure

    m = model.manifest
    metrics = measure(m.task, part.truth, predicted, m.classes)
    if part.known is None:
        return metrics, {}
    return metrics, measure(m.task, part.truth, part.known)


def _by_series(
    model: Model, part: Part, predicted: Any, data: Timeline | Sequences
) -> SeriesMetrics | None:
    """Return the metrics of each series, if there are several."""
    from seqrt.data import Sequences
    from seqrt.metrics_by_series import SeriesMetrics

    series = part.truth_series
    if series is None or isinstance(data, Sequences):
        return None
    m = model.manifest
    baseline = None if part.known is None else ("persistence", part.known)
    return SeriesMetrics.of(
        m.task, part.truth, predicted, m.classes, series, data.series, data.keys, baseline
    )


def _predicted(model: Model, part: Part) -> Any:
    """Return the predictions stacked like `Part.truth`: (N, O)."""
    import numpy as np

    y = model.predict(part.x.arrays())
    each = np.concatenate(y) if isinstance(y, list) or y.ndim == len("BTO") else y
    return each if part.steps is None else each[part.steps]


def _table(metrics: Metrics, persistence: Metrics) -> Iterator[str]:
    if persistence:
        yield f"{'':20}{'model':>12}{'persistence':>14}"
    for name, value in metrics.items():
        beside = f"{persistence[name]:14.4g}" if persistence else ""
        yield f"{name:20}{value:12.4g}{beside}"
