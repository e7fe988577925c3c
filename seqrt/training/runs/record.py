"""What run.toml says of a training: how it began, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrt import __version__
from seqrt.errors import InputError
from seqrt.training.problems.problem import Problem
from seqrt.training.runs.plan import Plan


@dataclass(frozen=True)
class Result:
    """What a run came to, beside a baseline: figures in raw units, by their names.

    `part` is the part of the data that they were taken on: validation, or training where nothing
    was kept.
    """

    path: Path
    part: str
    figures: dict[str, float]
    baseline: str
    baseline_figures: dict[str, float]
    best_epoch: int
    pictures: tuple[Path, ...]


def record_of(plan: Plan, problem: Problem, started: str) -> dict[str, Any]:
    """Return what run.toml says of a training from the start."""
    return {
        "started": started,
        "seqrt": __version__,
        "data_sha256": problem.metadata.data_sha256,
        "plan": plan.record(),
    }


def entry(result: Result) -> dict[str, Any]:
    """Return what run.toml says of a training at its end."""
    return {
        "part": result.part,
        "best_epoch": result.best_epoch,
        "figures": result.figures,
        "baseline": {"name": result.baseline, **result.baseline_figures},
    }


def check_data(record: dict[str, Any], problem: Problem, source: str) -> None:
    """Raise InputError where the data of a record is no longer what it was."""
    was, now = record.get("data_sha256"), problem.metadata.data_sha256
    if was != now:
        raise InputError(
            f"E_DATA_CHANGED: {source} must be what the run began with, SHA-256 {was}, got {now}."
            " Put it back, or train again."
        )
