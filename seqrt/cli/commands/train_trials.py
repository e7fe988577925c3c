"""`seqrt train --trials N`: a search over networks and settings, whose best run is the result."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from seqrt.cli.judging.advice import advice
from seqrt.cli.progress import train_with_progress
from seqrt.cli.run_record import run_record
from seqrt.cli.run_report import metrics_table, number, run_ending, say_data
from seqrt.cli.talk import say, say_labelled
from seqrt.errors import SeqrtError, TrainingError, UsageError

if TYPE_CHECKING:
    from seqrt.training.experiments.search import SearchOutcome, SearchTrial

_TABLE = "trials.csv"
_LINES = 2


def train(
    data: str | tuple[str, ...],
    options: dict[str, Any],
    trials: int,
    out: Path | None,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    """Search over what `options` leave open, keep the best run, and print its folder."""
    from seqrt.training.experiments.search import (
        best_outcome,
        check_search,
        search_folder,
        search_trials,
    )
    from seqrt.training.loop.distributed import check_one_process
    from seqrt.training.runs.plan import Plan

    check_one_process("seqrt train --trials")
    if resume:
        raise UsageError("a search cannot be resumed. Drop --resume or --trials.")
    plan = Plan.of_options(data, options)
    check_search(plan, options, trials)
    folder = search_folder(plan.source)
    finished: list[SearchOutcome] = []
    try:
        for trial in search_trials(plan, options, trials, folder):
            if not finished:
                say_data(trial.run)
            finished.append(_train(trial))
            _write_table(finished, folder)
    except SeqrtError:
        with suppress(OSError):
            folder.rmdir()  # unless a run is in it
        raise
    except SystemExit:
        say(f"interrupted: {len(finished)} of {trials} trials are finished.")
        if best_outcome(finished):
            _conclude(finished, folder, out)
        raise
    record = _conclude(finished, folder, out)
    typer.echo(json.dumps(record, indent=2) if as_json else record["run"])


def _train(trial: SearchTrial) -> SearchOutcome:
    """Train one network, and report the outcome."""
    train_with_progress(trial.run, trial, f"{trial.title}, epoch", _LINES)
    outcome = trial.finish()
    say(f"{trial.title}: {outcome.failure or _summary(outcome)}")
    return outcome


def _conclude(finished: Sequence[SearchOutcome], folder: Path, out: Path | None) -> dict[str, Any]:
    """Finish the best run; report all trials, the best one, and how far to trust its metrics."""
    from seqrt.training.experiments.search import best_outcome, promote

    for line in ("", *_table(finished), ""):
        say(line)
    best = best_outcome(finished)
    if best is None:
        raise TrainingError(f"all {len(finished)} trials failed. Try a lower --lr or other data.")
    result = promote(best, folder / _TABLE, out)
    say_labelled("best", f"trial {best.number}: {_summary(best)}")
    for line in (run_ending(best.run, result), "", *metrics_table(best.run.plan, result), ""):
        say(line)
    say(
        f"These metrics are optimistic: the validation part chose the best of {len(finished)}"
        " trials."
    )
    say("Judge the network on data that no trial has seen: seqrt evaluate DATA")
    say_labelled("trials", folder / _TABLE)
    say_labelled("run", result.path)
    for line in advice(best.run.plan, best.run.problem, result):
        say(line)
    return run_record(best.run, result) | {
        "chosen_on": result.part,
        "trial": best.number,
        "trials": [outcome.row() | {"failure": outcome.failure} for outcome in finished],
    }


def _write_table(finished: Sequence[SearchOutcome], folder: Path) -> None:
    from seqrt.files import write_text

    rows = [outcome.row() for outcome in finished]
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(folder / _TABLE, text.getvalue())


def _table(finished: Sequence[SearchOutcome]) -> Iterator[str]:
    """Yield the table of trials, the best first."""
    yield "trial  cell  units    lr        dropout  noise  val loss   epochs  state"
    worst = float("inf")
    for outcome in sorted(finished, key=lambda t: worst if t.value is None else t.value):
        row = outcome.row()
        yield (
            f"{outcome.number:>5}  {row['cell']:<4}  {row['units']:<7}  {row['lr']:<8.3g}"
            f"  {row['dropout']:<7g}  {row['noise']:<5g}  {number(outcome.value, 4):<9}"
            f"  {row['epochs']:>6}  {outcome.state}"
        )


def _summary(outcome: SearchOutcome) -> str:
    row = outcome.row()
    loss = "no val loss" if outcome.value is None else f"val loss {outcome.value:.4g}"
    return (
        f"{row['cell']} {row['units']}, lr {row['lr']:.3g}, dropout {row['dropout']:g},"
        f" noise {row['noise']:g}: {loss}, {outcome.state} after {row['epochs']} epochs"
    )
