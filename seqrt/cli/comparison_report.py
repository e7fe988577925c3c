"""A comparison in words: what each trial came to, the table, and the report for a program."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqrt.training.experiments.compare import Outcome
    from seqrt.training.experiments.ranking import Choice, Summary


def describe(outcome: Outcome) -> str:
    """Say what one trial came to."""
    if outcome.failure:
        return f"failed: {outcome.failure}"
    steps = len(outcome.seconds) * outcome.steps
    how = "solved" if outcome.solved else "ended"
    return f"{outcome.metric} {_figure(outcome.value)}, {how} after {steps:,} steps"


def lines(table: Sequence[Summary], models: Mapping[str, Path]) -> Iterator[str]:
    """Yield the table: a line for each contender, and the baseline."""
    first, trial = table[0], table[0].outcomes[0]
    width = max(len(trial.baseline), *(len(row.candidate.name) for row in table))
    seeds = max(len(row.outcomes) for row in table)
    several = f", the median of {seeds} seeds, the best and the worst" if seeds > 1 else ""
    yield f"{first.metric}{several}"
    titles = ("weights", "median", "best", "worst", "solved", "failed", "steps", "s/pass", "bytes")
    yield " " * width + "".join(f"{title:>{_width(title)}}" for title in titles)
    for row in table:
        name = row.candidate.name
        best, worst = row.extremes or (None, None)
        cells = (
            f"{row.weights:,}",
            *map(_figure, (row.median, best, worst)),
            f"{row.solved}/{len(row.outcomes)}",
            f"{len(row.outcomes) - len(row.finished)}/{len(row.outcomes)}",
            f"{row.steps:,.0f}",
            _figure(row.seconds),
            f"{models[name].stat().st_size:,}" if name in models else "-",
        )
        pairs = zip(cells, titles, strict=True)
        yield f"{name:{width}}" + "".join(f"{cell:>{_width(title)}}" for cell, title in pairs)
    yield f"{trial.baseline:{width}}{'':{_width('weights')}}{_figure(first.plain):>10}"


def record(
    data: str,
    folder: Path,
    table: Sequence[Summary],
    models: Mapping[str, Path],
    chosen: Choice | None,
) -> dict[str, Any]:
    """Return what a program wants to know of a comparison, as JSON can hold it."""
    row = chosen.summary if chosen else None
    return {
        "folder": str(folder),
        "data": data,
        "figure": table[0].metric,
        "baseline": {"name": table[0].outcomes[0].baseline, "value": _finite(table[0].plain)},
        "contenders": {row.candidate.name: _contender(row, models) for row in table},
        "ship": row.candidate.name if row else None,
        "why": chosen.why if chosen else "not all trials are done",
    }


def _contender(row: Summary, models: Mapping[str, Path]) -> dict[str, Any]:
    best, worst = row.extremes or (None, None)
    model = models.get(row.candidate.name)
    return {
        "cell": row.candidate.cell,
        "units": list(row.candidate.units),
        "weights": row.weights,
        "median": _finite(row.median),
        "best": _finite(best),
        "worst": _finite(worst),
        "solved": row.solved,
        "failed": len(row.outcomes) - len(row.finished),
        "seconds_per_pass": _finite(row.seconds),
        "model": str(model) if model else None,
        "bytes": model.stat().st_size if model else None,
        "trials": [_trial(trial) for trial in row.outcomes],
    }


def _trial(trial: Outcome) -> dict[str, Any]:
    return {
        "seed": trial.seed,
        "run": str(trial.path),
        "value": _finite(trial.value),
        "baseline": _finite(trial.plain),
        "solved": trial.solved,
        "failure": trial.failure,
        "steps_per_pass": trial.steps,
        "curve": [_finite(value) for value in trial.curve],
        "seconds": round(sum(trial.seconds), 3),
    }


def _width(title: str) -> int:
    return 10 if title in ("weights", "median", "best", "worst", "bytes") else 8


def _figure(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.3g}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
