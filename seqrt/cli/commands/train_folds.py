"""`seqrt train --folds K`: a committee of networks, trained one after the other, shipped as one."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from seqrt.cli.interrupted import check_nothing_given, exporting
from seqrt.cli.progress import train_shown
from seqrt.cli.run_report import asked, entries, figures, network_of, weights
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.training.experiments.committee import Committee
    from seqrt.training.runs.record import Result

_LINES = 5


def is_meant(data: str | None, options: dict[str, Any], *, resume: bool) -> bool:
    """Say whether the words of a command ask for a committee, or to go on with one."""
    if not resume:
        return "folds" in options
    from seqrt.training.experiments.committee import is_committee
    from seqrt.training.runs.folder import newest_unfinished

    return is_committee(newest_unfinished() if data is None else data)


def begun(source: str, options: dict[str, Any], out: Path | None) -> Committee:
    """Begin a committee, and say what it was understood to be."""
    from seqrt.training.experiments.committee import start_committee
    from seqrt.training.loop.distributed import check_one_process
    from seqrt.training.runs.plan import Plan

    check_one_process("seqrt train --folds")
    if "val" in options:
        raise UsageError("--folds validate on every part in turn. Leave out --val, or --folds.")
    return _introduced(start_committee(Plan(source, **options), out))


def gone_on(path: str | None, options: dict[str, Any], out: Path | None) -> Committee:
    """Go on with a committee; what it was told at the start holds."""
    from seqrt.training.experiments.committee import resume_committee
    from seqrt.training.loop.distributed import check_one_process
    from seqrt.training.runs.folder import newest_unfinished

    check_one_process("seqrt train --folds")
    check_nothing_given(options, out)
    return _introduced(resume_committee(path or newest_unfinished()))


def decide(committee: Committee, *, as_json: bool) -> None:
    """Train what is not trained yet, join it, and print the folder."""
    try:
        for run in committee.members():
            train_shown(run, run, f"fold {run.plan.fold}/{run.plan.folds}", _LINES)
            run.finish()
    except SystemExit:
        _say(f"go on with: seqrt train --resume {shlex.quote(str(committee.path))}")
        raise
    result = committee.finish()
    for line in ("", *figures(committee.plan, result), ""):
        _say(line)
    for path in result.pictures:
        _say(f"picture     {path}")
    _say(f"next        {exporting(committee.path)}")
    typer.echo(json.dumps(_record(committee, result), indent=2) if as_json else result.path)


def _introduced(committee: Committee) -> Committee:
    plan, problem = committee.plan, committee.problem
    for word, sentence in (
        *asked(plan, problem),
        ("folds", f"{plan.folds}, each judged by a network that has learnt from the others"),
        ("network", f"the mean of {plan.folds}: {network_of(plan, problem)}"),
        ("run", str(committee.path)),
    ):
        _say(f"{word:12}{sentence}")
    return committee


def _record(committee: Committee, result: Result) -> dict[str, Any]:
    """Return what a program wants to know of a committee, as JSON can hold it."""
    from seqrt.training.runs.folder import load_run

    return {
        **entries(committee.problem, result),
        "sequences": {"training": len(committee.problem.train), "validation": 0},
        "weights": weights(load_run(committee.path)),
        "folds": [str(committee.folder(fold)) for fold in committee.folds],
    }


def _say(line: str) -> None:
    typer.echo(line, err=True)
