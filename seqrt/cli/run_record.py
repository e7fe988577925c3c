"""A run and its metrics as records for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqrt.training.problems.problem import Problem
    from seqrt.training.runs.record import Result
    from seqrt.training.runs.run import Run


def run_record(run: Run, result: Result) -> dict[str, Any]:
    """Return a run as a record for JSON."""
    parts = {"training": run.problem.train, "validation": run.problem.validation}
    return {
        **result_record(run.problem, result),
        "sequences": {name: len(part) if part else 0 for name, part in parts.items()},
        "left_out": {name: part.left_out if part else 0 for name, part in parts.items()},
        "weights": weight_count(run.net),
        "best_epoch": result.best_epoch,
        "epochs": len(run.epochs),
        "seconds": round(sum(epoch.seconds for epoch in run.epochs), 3),
    }


def result_record(problem: Problem, result: Result) -> dict[str, Any]:
    """Return the task and its metrics as a record for JSON."""
    metadata = problem.metadata
    return {
        "run": str(result.path),
        "task": metadata.task,
        "features": [column.name for column in metadata.features],
        "outputs": [column.name for column in metadata.outputs],
        "classes": list(metadata.classes),
        "columns": {column.name: column.record() for column in problem.columns},
        "window": metadata.window,
        "horizon": metadata.horizon,
        "part": result.part,
        "figures": metrics_record(result.figures),
        "baseline": {"name": result.baseline, "figures": metrics_record(result.baseline_figures)},
        "further_baselines": {name: metrics_record(each) for name, each in result.further.items()},
        "pictures": [str(path) for path in result.pictures],
        **(result.series.record() if result.series else {}),
        "notes": list(problem.notes),
    }


def metrics_record(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Return metrics for JSON, which has neither NaN nor infinities."""
    return {name: number_or_null(value) for name, value in metrics.items()}


def number_or_null(value: float | None) -> float | None:
    """Return a number for JSON: None, which becomes null, for NaN and infinities."""
    return value if value is not None and math.isfinite(value) else None


def weight_count(net: Any) -> int:
    """Return the number of trainable weights."""
    return sum(parameter.numel() for parameter in net.parameters())
