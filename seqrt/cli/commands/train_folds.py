"""`seqrt train --folds K`: a committee of K networks, trained in turn and shipped as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from seqrt.cli.interrupted import check_no_options, export_command, resume_command
from seqrt.cli.judging.advice import advice
from seqrt.cli.progress import train_with_progress
from seqrt.cli.run_record import result_record, weight_count
from seqrt.cli.run_report import (
    data_introduction,
    labelled_note,
    metrics_table,
    network_text,
    small_data_text,
)
from seqrt.cli.talk import say, say_labelled
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.training.experiments.committee import Committee
    from seqrt.training.runs.plan import Plan
    from seqrt.training.runs.record import Result
    from seqrt.training.runs.run import Run

_LINES = 5


def resumes_committee(folder: str | None) -> bool:
    """Whether the run to resume, by default the newest unfinished one, is a committee."""
    from seqrt.training.experiments.committee import is_committee
    from seqrt.training.runs.folder import newest_unfinished

    return is_committee(newest_unfinished() if folder is None else folder)


def planned(data: str | tuple[str, ...], options: dict[str, Any]) -> Plan:
    """Return the plan for `data`, in the folds that were asked for or that suit the data."""
    from seqrt.training.experiments.committee import in_usual_folds
    from seqrt.training.loop.distributed import check_one_process
    from seqrt.training.runs.plan import Plan

    if "folds" in options:
        check_one_process("seqrt train --folds")
        if "val" in options:
            raise UsageError("--folds validates on every part in turn. Drop --val or --folds.")
    return in_usual_folds(Plan.of_options(data, options))


def train(plan: Plan, out: Path | None, *, as_json: bool) -> None:
    """Train a committee as `plan` says, and print its folder."""
    from seqrt.training.experiments.committee import start_committee

    committee = start_committee(plan, out)
    _introduce(committee, small_data_text(plan, committee.problem))
    _train(committee, as_json=as_json)


def resume(folder: str | None, options: dict[str, Any], out: Path | None, *, as_json: bool) -> None:
    """Train the rest of a committee, with the settings that it started with."""
    from seqrt.training.experiments.committee import resume_committee
    from seqrt.training.loop.distributed import check_one_process
    from seqrt.training.runs.folder import newest_unfinished

    check_one_process("seqrt train --folds")
    check_no_options(options, out)
    committee = resume_committee(folder or newest_unfinished())
    _introduce(committee)
    _train(committee, as_json=as_json)


def _train(committee: Committee, *, as_json: bool) -> None:
    """Train the members that are not finished, average them, and print the folder."""
    notes = list(committee.problem.notes)
    try:
        for run in committee.members():
            notes += _say_notes_of(run, notes)
            title = f"fold {run.plan.fold}/{run.plan.folds}, epoch"
            train_with_progress(run, run, title, _LINES)
            run.finish()
    except SystemExit:
        say(f"resume with: {resume_command(committee.path)}")
        raise
    result = committee.finish()
    for line in (_ending(committee), "", *metrics_table(committee.plan, result), ""):
        say(line)
    for path in result.pictures:
        say_labelled("picture", path)
    say_labelled("next", export_command(committee.path))
    for line in advice(committee.plan, committee.problem, result):
        say(line)
    typer.echo(json.dumps(_record(committee, result, notes), indent=2) if as_json else result.path)


def _introduce(committee: Committee, chosen: str | None = None) -> None:
    plan, problem = committee.plan, committee.problem
    for label, text in data_introduction(plan, problem):
        say_labelled(label, text)
    say_labelled("folds", f"{plan.folds}, each validated by a network trained on the others")
    say_labelled("network", f"the mean of {plan.folds}: {network_text(plan, problem)}")
    if chosen:
        say_labelled("chosen", chosen)
    say_labelled("run", committee.path)


def _say_notes_of(run: Run, known: list[str]) -> list[str]:
    """Say what is to note of the parts of a fold; return what was not `known` yet."""
    notes = [f"{note} (fold {run.plan.fold})" for note in run.problem.notes if note not in known]
    for note in notes:
        say_labelled(*labelled_note(note))
    return notes


def _ending(committee: Committee) -> str:
    best = [max((e.number for e in each if e.best), default=0) for each in committee.epochs()]
    *first, last = map(str, best)
    return f"best epochs {', '.join(first)} and {last}; {_seconds(committee):.1f} s"


def _seconds(committee: Committee) -> float:
    return sum(epoch.seconds for epochs in committee.epochs() for epoch in epochs)


def _record(committee: Committee, result: Result, notes: list[str]) -> dict[str, Any]:
    """Return a committee as a record for JSON."""
    from seqrt.training.runs.weights import load_run

    return {
        **result_record(committee.problem, result),
        "sequences": {"training": len(committee.problem.train), "validation": 0},
        "weights": weight_count(load_run(committee.path)),
        "notes": notes,
        "left_out": {"training": committee.problem.train.left_out, "validation": 0},
        "best_epoch": result.best_epoch,  # 0, because each member has its own
        "epochs": sum(map(len, committee.epochs())),
        "seconds": round(_seconds(committee), 3),
        "folds": [str(committee.folder(fold)) for fold in committee.folds],
    }
