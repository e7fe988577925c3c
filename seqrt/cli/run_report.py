"""A run in words: what it was understood to be, and what it came to beside a baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqrt.data import Part
    from seqrt.training.problems.problem import Problem
    from seqrt.training.runs.plan import Plan
    from seqrt.training.runs.record import Result
    from seqrt.training.runs.run import Run

_MOST_NAMES = 8

# What each policy of seqrt.contract.manifest does with a value that is missing.
READ_AS = {
    "error": "an error",
    "forward": "read as the last value before it in its sequence, as the mean before any",
    "mean": "read as the mean of its feature",
    "indicator": "read as the mean of its feature, and marked by an input of its own",
}


def understood(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what the run has to learn, from what, and with which network: a word, a sentence."""
    plan, problem = run.plan, run.problem
    yield from asked(plan, problem)
    yield "training", _part(problem, problem.train)
    kept = problem.validation
    yield "validation", _part(problem, kept) if kept else "none kept: figures are of training"
    yield "network", f"{network_of(plan, problem)}, {weights(run.net):,} weights"
    yield "rate", f"{plan.lr:g} at most, Adam, batches of {plan.batch_size}"
    yield "run", str(run.path)


def asked(plan: Plan, problem: Problem) -> Iterator[tuple[str, str]]:
    """Yield what there is to learn, and from what."""
    yield "data", f"{plan.source}: {_question(problem)}"
    yield "features", _features(problem)
    if plan.missing != "error":
        yield "missing", READ_AS[plan.missing]


def figures(plan: Plan, result: Result) -> Iterator[str]:
    """Yield the lines of the table of figures, the network beside its baseline."""
    first = max(len(name) for name in (result.part, *result.figures))
    width = max(len(plan.cell), len(result.baseline), 11)
    yield f"{result.part:{first}}  {plan.cell:>{width}}  {result.baseline:>{width}}"
    for name, value in result.figures.items():
        plain = result.baseline_figures[name]
        yield f"{name:{first}}  {_figure(value):>{width}}  {_figure(plain):>{width}}"


def verdict(run: Run, result: Result) -> Iterator[str]:
    """Yield how the run ended, and a warning where the network taught nothing."""
    epochs, patience, most = len(run.epochs), run.plan.patience, run.plan.recipe.epochs
    early = patience and epochs - result.best_epoch >= patience and epochs < most
    stopped = f"; stopped when {patience} epochs brought none better" if early else ""
    seconds = sum(epoch.seconds for epoch in run.epochs)
    yield f"best epoch {result.best_epoch} of {epochs}, {seconds:.1f} s{stopped}"
    if not _beats(result):
        window = "a longer --window, " if run.problem.metadata.window else ""
        yield (
            f"warning: the network is no better than {result.baseline} here."
            f" Try more data, {window}more --epochs or another --lr."
        )


def record(run: Run, result: Result) -> dict[str, Any]:
    """Return what a program wants to know of a run, as JSON can hold it."""
    parts = {"training": run.problem.train, "validation": run.problem.validation}
    return {
        **entries(run.problem, result),
        "sequences": {name: len(part) if part else 0 for name, part in parts.items()},
        "left_out": {name: part.left_out if part else 0 for name, part in parts.items()},
        "weights": weights(run.net),
        "best_epoch": result.best_epoch,
        "epochs": len(run.epochs),
        "seconds": round(sum(epoch.seconds for epoch in run.epochs), 3),
    }


def entries(problem: Problem, result: Result) -> dict[str, Any]:
    """Return what was asked, and what came of it."""
    about = problem.metadata
    return {
        "run": str(result.path),
        "task": about.task,
        "features": [column.name for column in about.features],
        "outputs": [column.name for column in about.outputs],
        "classes": list(about.classes),
        "window": about.window,
        "horizon": about.horizon,
        "part": result.part,
        "figures": finite(result.figures),
        "baseline": {"name": result.baseline, "figures": finite(result.baseline_figures)},
        "pictures": [str(path) for path in result.pictures],
    }


def finite(values: dict[str, float]) -> dict[str, float | None]:
    """Return values as JSON can hold them: null for what has no value."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def weights(net: Any) -> int:
    """Return how many numbers a network learns."""
    return sum(parameter.numel() for parameter in net.parameters())


def _figure(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "-"


def _beats(result: Result) -> bool:
    """Whether the network is better than its baseline in the first figure, the one to look at."""
    name, value = next(iter(result.figures.items()))
    plain = result.baseline_figures[name]
    return value < plain if name == "mse" else value > plain


def _question(problem: Problem) -> str:
    about, targets = problem.metadata, _listed(problem.targets)
    table = about.window is not None
    where = f" from windows of {about.window} rows" if table and problem.head == "last" else ""
    if about.task == "forecast":
        ahead = "1 step" if about.horizon == 1 else f"{about.horizon} steps"
        return f"forecast {targets} {ahead} ahead{where}"
    if not targets:
        targets = "every step" if problem.head == "sequence" else "every sequence"
    elif problem.head == "sequence":
        where = " at every row"
    count = len(about.classes)
    kinds = f" as one of {count} classes ({_listed(about.classes)})" if count else ""
    return f"{about.task} {targets}{kinds}{where}"


def _features(problem: Problem) -> str:
    about = problem.metadata
    timed = about.window is not None and problem.time != "row"
    skipped = f" ({problem.time} is the time)" if timed else ""
    return f"{_listed([column.name for column in about.features])}{skipped}"


def _part(problem: Problem, part: Part) -> str:
    if part.when is None:
        steps = sum(map(len, part.x))
        return f"{len(part):,} sequences, {steps:,} steps"
    first, last = (_moment(part.when[i]) for i in (0, -1))
    out = f"; {part.left_out:,} without an answer left out" if part.left_out else ""
    return f"{len(part):,} windows, answers of {problem.time} {first} to {last}{out}"


def _moment(value: Any) -> str:
    """Say a time as the table does: a number without needless digits, or a date."""
    if hasattr(value, "astype") and value.dtype.kind == "M":
        return str(value).removesuffix("T00:00:00")
    return f"{value:.15g}"


def network_of(plan: Plan, problem: Problem) -> str:
    """Return the layers of a network in words."""
    sizes = " -> ".join(map(str, (*plan.units, len(problem.metadata.outputs))))
    extras = [f"dropout {plan.dropout:g}"] if plan.dropout else []
    extras += ["layer norm"] if plan.layer_norm else []
    extras += ["both directions"] if plan.bidirectional else []
    relu = " relu" if plan.cell == "rnn" and plan.nonlinearity == "relu" else ""
    return ", ".join([f"{plan.cell}{relu} {sizes}", *extras])


def _listed(names: Sequence[object]) -> str:
    shown = ", ".join(map(str, names[:_MOST_NAMES]))
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
