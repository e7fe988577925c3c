"""The last line of training: whether a baseline is better than the network, and what to try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqrt.cli.run_report import number

if TYPE_CHECKING:
    from seqrt.training.problems.problem import Problem
    from seqrt.training.runs.plan import Plan
    from seqrt.training.runs.record import Result

# Below this many windows, a network memorises unless noise and folds keep it from it.
_SMALL = 1_000


def advice(plan: Plan, problem: Problem, result: Result) -> Iterator[str]:
    """Yield a warning where the network does not beat every baseline, and what to try."""
    from seqrt.metrics import LOWER_IS_BETTER

    metric, value = next(iter(result.figures.items()))
    all_baselines = {result.baseline: result.baseline_figures, **result.further}
    figures = {name: metrics[metric] for name, metrics in all_baselines.items()}
    lower = metric in LOWER_IS_BETTER
    won_by = [n for n, other in figures.items() if not (value < other if lower else value > other)]
    if not won_by:
        return
    best = (min if lower else max)(won_by, key=lambda name: figures[name])
    text = f"warning: the network is no better than {won_by[0]} here. Try {_tips(plan, problem)}."
    if best != won_by[0]:
        found = f"{metric} {number(figures[best], 4)} against {number(value, 4)}"
        text += f" Best is {best}, with {found}."
    yield text


def _tips(plan: Plan, problem: Problem) -> str:
    """Return what may help, most likely first."""
    tips = ["more data", *_forecast_tips(plan, problem)]
    if problem.metadata.window and not any("--window" in tip for tip in tips):
        tips.append("a longer --window")
    return f"{', '.join([*tips, 'more --epochs'])} or another --lr"


def _forecast_tips(plan: Plan, problem: Problem) -> Iterator[str]:
    """Yield what may help a forecast."""
    from seqrt.forecasting.naive import season_of_origins

    rows, window = problem.judged.first_rows, problem.metadata.window
    if problem.origins is None or rows is None or window is None:
        return
    if len(problem.targets) == 1:
        yield "a forecaster (--recipe forecaster)"
    elif _grows(problem):
        yield "the change from row to row as the target (most values lie outside those of training)"
    season = season_of_origins(problem.origins(rows))
    if season > 1 and window < 2 * season:
        yield f"--window {2 * season} (two seasons)"
    if len(problem.train) < _SMALL and plan.folds is None:
        noise = "" if plan.recipe.noise else "--noise 0.2 and "
        yield f"{noise}--folds 5 (for so few windows)"


def _grows(problem: Problem) -> bool:
    """Whether most targets of the judged part lie outside the range of the training part."""
    seen, truth = problem.train.truth, problem.judged.truth
    outside = (truth < seen.min()) | (truth > seen.max())
    return bool(outside.mean() > 0.5)
