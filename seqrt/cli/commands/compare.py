"""`seqrt compare`: several networks on one task, and which of them to ship."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from seqrt.cli.comparison_report import describe, lines, record
from seqrt.cli.options import JsonOption
from seqrt.cli.progress import train_shown
from seqrt.cli.training_options import (
    BatchSizeOption,
    Cell,
    EpochsOption,
    FeaturesOption,
    HorizonOption,
    LengthOption,
    MissingOption,
    NetworkDeviceOption,
    NoiseOption,
    RateOption,
    SpanOption,
    TargetOption,
    TaskOption,
    ValOption,
    WindowOption,
    rate,
    source,
)
from seqrt.cli.words import names, sizes
from seqrt.cli.words import span as ends
from seqrt.errors import ParityError, SeqrtError, UsageError

if TYPE_CHECKING:
    from seqrt.training.experiments.compare import CandidateTrial, Outcome
    from seqrt.training.experiments.ranking import Choice, Summary

_REPORT = "report.json"
_LINES = 4


def compare(
    data: Annotated[
        str,
        typer.Argument(metavar="DATA", help="A file or what is built in, as for seqrt train"),
    ],
    cells: Annotated[
        str, typer.Option(metavar="CELLS", help="Kinds of layer: rnn, lstm, gru")
    ] = "rnn,lstm,gru",
    units: Annotated[
        list[str] | None,
        typer.Option(metavar="SIZES", help="Size of each layer; again for another  [64,32]"),
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="Trials of each, seeds from 0 on")
    ] = 3,
    task: TaskOption = None,
    target: TargetOption = None,
    features: FeaturesOption = None,
    window: WindowOption = None,
    horizon: HorizonOption = None,
    length: LengthOption = None,
    span: SpanOption = None,
    val: ValOption = None,
    missing: MissingOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchSizeOption = None,
    lr: RateOption = None,
    noise: NoiseOption = None,
    device: NetworkDeviceOption = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FOLDER", help="Of it all  [a new one in compare/]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train several networks on the same data, side by side; print the folder.

    Every cell in every size is trained with every seed, a built-in task until two passes in a row
    have solved it. The folder holds a run of each, a proved model of the best run of each
    contender, a picture of how they learnt, and a report. Ctrl-C leaves what is done by then.

    To be shipped is the smallest of those that solve the task with every seed, or else of those as
    good as the best: with a median not worse by more than the seeds of the best are apart.

    \b
    Examples:
      seqrt compare adding --length 200
      seqrt compare gestures.npz --cells lstm,gru --units 32 --units 64,32
      seqrt compare load.csv --target kW --window 48 --seeds 5
    """
    from seqrt.training.experiments.compare import (
        candidates,
        comparison_folder,
        comparison_trials,
    )
    from seqrt.training.loop.distributed import check_one_process
    from seqrt.training.runs.plan import Plan

    check_one_process("seqrt compare")
    given = {
        "task": task,
        "target": names("--target", target),
        "features": names("--features", features),
        "window": window,
        "horizon": horizon,
        "length": length,
        "span": ends(span),
        "val": val,
        "missing": missing,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": rate(lr),
        "noise": noise,
        "device": device,
    }
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    plan = Plan(source(data), **options)
    field = candidates(_cells(cells), [sizes(each) or () for each in units or ["64,32"]])
    folder = comparison_folder(plan.source, out)
    count = len(field) * seeds
    outcomes: list[Outcome] = []
    try:
        for trial in comparison_trials(plan, field, seeds, folder):
            outcomes.append(_taken(trial, f"{len(outcomes) + 1}/{count}"))
    except SeqrtError:
        with suppress(OSError):
            folder.rmdir()  # unless a run stands in it
        raise
    except SystemExit:
        if outcomes:
            _say(f"broken off: {len(outcomes)} of {count} trials are done.")
            _conclude(plan.source, folder, outcomes, export=False)
        raise
    report = _conclude(plan.source, folder, outcomes, export=True)
    typer.echo(json.dumps(report, indent=2) if as_json else folder)


def _cells(text: str) -> list[Cell]:
    known = {str(cell): cell for cell in get_args(Cell)}
    asked = names("--cells", [text]) or ()
    wrong = [cell for cell in asked if cell not in known]
    if wrong:
        raise UsageError(f"--cells must be of {', '.join(known)}, got {wrong[0]!r}.")
    return [known[cell] for cell in asked]


def _taken(trial: CandidateTrial, number: str) -> Outcome:
    """Train and judge; say what it came to."""
    title = f"{number} {trial.title}"
    train_shown(trial.run, trial, title, _LINES)
    outcome = trial.finish()
    _say(f"{title}: {describe(outcome)}")
    return outcome


def _conclude(
    data: str, folder: Path, outcomes: Sequence[Outcome], *, export: bool
) -> dict[str, Any]:
    """Write the models, the picture and the report; say it all, and which to ship."""
    from seqrt.files import write_text
    from seqrt.training.experiments.compare_picture import draw_comparison
    from seqrt.training.experiments.ranking import summaries
    from seqrt.training.problems.tasks import TASKS

    table = summaries(outcomes)
    models = _models(folder, table) if export else {}
    chosen = _choice(table, models) if export else None
    solved = TASKS[data].solved if data in TASKS else None
    picture = draw_comparison(folder, table, data, solved)
    report = record(data, folder, table, models, chosen)
    write_text(folder / _REPORT, json.dumps(report, indent=2) + "\n")
    for line in ("", *lines(table, models), ""):
        _say(line)
    _say(f"picture     {picture}")
    _say(f"report      {folder / _REPORT}")
    if chosen:
        model = models[chosen.summary.candidate.name] if chosen.summary else None
        _say(f"ship        {model or 'none'}: {chosen.why}")
    return report


def _models(folder: Path, table: Sequence[Summary]) -> dict[str, Path]:
    """Export the best run of each contender; return the files by the contender's name."""
    from seqrt.export import export
    from seqrt.training.runs.folder import load_run
    from seqrt.training.runs.memory import load_series

    models = {}
    for row in table:
        name = row.candidate.name
        for best in row.finished[:1]:
            try:
                export(load_run(best.path), folder / f"{name}.onnx", series=load_series(best.path))
                models[name] = folder / f"{name}.onnx"
            except ParityError as error:
                _say(f"{name}: not exported, {error}")
    return models


def _choice(table: Sequence[Summary], models: Mapping[str, Path]) -> Choice:
    from seqrt.training.experiments.ranking import Choice, choice

    shippable = [row for row in table if row.candidate.name in models]
    return choice(shippable) if shippable else Choice(None, "there is no model")


def _say(line: str) -> None:
    typer.echo(line, err=True)
