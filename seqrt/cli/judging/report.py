"""The report of a back-test: tables of all forecasters, and in the last line which one is best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seqrt.cli.run_report import number
from seqrt.wording import counted

if TYPE_CHECKING:
    from seqrt.forecasting.back_test import BackTest
    from seqrt.forecasting.scores import BandScores

_MOST_STEPS = 8
_METRICS = ("MASE", "RMSSE", "sMAPE", "OWA", "MAE")
_WIDTH = 20


def back_test_lines(test: BackTest) -> Iterator[str]:
    """Yield the tables of a back-test."""
    yield _headline(test)
    yield ""
    yield from _overall(test)
    if test.origins.horizon > 1:
        yield ""
        yield from _by_step(test)
    if test.bands:
        yield ""
        yield from _bands(test.bands)
    yield ""


def conclusion(test: BackTest, notes: Sequence[str] = ()) -> Iterator[str]:
    """Yield in how many series the model is better, notes, and as the last line the verdict."""
    count = len(test.origins.judged)
    if count > 1:
        yield f"better than {test.best_naive.name} in {test.series_won:,} of {count:,} series"
    for note in (*notes, *test.notes):
        yield f"note: {note}"
    yield verdict(test)


def verdict(test: BackTest) -> str:
    """Return whether the model beats the best naive baseline, by how much, and what is better."""
    best = test.best_naive
    mine, other = number(test.error(test.model), 4), number(test.error(best), 4)
    values = f"{test.metric} {mine} against {other}{_difference(test)}."
    if test.beats_naive:
        verdict = f"The model beats the best naive baseline, {best.name}: {values}"
    elif test.error(test.model) == test.error(best):
        verdict = f"The model does not beat {best.name}: both have {test.metric} {mine}."
    else:
        verdict = (
            f"The model does not beat the best naive baseline: {best.name} is better, {values}"
        )
    return verdict + _fitted(test)


def _difference(test: BackTest) -> str:
    """Return the difference and its interval, and whether it may be chance."""
    mean, low, high = test.difference
    if math.isnan(mean):
        return ""
    limits = f"{number(low, 2)} to {number(high, 2)}"
    chance = ", though the difference may be chance" if low <= 0 <= high else ""
    return f", difference {number(mean, 2)} (95 % interval {limits}){chance}"


def _fitted(test: BackTest) -> str:
    """Return a sentence on the best fitted baseline, where it is better than all else."""
    best = test.best_fitted
    others = (test.error(each) for each in (test.model, test.best_naive))
    if best is None or not test.error(best) < min(others):
        return ""
    return f" Better still: {best.name}, {test.metric} {number(test.error(best), 4)}."


def _headline(test: BackTest) -> str:
    origins = test.origins
    count = len(origins.judged)
    where = f" of {count:,} series" if count > 1 else ""
    season = f"season of {test.season} rows" if test.season > 1 else "no season found"
    steps = "1 step" if origins.horizon == 1 else f"{origins.horizon} steps"
    return f"{counted(len(origins), 'origin')}{where}, {steps} ahead, {season}"


def _overall(test: BackTest) -> Iterator[str]:
    """Yield a line for each forecaster, the best first."""
    metrics = [name for name in _METRICS if name != "OWA" or not math.isnan(test.owa(test.model))]
    yield _row("best first", metrics)
    for scores in sorted(test.all, key=test.error):
        found = scores.overall | {"OWA": test.owa(scores)}
        yield _row(scores.name, [number(found[name], 4) for name in metrics])


def _by_step(test: BackTest) -> Iterator[str]:
    """Yield the error at some steps, of the model and the best baseline of each kind."""
    steps = _some(test.origins.horizon)
    yield _row(f"{test.metric} by step", [str(step) for step in steps])
    rows = [test.model, test.best_naive, test.best_fitted]
    for scores in filter(None, rows):
        values = scores.by_step[test.metric]
        yield _row(scores.name, [number(float(values[step - 1]), 3) for step in steps])


def _bands(bands: BandScores) -> Iterator[str]:
    """Yield how good the intervals are."""
    yield _row("interval", ["coverage", "width", "MSIS"])
    for level in bands.intervals:
        found = bands.overall(level)
        held = f"{100 * found['coverage']:.1f} %"
        yield _row(f"{level:g} %", [held, number(found["width"], 4), number(found["MSIS"], 4)])
    yield f"WQL {number(bands.wql, 4)}"


def _some(horizon: int) -> list[int]:
    """Return at most eight steps, evenly spread, with the first and the last."""
    if horizon <= _MOST_STEPS:
        return list(range(1, horizon + 1))
    return [1 + round(i * (horizon - 1) / (_MOST_STEPS - 1)) for i in range(_MOST_STEPS)]


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:{_WIDTH}}" + "".join(f"{cell:>10}" for cell in cells)
