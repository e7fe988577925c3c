"""`seqrt train --trials`: sizes and rates are tried, and the best run is the result."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.progress import train_shown
from seqrt.cli.run_report import figures, record, verdict
from seqrt.errors import SeqrtError, TrainingError, UsageError

if TYPE_CHECKING:
    from seqrt.training.experiments.search import SearchOutcome, SearchTrial

TrialsOption = Annotated[
    int | None,
    typer.Option(metavar="NUMBER", help="Search: so many runs, and the best is kept"),
]

_TABLE = "trials.csv"
_LINES = 2


def search(
    data: str,
    options: dict[str, Any],
    trials: int,
    out: Path | None,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    """Try what is not among `options`, and keep the best; print the folder of its run."""
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
        raise UsageError("a search is not gone on with. Leave out --resume, or --trials.")
    plan = Plan(data, **options)
    check_search(plan, options, trials)
    folder = search_folder(plan.source)
    tries: list[SearchOutcome] = []
    try:
        for trial in search_trials(plan, options, trials, folder):
            tries.append(_taken(trial))
            _write(tries, folder)
    except SeqrtError:
        with suppress(OSError):
            folder.rmdir()  # unless a run stands in it
        raise
    except SystemExit:
        _say(f"broken off: {len(tries)} of {trials} trials are done.")
        if best_outcome(tries):
            _conclude(tries, folder, out)
        raise
    answer = _conclude(tries, folder, out)
    typer.echo(json.dumps(answer, indent=2) if as_json else answer["run"])


def _taken(trial: SearchTrial) -> SearchOutcome:
    """Train; say what it came to."""
    train_shown(trial.run, trial, trial.title, _LINES)
    tried = trial.finish()
    _say(f"{trial.title}: {tried.failure or _line(tried)}")
    return tried


def _conclude(tries: Sequence[SearchOutcome], folder: Path, out: Path | None) -> dict[str, Any]:
    """Finish the best run; say all trials, the best, and what its figures are worth."""
    from seqrt.training.experiments.search import best_outcome, promote

    for line in ("", *_lines(tries), ""):
        _say(line)
    best = best_outcome(tries)
    if best is None:
        raise TrainingError(f"all {len(tries)} trials failed. Try a lower --lr, or other data.")
    result = promote(best, folder / _TABLE, out)
    _say(f"best        trial {best.number}: {_line(best)}")
    for line in (*verdict(best.run, result), "", *figures(best.run.plan, result), ""):
        _say(line)
    _say(
        f"the validation part chose 1 of {len(tries)} trials, so these figures flatter the network."
    )
    _say("judge it on data that no trial has seen: seqrt evaluate DATA")
    _say(f"trials      {folder / _TABLE}")
    _say(f"run         {result.path}")
    rows = [tried.row() | {"failure": tried.failure} for tried in tries]
    return record(best.run, result) | {
        "chosen_on": result.part,
        "trial": best.number,
        "trials": rows,
    }


def _write(tries: Sequence[SearchOutcome], folder: Path) -> None:
    from seqrt.files import write_text

    rows = [tried.row() for tried in tries]
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(folder / _TABLE, text.getvalue())


def _lines(tries: Sequence[SearchOutcome]) -> Iterator[str]:
    """Yield the table of trials, the best first."""
    yield "trial  cell  units    lr        dropout  noise  val loss   epochs  state"
    worst = float("inf")
    for tried in sorted(tries, key=lambda t: worst if t.value is None else t.value):
        row = tried.row()
        loss = "-" if tried.value is None else f"{tried.value:.4g}"
        yield (
            f"{tried.number:>5}  {row['cell']:<4}  {row['units']:<7}  {row['lr']:<8.3g}"
            f"  {row['dropout']:<7g}  {row['noise']:<5g}  {loss:<9}  {row['epochs']:>6}"
            f"  {tried.state}"
        )


def _line(tried: SearchOutcome) -> str:
    row = tried.row()
    value = "no loss" if tried.value is None else f"val loss {tried.value:.4g}"
    return (
        f"{row['cell']} {row['units']}, lr {row['lr']:.3g}, dropout {row['dropout']:g},"
        f" noise {row['noise']:g}: {value}, {tried.state} after {row['epochs']} epochs"
    )


def _say(line: str) -> None:
    typer.echo(line, err=True)
