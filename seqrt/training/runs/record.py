"""The entries of run.toml: how a training started, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from seqrt import __version__
from seqrt.data.readers.source import Source, shown
from seqrt.errors import InputError
from seqrt.files import write_text
from seqrt.metrics import measure
from seqrt.metrics_by_series import SeriesMetrics
from seqrt.training.problems.baselines import seasonal_baselines
from seqrt.training.problems.problem import Problem
from seqrt.training.runs.folder import SERIES, write_record
from seqrt.training.runs.plan import Plan


@dataclass(frozen=True)
class Result:
    """The metrics of a run by name, in raw units, and those of a baseline.

    `part` is the part of the data that they were measured on: validation, training if there is no
    validation part, or "out of fold" for a committee. `series` holds the metrics of each series, if
    there are several, and `further` those of more baselines, by name.
    """

    path: Path
    part: str
    figures: dict[str, float]
    baseline: str
    baseline_figures: dict[str, float]
    best_epoch: int
    pictures: tuple[Path, ...]
    series: SeriesMetrics | None = None
    further: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        path: Path,
        problem: Problem,
        predicted: NDArray[Any],
        baseline: tuple[str, NDArray[Any]],
        *,
        best_epoch: int = 0,
        pictures: tuple[Path, ...] = (),
    ) -> Result:
        """Measure predictions (N, O) for the judged part of `problem`, and those of a baseline."""
        part, metadata = problem.judged, problem.metadata
        task, truth, classes = metadata.task, part.truth, metadata.classes
        members = part.truth_series
        series = None
        if members is not None:
            series = SeriesMetrics.of(
                task, truth, predicted, classes, members, metadata.series, problem.keys, baseline
            )
        return cls(
            path=path,
            part=problem.part,
            figures=measure(task, truth, predicted, classes),
            baseline=baseline[0],
            baseline_figures=measure(task, truth, baseline[1], classes),
            best_epoch=best_epoch,
            pictures=pictures,
            series=series,
            further={
                name: measure(task, truth, each, classes)
                for name, each in seasonal_baselines(problem).items()
            },
        )

    def save(self, record: dict[str, Any]) -> None:
        """Write series.csv, if there are several series, and then run.toml: the run is finished."""
        if self.series:
            write_text(self.path / SERIES, self.series.csv())
        write_record(self.path, record | {"result": result_entry(self)})


def timestamp() -> str:
    """Return the current time as run.toml records it: ISO 8601 in UTC, which sorts as text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def record_of(plan: Plan, problem: Problem, started: str) -> dict[str, Any]:
    """Return the entries of run.toml that are known from the start."""
    metadata = problem.metadata
    earlier = {"earlier_data": list(metadata.earlier_data)} if metadata.earlier_data else {}
    return {
        "started": started,
        "seqrt": __version__,
        "name": metadata.name,
        "data_sha256": metadata.data_sha256,
        **earlier,
        "plan": plan.record(),
    }


def result_entry(result: Result) -> dict[str, Any]:
    """Return the entry of run.toml for the result."""
    return {
        "part": result.part,
        "best_epoch": result.best_epoch,
        "figures": result.figures,
        "baseline": {"name": result.baseline, **result.baseline_figures},
    }


def check_data(record: dict[str, Any], problem: Problem, source: Source) -> None:
    """Raise InputError if the data has changed since the record was written."""
    was, now = record.get("data_sha256"), problem.metadata.data_sha256
    if was != now:
        raise InputError(
            f"E_DATA_CHANGED: {shown(source)} must be the data that the run started with, SHA-256"
            f" {was}, got {now}. Restore it, or train again."
        )
