"""`seqrt compare`: train several networks on one task and recommend which to ship."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from seqrt.cli.comparison_report import comparison_record, comparison_table, outcome_text
from seqrt.cli.options import JsonOption, parse_names, parse_sizes, takes
from seqrt.cli.progress import train_with_progress
from seqrt.cli.run_report import say_data
from seqrt.cli.talk import say, say_labelled
from seqrt.cli.training_options import COMPARED, Cell, training_data
from seqrt.errors import ParityError, SeqrtError, UsageError

if TYPE_CHECKING:
    from seqrt.training.experiments.compare import CandidateTrial, Outcome
    from seqrt.training.experiments.ranking import Choice, Summary

_REPORT = "report.json"
_LINES = 4


@takes(COMPARED)
def compare(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A file, or a built-in task or series, as for seqrt train"
        ),
    ],
    cells: Annotated[
        str,
        typer.Option(metavar="CELLS", help="Kinds of recurrent layer, separated by commas"),
    ] = "rnn,lstm,gru",
    units: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIZES", help="Units of each layer; repeat the option to compare sizes  [64,32]"
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(metavar="NUMBER", min=1, help="Number of seeds to train each network with"),
    ] = 3,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FOLDER",
            help="Folder of the comparison  [a new one in compare/]",
        ),
    ] = None,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Train several networks on the same data; print the folder.

    Every cell in every size is trained with every seed. Training on a built-in task ends as soon as
    two epochs in a row have solved it. The folder holds all runs, a proved model of the best run of
    each network, a picture of the learning curves, and a report. Ctrl-C keeps the trials that have
    finished.

    The recommended network is the smallest of those that solve the task with every seed. If none
    does, it is the smallest of those whose median is as good as that of the best, within the spread
    of the best over its seeds.

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
    plan = Plan.of_options(training_data(data), options)
    networks = candidates(
        _cells(cells), [parse_sizes("--units", each) for each in units or ["64,32"]]
    )
    folder = comparison_folder(plan.source, out)
    count = len(networks) * seeds
    outcomes: list[Outcome] = []
    try:
        for trial in comparison_trials(plan, networks, seeds, folder):
            if not outcomes:
                say_data(trial.run)
            outcomes.append(_train(trial, f"{len(outcomes) + 1}/{count}"))
    except SeqrtError:
        with suppress(OSError):
            folder.rmdir()  # unless a run is in it
        raise
    except SystemExit:
        if outcomes:
            say(f"interrupted: {len(outcomes)} of {count} trials are finished.")
            _conclude(str(plan.source), folder, outcomes, export=False)
        raise
    report = _conclude(str(plan.source), folder, outcomes, export=True)
    typer.echo(json.dumps(report, indent=2) if as_json else folder)


def _cells(text: str) -> list[Cell]:
    known = {str(cell): cell for cell in get_args(Cell)}
    asked = parse_names("--cells", [text])
    unknown = [cell for cell in asked if cell not in known]
    if unknown:
        raise UsageError(f"--cells must be among {', '.join(known)}, got {unknown[0]!r}.")
    return [known[cell] for cell in asked]


def _train(trial: CandidateTrial, number: str) -> Outcome:
    """Train one network and report the outcome."""
    title = f"{number} {trial.title}"
    train_with_progress(trial.run, trial, f"{title}, epoch", _LINES)
    outcome = trial.finish()
    say(f"{title}: {outcome_text(outcome)}")
    return outcome


def _conclude(
    data: str, folder: Path, outcomes: Sequence[Outcome], *, export: bool
) -> dict[str, Any]:
    """Write the models, the picture and the report; say which network to ship."""
    from seqrt.files import write_text
    from seqrt.training.experiments.compare_picture import draw_comparison
    from seqrt.training.experiments.ranking import summaries
    from seqrt.training.problems.tasks import TASKS

    table = summaries(outcomes)
    models = _export(folder, table) if export else {}
    chosen = _choice(table, models) if export else None
    solved = TASKS[data].solved if data in TASKS else None
    picture = draw_comparison(folder, table, data, solved)
    report = comparison_record(data, folder, table, models, chosen)
    write_text(folder / _REPORT, json.dumps(report, indent=2) + "\n")
    for line in ("", *comparison_table(table, models), ""):
        say(line)
    say_labelled("picture", picture)
    say_labelled("report", folder / _REPORT)
    if chosen:
        model = models[chosen.summary.candidate.name] if chosen.summary else None
        say_labelled("ship", f"{model or 'none'}: {chosen.why}")
    return report


def _export(folder: Path, table: Sequence[Summary]) -> dict[str, Path]:
    """Export the best run of each network; return the files by the network's name."""
    from seqrt.export import export
    from seqrt.training.runs.memory import load_series
    from seqrt.training.runs.weights import load_run

    models = {}
    for row in table:
        name = row.candidate.name
        for best in row.finished[:1]:
            try:
                export(load_run(best.path), folder / f"{name}.onnx", series=load_series(best.path))
                models[name] = folder / f"{name}.onnx"
            except ParityError as error:
                say(f"{name}: not exported, {error}")
    return models


def _choice(table: Sequence[Summary], models: Mapping[str, Path]) -> Choice:
    from seqrt.training.experiments.ranking import Choice, choice

    exported = [row for row in table if row.candidate.name in models]
    return choice(exported) if exported else Choice(None, "no network could be exported")
