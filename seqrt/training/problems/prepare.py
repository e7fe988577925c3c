"""Making a problem from a file, or from the name of a built-in task or series."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Missing, Task
from seqrt.data import Sequences, Table, Timeline, digest, read
from seqrt.encoding.column import TableColumn
from seqrt.errors import UsageError
from seqrt.training.networks.missing import AS_MEAN
from seqrt.training.problems.from_sequences import from_sequences
from seqrt.training.problems.from_table import TableRows, from_table, windowing_for
from seqrt.training.problems.problem import Problem, as_names
from seqrt.training.problems.series import ROWS, SERIES
from seqrt.training.problems.split import Fold, Validation
from seqrt.training.problems.tasks import TASKS

Array = NDArray[Any]

WINDOW = 24
BUILT_IN = (*SERIES, *TASKS)


def prepare(
    source: str | Path,
    *,
    task: Task | None = None,
    target: Sequence[str] | str | None = None,
    features: Sequence[str] | str | None = None,
    window: int | None = None,
    horizon: int | None = None,
    length: int | None = None,
    val: Validation = 0.2,
    span: tuple[str | None, str | None] | None = None,
    seed: int = 0,
    missing: Missing = "error",
) -> Problem:
    """Make the problem of `source`: a file (.csv .parquet .npy .npz) or a name of `BUILT_IN`.

    Omitted options are inferred from the data; if one is uncertain, a UsageError says what to give.
    `val` is the share of the data for validation, or one of its folds. `span` selects the rows of a
    table from one time to another, both included. `length` is for built-in data: the steps of a
    task, or the rows of a series. `missing` is the policy for missing values, see
    seqrt.training.networks.missing.
    """
    split = splitter(
        source,
        task=task,
        target=target,
        features=features,
        window=window,
        horizon=horizon,
        length=length,
        span=span,
        seed=seed,
        missing=missing,
    )
    return split(val)


def splitter(
    source: str | Path,
    *,
    task: Task | None = None,
    target: Sequence[str] | str | None = None,
    features: Sequence[str] | str | None = None,
    window: int | None = None,
    horizon: int | None = None,
    length: int | None = None,
    span: tuple[str | None, str | None] | None = None,
    seed: int = 0,
    missing: Missing = "error",
) -> Callable[[Validation], Problem]:
    """Read `source` once; return a function that makes its problem for a split, as `prepare` does.

    All the problems share one array of values. Where missing values are read as a feature's mean,
    all folds use its mean over all data, because their networks are averaged into one file, which
    has one mean; the scales are each fold's own.
    """
    _check_missing(missing)
    may_miss = missing != "error"
    if task is not None and task not in get_args(Task):
        raise UsageError(f"task must be one of {', '.join(get_args(Task))}, got {task!r}.")
    if length is not None and length < 1:
        raise UsageError(f"length must be at least 1, got {length}.")
    data, sha256 = _read(source, seed, length)
    split: Callable[..., Problem]
    if isinstance(data, Table):
        table = data.span(*span) if span else data
        window = WINDOW if window is None else window
        horizon = 1 if horizon is None else horizon
        windowing = windowing_for(
            table, task, as_names(target), as_names(features), window, horizon
        )
        timeline = Timeline.plain(table)
        split = partial(from_table, TableRows.of(timeline, windowing, missing=may_miss))
    else:
        _reject_table_options(
            target=target, features=features, window=window, horizon=horizon, span=span
        )
        split = partial(from_sequences, data, task, seed=seed, missing=may_miss)
    plain = TASKS[str(source)].plain if str(source) in TASKS else None

    def problem(val: Validation) -> Problem:
        made = split(val=val)
        if isinstance(val, Fold) and missing in AS_MEAN:
            made = _centred(made, split(val=0.0))
        metadata = replace(made.metadata, name=Path(source).stem, data_sha256=sha256, seed=seed)
        return replace(made, metadata=metadata, plain=plain)

    return problem


def _centred(fold: Problem, whole: Problem) -> Problem:
    """Return the problem of a fold with the feature means of the whole data."""
    pairs = zip(fold.metadata.features, whole.metadata.features, strict=True)
    features = tuple(replace(own, mean=common.mean) for own, common in pairs)
    return replace(fold, metadata=replace(fold.metadata, features=features))


def _check_missing(missing: str) -> None:
    if missing not in get_args(Missing):
        raise UsageError(f"missing must be one of {', '.join(get_args(Missing))}, got {missing!r}.")


def usual_length(source: str | Path) -> int | None:
    """Return the default length of a built-in task or series; None for other sources."""
    task = TASKS.get(str(source))
    return task.length if task else ROWS if str(source) in SERIES else None


def _read(source: str | Path, seed: int, length: int | None) -> tuple[Table | Sequences, str]:
    name = str(source)
    if name in TASKS:
        drawn = TASKS[name].sequences(seed, length)
        return drawn, _digest(*drawn.x, *(drawn.y if drawn.y is not None else ()))
    if name in SERIES:
        values = SERIES[name](seed, length or ROWS)
        table = Table(name, {"x": TableColumn(values)}, range(1, len(values) + 1), place="row")
        return table, _digest(values)
    if length is not None:
        raise UsageError(
            f"--length applies to built-in data only ({', '.join(BUILT_IN)}), but {name} is a file."
            " Drop it."
        )
    return read(source), digest(source)


def _digest(*arrays: Array) -> str:
    """Return the SHA-256 of the numbers, or of the text, of all arrays."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(np.ascontiguousarray(array).tobytes())
    return sha256.hexdigest()


def _reject_table_options(**given: object) -> None:
    wrong = [f"--{name}" for name, value in given.items() if value not in (None, ())]
    if wrong:
        raise UsageError(
            "table options do not apply to sequences with targets, got"
            f" {', '.join(wrong)}. Drop them."
        )
