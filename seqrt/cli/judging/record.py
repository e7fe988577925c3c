"""A back-test as a record for JSON: all forecasters, by step and by series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqrt.cli.judging.report import verdict
from seqrt.cli.run_record import metrics_record, number_or_null

if TYPE_CHECKING:
    from seqrt.forecasting.back_test import BackTest
    from seqrt.forecasting.scores import BandScores, Scores


def back_test_record(test: BackTest, names: Sequence[str]) -> dict[str, Any]:
    """Return a back-test; `names` (G,) are those of the series, in order."""
    difference = metrics_record(test.difference._asdict())
    return {
        "origins": len(test.origins),
        "horizon": test.origins.horizon,
        "season": test.season,
        "metric": test.metric,
        "forecasters": {each.name: _scores(test, each, names) for each in test.all},
        "intervals": _bands(test.bands, names) if test.bands else None,
        "best_naive": test.best_naive.name,
        "best_fitted": test.best_fitted.name if test.best_fitted else None,
        "beats_best_naive": test.beats_naive,
        "difference": {"level": 95, **difference},
        "notes": list(test.notes),
        "verdict": verdict(test),
    }


def _scores(test: BackTest, scores: Scores, names: Sequence[str]) -> dict[str, Any]:
    record = {
        "figures": metrics_record(scores.overall | {"OWA": test.owa(scores)}),
        "steps": {name: _numbers(each) for name, each in scores.by_step.items()},
    }
    return record | _by_series(scores.by_series, names)


def _by_series(metrics: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    if len(names) < 2:
        return {}
    columns = {name: _numbers(each) for name, each in metrics.items()}
    rows = zip(*columns.values(), strict=True)
    return {
        "series": {
            key: dict(zip(columns, row, strict=True)) for key, row in zip(names, rows, strict=True)
        }
    }


def _bands(bands: BandScores, names: Sequence[str]) -> dict[str, Any]:
    levels = {
        f"{level:g}": {
            "figures": metrics_record(bands.overall(level)),
            "steps": {name: _numbers(each) for name, each in bands.by_step(level).items()},
            **_by_series(bands.by_series(level), names),
        }
        for level in bands.intervals
    }
    steps = _numbers(bands.wql_by_step)
    return {"WQL": number_or_null(bands.wql), "WQL_steps": steps, "levels": levels}


def _numbers(values: Any) -> list[float | None]:
    return [number_or_null(value) for value in values.tolist()]
