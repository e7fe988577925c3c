"""`seqrt forecast`: what comes next, as a table of future rows."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.model_options import (
    DeviceOption,
    ModelOption,
    Sha256Option,
    ThreadsOption,
    UnsealedOption,
    model_or_newest,
    open_model,
)
from seqrt.cli.options import JsonOption, parse_names
from seqrt.cli.predictions.ranges import RangeChecks, StrictRangeOption
from seqrt.cli.predictions.reading import (
    DatesOption,
    ReadOptions,
    SeriesOption,
    TimeOption,
    read_data,
    say_short,
)
from seqrt.cli.talk import say, say_labelled
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.cli.predictions.destination import Destination
    from seqrt.contract import Manifest
    from seqrt.data import Timeline
    from seqrt.data.predicted.future import Future
    from seqrt.runtime import Model


def forecast(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="One or more series: .csv, .tsv, .jsonl, .parquet, .npy, .npz"
        ),
    ],
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="File of the forecast: .csv, .parquet, .jsonl or .npy"
            "  [CSV on stdout, or a table on a terminal]",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", min=1, help="Rows of each series  [the horizon of the model]"
        ),
    ] = None,
    levels: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PERCENT",
            help="Levels of the intervals, such as 80,95  [all that the model has]",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Picture of the last windows and the forecast"),
    ] = None,
    series: SeriesOption = None,
    time: TimeOption = None,
    dates: DatesOption = None,
    device: DeviceOption = "cpu",
    threads: ThreadsOption = None,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    strict_range: StrictRangeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print what comes next: the rows after the end of every series in DATA.

    The model reads the last window of each series, or all of its last run if it was trained without
    windows. The forecast has the columns that name the series, the time, continued by the step of
    DATA and written as there, and a column for each target under its own name, followed by the ends
    of its intervals: sales, sales-lo-95, sales-lo-80, sales-hi-80, sales-hi-95. Without a time
    column it has row, the number of the row in its series; where the rows of DATA have no regular
    step it has step, from 1.

    Steps beyond the horizon of the model are forecast from the forecasts before them. They have no
    intervals, because those would be too narrow. The model needs what else it reads in the rows
    between: the calendar goes on, what is constant in a series stays, and what is known ahead must
    be in DATA.

    Series with fewer rows at their end than a window are left out and named. An .npy file has the
    shape (series, steps, columns), with the targets and intervals in the order of the table.

    \b
    Examples:
      seqrt forecast sunspots.csv
      seqrt forecast sales.csv -m sales.onnx -o next.parquet --plot next.png
      seqrt forecast sales.csv -m sales.onnx --levels 80 --steps 100
      seqrt forecast sales.csv --json | jq .forecast
    """
    from seqrt.cli.predictions.destination import STDOUT, destination
    from seqrt.data.predicted.future import future_of

    to = destination(out or STDOUT, data, as_json=as_json and out is not None)
    path = model_or_newest(model)
    to.check(data, path)
    if plot is not None:
        _check_plot(plot, data, path)
    opened = open_model(path, device, sha256=sha256, unsealed=unsealed, threads=threads)
    _check_task(opened.manifest, path)
    checks = RangeChecks(opened.manifest, strict=strict_range)
    wanted = _levels(opened.manifest, levels)
    source = _series(data, opened.manifest, ReadOptions(series, time, dates))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # said below, in the words of the command line
        future = future_of(
            source, opened.manifest, opened.forecast, steps, wanted, checks.of_slices
        )
    if out is not None or not as_json:
        _write(future, to)
    if plot is not None:
        _draw(future, opened.manifest, plot)
    if as_json:
        typer.echo(json.dumps(_record(opened, path, to, future, plot), indent=2))
        return
    for note in future.data.notes:
        say_labelled("note", note)
    _warn(future)
    for line in _summary(future):
        say(line)
    say_short(future.short, len(source.keys))
    if to.path is not None:
        typer.echo(to.path)
    if plot is not None:
        say(f"picture: {plot}{_panels(future)}")


def _check_plot(plot: Path, data: Path, model: Path) -> None:
    """Raise an error if the picture cannot be drawn or written; before any work."""
    from seqrt.drawing.style import check_matplotlib
    from seqrt.files import check_not_input, check_writable

    if plot.suffix.lower() != ".png":
        raise UsageError(f"--plot must name a file that ends in .png, got {str(plot)!r}.")
    check_matplotlib()
    check_not_input(plot, data, model)
    check_writable(plot)


def _check_task(m: Manifest, path: Path) -> None:
    """Raise UsageError if a model does not forecast."""
    if m.task != "forecast":
        raise UsageError(
            f"seqrt forecast needs a model that forecasts, but the task of {path} is {m.task}."
            " Use: seqrt predict"
        )


def _levels(m: Manifest, given: list[str] | None) -> tuple[float, ...]:
    """Return the levels asked for; UsageError for one that the model lacks."""
    from seqrt.ahead.layout import ForecastLayout

    numbers = None
    if given is not None:
        try:
            numbers = [float(text) for text in parse_names("--levels", given)]
        except ValueError:
            raise UsageError(
                f"--levels must be percentages separated by commas, such as 80,95, got"
                f" {','.join(given)!r}."
            ) from None
    return ForecastLayout.of(m).chosen(numbers, "--levels")


def _series(path: Path, m: Manifest, how: ReadOptions) -> Timeline:
    from seqrt.data import Sequences

    data = read_data(path, m, how)
    if isinstance(data, Sequences):
        raise UsageError(
            f"seqrt forecast needs series: a table, or an array (time,) or (time, features), but"
            f" {path} holds sequences. Use: seqrt predict"
        )
    return data


def _write(future: Future, to: Destination) -> None:
    """Write the forecast, as a table or as an array."""
    import numpy as np

    with to.opened() as file:
        if to.is_table:
            to.write(file, [future.columns()], future.targets)
        else:
            columns = [each.reshape(future.y.shape[:2]) for each in future.values().values()]
            np.save(file, np.stack(columns, axis=2))


def _panels(future: Future) -> str:
    """Return how many forecasts the picture shows, where it does not show all."""
    from seqrt.drawing.forecast import MOST_PANELS

    panels = future.y.shape[0] * future.y.shape[2]
    return "" if panels <= MOST_PANELS else f" (the first {MOST_PANELS} of {panels:,})"


def _draw(future: Future, m: Manifest, plot: Path) -> None:
    from seqrt.drawing.forecast import forecast_figure
    from seqrt.drawing.style import save_figure

    save_figure(forecast_figure(future, m.window or 1), plot)


def _record(
    model: Model, path: Path, to: Destination, future: Future, plot: Path | None
) -> dict[str, Any]:
    """Return the forecast for programs: a row is an object, as in a .jsonl file."""
    from seqrt.data.writers.writing import write_table

    columns, lines = future.columns(), io.BytesIO()
    write_table(lines, ".jsonl", [columns])
    return {
        "path": None if to.path is None else str(to.path),
        "plot": None if plot is None else str(plot),
        "shape": list(future.y.shape),
        "outputs": list(future.targets),
        "levels": list(future.forecast.levels),
        "direct": future.forecast.direct,
        "columns": list(columns),
        "forecast": [json.loads(line) for line in lines.getvalue().splitlines()],
        "left_out": [list(key) for key in future.short],
        "model": str(path),
        "sha256": model.digest,
    }


def _warn(future: Future) -> None:
    """Say which steps are forecast from forecasts."""
    direct, steps = future.forecast.direct, future.y.shape[1]
    if steps <= direct:
        return
    lack = "" if not future.forecast.levels else "; they have no intervals"
    say_labelled(
        "warning",
        f"the horizon of the model is {direct}: steps {direct + 1} to {steps} are forecast from"
        f" forecasts{lack}. Train for more with --horizon {steps}",
    )


def _summary(future: Future) -> Iterator[str]:
    """Yield what was forecast, and why there are no times, in words."""
    (series, steps, _), levels = future.y.shape, future.forecast.levels
    after = "" if series == 1 else f" for each of {series:,} series"
    shown = f" with intervals of {', '.join(f'{level:g}' for level in levels)} %" if levels else ""
    rows = "row" if steps == 1 else "rows"
    yield f"{steps} {rows} ahead{after}: {', '.join(future.targets)}{shown}"
    if future.places[0] == "step" and future.data.table.time is not None:
        yield (
            f"{future.data.table.time} has no regular step, so the rows are numbered from 1"
            " instead of continuing it"
        )
