"""The report of `seqrt compare`: the outcome of each trial, the table, and the record in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrt.cli.run_record import number_or_null
from seqrt.cli.run_report import number

if TYPE_CHECKING:
    from seqrt.training.experiments.compare import Outcome
    from seqrt.training.experiments.ranking import Choice, Summary


def outcome_text(outcome: Outcome) -> str:
    """Return the outcome of one trial in words."""
    if outcome.failure:
        return f"failed: {outcome.failure}"
    steps = len(outcome.seconds) * outcome.steps
    how = "solved" if outcome.solved else "finished"
    return f"{outcome.metric} {number(outcome.value, 3)}, {how} after {steps:,} steps"


def comparison_table(rows: Sequence[Summary], models: Mapping[str, Path]) -> Iterator[str]:
    """Yield the table: a line for each candidate, and one for the baseline."""
    first, outcome = rows[0], rows[0].outcomes[0]
    width = max(len(outcome.baseline), *(len(row.candidate.name) for row in rows))
    seeds = max(len(row.outcomes) for row in rows)
    yield f"{first.metric}: median, best and worst of {seeds} seeds" if seeds > 1 else first.metric
    titles = ("weights", "median", "best", "worst", "solved", "failed", "steps", "s/epoch", "bytes")
    yield " " * width + "".join(f" {title:>{_width(title)}}" for title in titles)
    for row in rows:
        name = row.candidate.name
        best, worst = row.extremes or (None, None)
        cells = (
            f"{row.weights:,}",
            *(number(value, 3) for value in (row.median, best, worst)),
            f"{row.solved}/{len(row.outcomes)}",
            f"{len(row.outcomes) - len(row.finished)}/{len(row.outcomes)}",
            f"{row.steps:,.0f}",
            number(row.seconds, 3),
            f"{models[name].stat().st_size:,}" if name in models else "-",
        )
        pairs = zip(cells, titles, strict=True)
        yield f"{name:{width}}" + "".join(f" {cell:>{_width(title)}}" for cell, title in pairs)
    baseline = number(first.baseline_value, 3)
    yield f"{outcome.baseline:{width}} {'':{_width('weights')}} {baseline:>{_width('median')}}"


def comparison_record(
    data: str,
    folder: Path,
    rows: Sequence[Summary],
    models: Mapping[str, Path],
    choice: Choice | None,
) -> dict[str, Any]:
    """Return the comparison as a record for JSON."""
    row = choice.summary if choice else None
    return {
        "folder": str(folder),
        "data": data,
        "figure": rows[0].metric,
        "baseline": {
            "name": rows[0].outcomes[0].baseline,
            "value": number_or_null(rows[0].baseline_value),
        },
        "contenders": {row.candidate.name: _candidate(row, models) for row in rows},
        "ship": row.candidate.name if row else None,
        "why": choice.why if choice else "not all trials are done",
    }


def _candidate(row: Summary, models: Mapping[str, Path]) -> dict[str, Any]:
    best, worst = row.extremes or (None, None)
    model = models.get(row.candidate.name)
    return {
        "cell": row.candidate.cell,
        "units": list(row.candidate.units),
        "weights": row.weights,
        "median": number_or_null(row.median),
        "best": number_or_null(best),
        "worst": number_or_null(worst),
        "solved": row.solved,
        "failed": len(row.outcomes) - len(row.finished),
        "seconds_per_pass": number_or_null(row.seconds),
        "model": str(model) if model else None,
        "bytes": model.stat().st_size if model else None,
        "trials": [_outcome(outcome) for outcome in row.outcomes],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "seed": outcome.seed,
        "run": str(outcome.path),
        "value": number_or_null(outcome.value),
        "baseline": number_or_null(outcome.baseline_value),
        "solved": outcome.solved,
        "failure": outcome.failure,
        "steps_per_pass": outcome.steps,
        "curve": [number_or_null(value) for value in outcome.curve],
        "seconds": round(sum(outcome.seconds), 3),
    }


def _width(title: str) -> int:
    return 7 if title in ("solved", "failed") else 9
