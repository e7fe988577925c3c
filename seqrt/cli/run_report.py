"""The report of a run: what it trains, its metrics beside a baseline, and the record in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqrt.cli.run_record import weight_count
from seqrt.cli.talk import say_labelled
from seqrt.wording import counted, series_name

if TYPE_CHECKING:
    from seqrt.contract.text import Text
    from seqrt.data import Part
    from seqrt.training.networks.forecasting.config import ForecasterConfig
    from seqrt.training.networks.metadata import Metadata
    from seqrt.training.problems.problem import Problem
    from seqrt.training.runs.plan import Plan
    from seqrt.training.runs.record import Result
    from seqrt.training.runs.run import Run

_MOST_NAMES = 8

# How each policy of seqrt.contract.manifest treats a missing value.
MISSING_VALUES = {
    "error": "an error",
    "forward": "read as the last value before it in its sequence, or as the mean at the start",
    "mean": "read as the mean of the feature",
    "indicator": "read as the mean of the feature, and flagged by an input of its own",
}


def run_introduction(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the data, the network and the settings of a run: pairs of label and text."""
    plan, problem = run.plan, run.problem
    yield from data_introduction(plan, problem)
    if run.origin:
        yield "start", _start(run, run.origin.metadata)
    yield "training", _part(problem, problem.train)
    if problem.validation:
        yield "validation", _part(problem, problem.judged)
    else:
        yield "validation", "none, so the metrics are those of the training data"
    yield "network", f"{network_text(plan, problem)}, {weight_count(run.net):,} weights"
    balanced = ", classes weighed by inverse frequency" if plan.balance else ""
    noise = f", noise {plan.noise:g}" if plan.noise else ""
    yield (
        "optimiser",
        f"Adam, peak learning rate {plan.lr:g}, batches of {plan.batch_size}{noise}{balanced}",
    )
    yield "run", str(run.path)


def data_introduction(plan: Plan, problem: Problem) -> Iterator[tuple[str, str]]:
    """Yield the task, the features and the policy for missing values: pairs of label and text."""
    from seqrt.data.readers.source import shown

    metadata = problem.metadata
    yield "data", f"{shown(plan.source)}: {task_text(problem)}"
    if metadata.series:
        names = listed([series_name(key) for key in problem.keys])
        yield "series", f"{len(problem.keys):,}, told apart by {_told_apart(metadata)}: {names}"
    if metadata.text:
        yield "text", text_text(metadata.text)
    else:
        yield "features", _features(problem)
    left_out = [column.left_out for column in problem.columns if not column.uses]
    if left_out:
        yield "left out", listed(left_out)
    if plan.missing != "error":
        yield "missing", MISSING_VALUES[plan.missing]
    yield from map(labelled_note, problem.notes)


def _told_apart(metadata: Metadata) -> str:
    """Return what tells series apart: columns, and the target in a wide table."""
    if not metadata.wide:
        return ", ".join(metadata.series)
    return ", ".join([*metadata.series[:-1], "target"])


def small_data_text(plan: Plan, problem: Problem) -> str | None:
    """Return what few sequences get by default, as it would be typed; None if that is nothing.

    `plan` is the one before the options that it left open were filled in.
    """
    from seqrt.training.runs.small_data import small_data_options

    found = small_data_options(plan, problem)
    if not plan.folds:
        found.pop("folds", None)
    if not found:
        return None
    typed = " ".join(f"--{name} {value}" for name, value in found.items())
    return f"{typed}, for few sequences; --recipe plain leaves this out"


def say_data(run: Run) -> None:
    """Write what a run learns from which data, for a command that trains several runs on it."""
    for label, text in data_introduction(run.plan, run.problem):
        say_labelled(label, text)


def labelled_note(note: str) -> tuple[str, str]:
    """Return the label of a note and its text."""
    warning = "warning: "
    if note.startswith(warning):
        return "warning", note.removeprefix(warning)
    return "note", note


def metrics_table(plan: Plan, result: Result) -> Iterator[str]:
    """Yield the lines of the table of metrics: the network beside its baselines."""
    columns = {result.baseline: result.baseline_figures, **result.further}
    first = max(len(name) for name in (result.part, *result.figures))
    width = max(11, *(len(name) for name in (plan.cell, *columns)))
    yield "  ".join(
        [f"{result.part:{first}}", *(f"{name:>{width}}" for name in (plan.cell, *columns))]
    )
    for name, value in result.figures.items():
        values = (number(each, 4) for each in (value, *(c[name] for c in columns.values())))
        yield "  ".join([f"{name:{first}}", *(f"{text:>{width}}" for text in values)])
    if result.series:
        yield result.series.summary()


def run_ending(run: Run, result: Result) -> str:
    """Return how training ended."""
    epochs, patience, most = len(run.epochs), run.plan.patience, run.plan.recipe.epochs
    early = patience and epochs - result.best_epoch >= patience and epochs < most
    stopped = f"; stopped after {patience} epochs without improvement" if early else ""
    seconds = sum(epoch.seconds for epoch in run.epochs)
    return f"best epoch {result.best_epoch} of {epochs}, {seconds:.1f} s{stopped}"


def number(value: float | None, digits: int) -> str:
    """Return a number with `digits` significant digits, or a dash if there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}g}"


def network_text(plan: Plan, problem: Problem) -> str:
    """Return the layers of a network in words."""
    if problem.forecaster:
        return forecaster_text(problem.forecaster)
    sizes = " -> ".join(map(str, (*plan.units, len(problem.metadata.outputs))))
    embedding = f"embedding {plan.embedding}, " if plan.embedding else ""
    extras = [f"dropout {plan.dropout:g}"] if plan.dropout else []
    extras += ["layer norm"] if plan.layer_norm else []
    extras += ["residual"] if plan.residual else []
    extras += ["bidirectional"] if plan.bidirectional else []
    extras += [f"front {plan.front}"] if plan.front else []
    extras += [f"pool {plan.pool}"] if plan.pool != "last" else []
    relu = " relu" if plan.cell == "rnn" and plan.nonlinearity == "relu" else ""
    return embedding + ", ".join([f"{plan.cell}{relu} {sizes}", *extras])


def _start(run: Run, before: Metadata) -> str:
    digest = f" (SHA-256 {before.data_sha256[:12]}...)" if before.data_sha256 else ""
    return f"weights and scaling of {run.plan.start_from}, trained on {before.name}{digest}"


def forecaster_text(config: ForecasterConfig) -> str:
    """Return the sizes of a forecaster in words."""
    season = f"season {config.season}" if config.season > 1 else "no season"
    read = counted(config.lags, "row")
    floor = "" if config.floor is None else f", floor {config.floor:g}"
    return f"forecaster: {season}, reads {read} at a time, {config.cell} {config.units}{floor}"


def task_text(problem: Problem, *, windows: bool = True) -> str:
    """Return the task, its target and, with `windows`, its window in words."""
    metadata, targets = problem.metadata, listed(problem.targets)
    table = windows and metadata.window is not None
    where = (
        f" from windows of {counted(metadata.window or 0, 'row')}"
        if table and problem.head == "last"
        else ""
    )
    if metadata.task == "forecast":
        ahead = "1 step" if metadata.horizon == 1 else f"{metadata.horizon} steps"
        return f"forecast {targets} {ahead} ahead{where}"
    if metadata.task == "generate":
        return "generate text, byte by byte"
    if not targets:
        targets = "every step" if problem.head == "sequence" else "every sequence"
    elif problem.head == "sequence":
        where = " word by word" if metadata.text else " at every row"
    count = len(metadata.classes)
    kinds = f" as one of {count} classes ({listed(metadata.classes)})" if count else ""
    return f"{metadata.task} {targets}{kinds}{where}"


def _features(problem: Problem) -> str:
    """Return the features in words: columns, categories, cycles of the calendar, known ahead."""
    from seqrt.contract.columns import inputs_of

    metadata, groups = problem.metadata, dict[str, list[str]]()
    for each in inputs_of(metadata.inputs, [column.name for column in metadata.features]):
        if each.ahead:
            groups.setdefault("ahead", []).append(each.column)
        elif each.kind == "category":
            count = len(each.levels)
            groups.setdefault("category", []).append(f"{each.column} ({count} categories)")
        else:
            groups.setdefault(each.kind, []).extend(each.names)
    if "ahead" in groups:
        known = listed(list(dict.fromkeys(groups["ahead"])))
        rows = "row" if metadata.horizon == 1 else f"{metadata.horizon} rows"
        groups["ahead"] = [f"{known} of the next {rows}"]
    columns = [*groups.pop("number", []), *groups.pop("boolean", []), *groups.pop("category", [])]
    text = "; ".join(map(listed, filter(None, (columns, *groups.values()))))
    timed = metadata.window is not None and problem.time != "row"
    time = metadata.time
    dated = time is not None and time.written != "number" and time.step
    steps = f", in steps of {time.step}" if time and dated else ""
    return f"{text} ({problem.time} is the time{steps})" if timed else text


def text_text(text: Text) -> str:
    """Return how text is read, in words."""
    lower = ", in lower case" if text.lower == "ascii" else ""
    known = f", {len(text.vocabulary):,} of them known" if text.vocabulary else ""
    return f"{text.column}, as {text.kind}{lower}{known}"


def _part(problem: Problem, part: Part) -> str:
    if problem.metadata.task == "generate":
        return f"{part.x.longest:,} bytes"
    text = problem.metadata.text
    if text:
        return f"{counted(len(part), 'text')} of {_lengths(part, text.kind[:-1])}"
    if part.when is None:
        return f"{counted(len(part), 'sequence')} of {_steps(part)}"
    first, last = (_time(each, problem.metadata) for each in (part.when.min(), part.when.max()))
    name = "" if part.when.dtype.kind == "M" else f"{problem.time} "
    out = f"; {part.left_out:,} left out, without a target" if part.left_out else ""
    ahead = problem.metadata.horizon or 1
    if problem.forecaster and ahead > 1:
        count = f"{counted(len(part), 'forecast')} of {ahead} rows"
        return f"{count}, the first from {name}{first} on, the last from {name}{last} on{out}"
    each = "forecast" if problem.forecaster else "window"
    return f"{counted(len(part), each)}, targets from {name}{first} to {last}{out}"


def _steps(part: Part) -> str:
    """Return the lengths of sequences, and the number of features of each step, in words."""
    return f"{_lengths(part, 'step')}, {counted(part.x.values.shape[1], 'feature')}"


def _lengths(part: Part, step: str) -> str:
    """Return the shortest and the longest length of sequences."""
    shortest, longest = int(part.x.lengths.min(initial=part.x.longest)), part.x.longest
    more = "" if shortest == longest else f"{shortest:,} to "
    return f"{more}{counted(longest, step)}"


def _time(value: Any, metadata: Metadata) -> str:
    """Return a time without needless digits: a number, a date, or a month where these are rows."""
    if hasattr(value, "astype") and value.dtype.kind == "M":
        text = str(value).removesuffix("T00:00:00").removesuffix(":00").replace("T", " ")
        monthly = metadata.time and metadata.time.step.endswith(("month", "months"))
        return text.removesuffix("-01") if monthly else text
    return f"{value:.15g}"


def listed(names: Sequence[object]) -> str:
    """Return names with commas, and the number of those beyond the first eight."""
    shown = ", ".join(map(str, names[:_MOST_NAMES]))
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
