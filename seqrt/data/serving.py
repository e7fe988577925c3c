"""What a model reads of a file: its own columns, cut the way it was trained."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.data.question import Part, Question
from seqrt.data.sequences import Sequences
from seqrt.data.table import Table
from seqrt.data.windows import windows
from seqrt.errors import InputError, UsageError

Array = NDArray[Any]


def inputs(data: Table | Sequences, manifest: Manifest) -> Array | list[Array]:
    """Return what `Model.predict` takes of `data`: windows (N, W, D), or a list of (T_i, D).

    A table gives its columns by the names of the model's features. A model that was trained on
    windows reads a table in windows, one ending at every row from the W-th on; any other reads
    it as one sequence.
    """
    if isinstance(data, Sequences):
        return list(data.x)
    values = _values(data, manifest)
    if manifest.window is None or manifest.head == "sequence":
        return [values]
    if len(values) == 0:
        return np.empty((0, manifest.window, values.shape[1]))
    return windows(values, manifest.window)


def labelled(
    data: Table | Sequences,
    manifest: Manifest,
    *,
    target: tuple[str, ...] = (),
    span: tuple[str | None, str | None] | None = None,
) -> Part:
    """Return sequences of `data` with their answers, to judge a model by.

    `target` names the columns of a table that hold the answers, by default those that the model
    was trained on. `span` judges the answers from one time to another, both included; the windows
    that lead to them may begin before.
    """
    if isinstance(data, Sequences):
        if data.y is None or target or span:
            raise UsageError(
                "sequences are judged by the y stored with them: np.savez(path, x=..., y=...);"
                " --target and --span are for tables."
            )
        return Part(list(data.x), data.y)
    question = Question(
        task=manifest.task,
        target=target or manifest.targets,
        features=tuple(column.name for column in manifest.features),
        window=manifest.window or data.rows,
        horizon=manifest.horizon or 1,
    )
    if not question.target:
        raise UsageError("the model does not say which column it learnt: name it with --target.")
    if span:
        data = _with_run_up(data, span, question)
    return question.part(_values(data, manifest), _answers(data, question, manifest), data.times())


def _values(table: Table, manifest: Manifest) -> Array:
    """Return the model's features (T, D); columns that have no names are taken in their order."""
    names = tuple(column.name for column in manifest.features)
    if table.named:
        try:
            return table.numbers(names)
        except UsageError as error:
            raise InputError(f"E_INPUT_COLUMN: {error} The model reads it.") from None
    if len(table.names) != len(names):
        raise InputError(
            f"E_INPUT_SHAPE: {table.source} must have one column each for {', '.join(names)},"
            f" got shape ({table.rows}, {len(table.names)}). A batch of sequences is stored as"
            " (batch, time, features)."
        )
    return table.numbers(table.names)


def _answers(table: Table, question: Question, manifest: Manifest) -> Array:
    """Return the answers, a row each; a column without a name is found by that of its feature."""
    if manifest.activation == "softmax":
        return np.array(table.labels(question.target[0]))
    if table.named:
        return table.numbers(question.target)
    places = {name: table.names[i] for i, name in enumerate(question.features)}
    missing = [name for name in question.target if name not in places]
    if missing:
        raise UsageError(
            f"{table.source} names no columns, and {', '.join(missing)} is no feature of the model:"
            " give a .csv or .parquet file to judge it by."
        )
    return table.numbers([places[name] for name in question.target])


def _with_run_up(table: Table, span: tuple[str | None, str | None], question: Question) -> Table:
    """Return the rows of `span` and, before them, those that lead to its first answer."""
    asked = table.span(*span)
    start = table.lines.index(asked.lines[0])
    lead = question.window if question.task == "forecast" else question.window - 1
    first = max(0, start - (0 if question.task == "tag" else lead))
    return table.cut(first, start + asked.rows)
