"""`seqrt train`: a file or a built-in task becomes a run folder with a trained network."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.commands import train_folds, train_trials
from seqrt.cli.commands.describe import naming_describe
from seqrt.cli.interrupted import check_no_options, export_command, saying_what_is_saved
from seqrt.cli.judging.advice import advice
from seqrt.cli.options import JsonOption, takes
from seqrt.cli.progress import train_with_progress
from seqrt.cli.run_record import run_record
from seqrt.cli.run_report import (
    metrics_table,
    run_ending,
    run_introduction,
    small_data_text,
)
from seqrt.cli.signals import EXIT_CODES
from seqrt.cli.talk import say, say_labelled
from seqrt.cli.torchrun import quiet_unless_first
from seqrt.cli.training_options import TRAINING, training_data
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.training.runs.plan import Plan
    from seqrt.training.runs.record import Result
    from seqrt.training.runs.run import Run

_BUILT_IN = "mackey-glass"


@takes(TRAINING)
def train(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help="A .csv, .tsv, .jsonl, .parquet, .npy, .npz or .txt file; several tables or a"
            " folder of them, each a series; a folder of .txt files for each class; or a built-in"
            " task or series: adding, copying, temporal-order, reber, recall, sentences,"
            " sine-mix or mackey-glass  [mackey-glass]; with --resume, the folder of a run",
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="FOLDER", help="Folder of the run  [a new one in runs/]"
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Try this many networks and keep the best"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Resume the run in DATA  [the newest unfinished one]"),
    ] = False,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Train a network on your data; print the folder of the run.

    The folder holds the best weights, the settings, a table with the metrics of every epoch, and
    pictures. Ctrl-C finishes the current step and saves the best weights so far. --resume continues
    a run that was interrupted or killed, and reaches the weights that it would have reached without
    the interruption. Defaults are in [brackets].

    --trials N trains N networks and keeps the best: lstm or gru, one layer of 8 to 128 units or
    two (the second half as large), learning rates from 0.0003 to 0.03, dropout up to 0.5, noise up
    to 0.3. The first trial uses the defaults; Optuna chooses the others by validation loss and
    stops unpromising ones early. Options that you give stay fixed. All trials are in search/, and
    the best one is the run.

    A .txt file trains a language model, which predicts each byte of the text from those before it.
    Networks that read text have defaults of their own, all of which run.toml records.

    Under torchrun, all processes train one network together, and reach the weights that one process
    would reach.

    \b
    Examples:
      seqrt train sunspots.csv --target SUNACTIVITY --span 1700:1920
      seqrt train gestures.npz --task classify --cell gru --units 48
      seqrt train load.csv --target kW --features kW,temperature --horizon 3
      seqrt train co2.csv --missing forward
      seqrt train reviews.csv --text review --target label
      seqrt train plays.txt
      seqrt train adding --length 200 --cell lstm
      seqrt train --resume runs/load-lstm-1
      seqrt train gestures.npz --cell gru --trials 20
      torchrun --nproc-per-node 2 -m seqrt train load.csv --target kW
    """
    with naming_describe(() if resume else data or ()):
        if trials is not None:
            train_trials.train(_data(data), options, trials, out, resume=resume, as_json=as_json)
        elif resume and train_folds.resumes_committee(_folder(data)):
            train_folds.resume(_folder(data), options, out, as_json=as_json)
        else:
            with quiet_unless_first():
                if resume:
                    _train(_resume(_folder(data), options, out), as_json=as_json)
                    return
                plan = train_folds.planned(_data(data), options)
                if plan.folds:
                    train_folds.train(plan, out, as_json=as_json)
                else:
                    _train(_start(plan, out), as_json=as_json)


def _train(run: Run, *, as_json: bool) -> None:
    with saying_what_is_saved(run):
        train_with_progress(run, run)
        if run.stopped:  # because another process received a signal
            raise SystemExit(EXIT_CODES[signal.SIGTERM])
        result = run.finish()
    _report(run, result)
    typer.echo(json.dumps(run_record(run, result), indent=2) if as_json else result.path)


def _start(plan: Plan, out: Path | None) -> Run:
    from seqrt.training.runs.run import start

    run = start(plan, out)
    _introduce(run)
    if chosen := small_data_text(plan, run.problem):
        say_labelled("chosen", chosen)
    return run


def _resume(folder: str | None, options: dict[str, Any], out: Path | None) -> Run:
    """Resume the run in `folder`, with the settings that it started with."""
    from seqrt.training.runs.run import resume

    check_no_options(options, out)
    run = resume(folder)
    _introduce(run)
    if run.warning:
        say(f"warning: {run.warning}; resuming from the checkpoint before it.")
    at = run.checkpoints.start.progress
    say_labelled("resume", f"from epoch {at.number}, step {at.step}")
    return run


def _introduce(run: Run) -> None:
    for label, text in run_introduction(run):
        say_labelled(label, text)


def _mixed(run: Run) -> str | None:
    """Return how much of the forecasts is the linear part of a forecaster, averaged over steps."""
    from seqrt.training.networks.forecasting.forecaster import Forecaster

    if not isinstance(run.net, Forecaster) or not run.net.linear.any():
        return None
    share = 100 * float(run.net.share.mean())
    return f"the network counts {share:.0f} % in a forecast, its linear part {100 - share:.0f} %"


def _report(run: Run, result: Result) -> None:
    say(run_ending(run, result))
    if mixed := _mixed(run):
        say(mixed)
    for line in ("", *metrics_table(run.plan, result), ""):
        say(line)
    for path in result.pictures:
        say_labelled("picture", path)
    say_labelled("next", export_command(run.path))
    for line in advice(run.plan, run.problem, result):
        say(line)


def _data(data: list[str] | None) -> str | tuple[str, ...]:
    if not data:
        say(f"no DATA given: training on the built-in series {_BUILT_IN}")
        return _BUILT_IN
    return training_data(data[0]) if len(data) == 1 else tuple(data)


def _folder(data: list[str] | None) -> str | None:
    """Return the run to resume, if one is named."""
    if data and len(data) > 1:
        raise UsageError(f"--resume takes the folder of one run, got {len(data)} names.")
    return data[0] if data else None
