"""From a file or a built-in name to a problem."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from seqrt.contract.manifest import Task
from seqrt.data import Sequences, Table, digest, read
from seqrt.data.column import Column
from seqrt.errors import UsageError
from seqrt.training.from_sequences import from_sequences
from seqrt.training.from_table import ask, from_table
from seqrt.training.problem import Problem, held
from seqrt.training.series import BUILT_IN

WINDOW = 24


def prepare(
    source: str | Path,
    *,
    task: Task | None = None,
    target: Sequence[str] | str | None = None,
    features: Sequence[str] | str | None = None,
    window: int | None = None,
    horizon: int | None = None,
    val: float = 0.2,
    span: tuple[str | None, str | None] | None = None,
    seed: int = 0,
) -> Problem:
    """Make the problem of `source`: a file (.csv .parquet .npy .npz) or a built-in series.

    What is left out is told from the data where that is certain; a UsageError says what to give
    where it is not. `span` keeps the rows of a table from one time to another, both included.
    """
    if task is not None and task not in get_args(Task):
        raise UsageError(f"task must be one of {', '.join(get_args(Task))}, got {task!r}.")
    data, sha256 = _read(source, seed)
    if isinstance(data, Table):
        table = data.span(*span) if span else data
        window = WINDOW if window is None else window
        horizon = 1 if horizon is None else horizon
        question = ask(table, task, held(target), held(features), window, horizon)
        problem = from_table(table, question, val)
    else:
        _refuse_options(target=target, features=features, window=window, horizon=horizon, span=span)
        problem = from_sequences(data, task, val, seed)
    about = replace(problem.about, name=Path(source).stem, data_sha256=sha256, seed=seed)
    return replace(problem, about=about)


def _read(source: str | Path, seed: int) -> tuple[Table | Sequences, str]:
    if str(source) in BUILT_IN:
        values = BUILT_IN[str(source)](seed)
        table = Table(str(source), {"x": Column(values)}, range(1, len(values) + 1), place="row")
        return table, hashlib.sha256(values.tobytes()).hexdigest()
    return read(source), digest(source)


def _refuse_options(**given: object) -> None:
    wrong = [f"--{name}" for name, value in given.items() if value not in (None, ())]
    if wrong:
        raise UsageError(
            f"{', '.join(wrong)} is for a table of rows, and this data is sequences with answers."
            " Leave it out."
        )
