"""Which targets are class labels, and what has to be said about their classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Task
from seqrt.data import Sequences, Table
from seqrt.data.labels import is_one_hot, of_one_hot
from seqrt.errors import InputError, UsageError

Array = NDArray[Any]
Classes = tuple[int | str, ...]

FEW: Final = 20
"""The most different whole numbers, written as floats, that are taken as classes."""

_ROWS_PER_CLASS = 3
_LISTED = 5
OVERRIDE: Final = "--task regress learns them as numbers"


def inferred_task(truth: Array, *, per_step: bool) -> Task:
    """Return the task that y means, if the user names none: (N,) or (N, O), text or numbers.

    Text, integers, booleans, whole numbers in floats of which there are few, and one-hot rows are
    classes: classify, or tag if every step has a row. So are 0 and 1 in several columns per step,
    which are tagged one by one. All other numbers mean regress. Raises UsageError for integers that
    could be either.
    """
    labels: Task = "tag" if per_step else "classify"
    if truth.ndim == len("NO"):
        flags = per_step and truth.dtype.kind != "f" and bool(np.isin(truth, (0, 1)).all())
        return labels if flags or is_one_hot(truth) else "regress"
    if truth.dtype.kind == "f":
        return labels if are_few_whole_numbers(truth) else "regress"
    distinct = len(np.unique(truth))
    if truth.dtype.kind == "i" and distinct > max(2, len(truth) // 2):
        raise UsageError(
            f"y has {distinct} different whole numbers in {len(truth)} rows, which could be labels"
            " or quantities. Use --task regress for quantities, --task classify or --task tag for"
            " labels."
        )
    return labels


def are_few_whole_numbers(values: Array) -> bool:
    """Return whether floats (N,) are 2 to FEW different whole numbers, each in about three rows."""
    if not len(values) or not (values == np.round(values)).all():
        return False
    return 2 <= len(np.unique(values)) <= min(FEW, len(values) // _ROWS_PER_CLASS)


def inferred_note(truth: Array, task: Task) -> tuple[str, ...]:
    """Return what to say of a task that was inferred from y, and how to override it."""
    several = truth.ndim == len("NO")
    if task == "regress":
        if several and np.isin(truth, (0, 1)).all() and not (truth == truth[:1]).all():
            return (
                f"y holds {truth.shape[1]} columns of 0 and 1, but not a single 1 in every row:"
                " taken as numbers",
            )
        return ()
    if truth.dtype.kind == "U":
        return ()
    if is_one_hot(truth):
        last = truth.shape[1] - 1
        return (f"y is one-hot: its columns are taken as classes 0 to {last}; --task changes that",)
    if several:
        return ()
    count = len(np.unique(truth))
    return (f"y holds {count} whole numbers: taken as classes; {OVERRIDE}",)


def table_task(table: Table, target: Sequence[str], task: Task | None) -> Task:
    """Return the task for the target columns of a table: `task`, if the user names one.

    Columns of numbers are forecast. One of text or booleans is classified, and so are several of 0
    and 1 that are one-hot. Raises UsageError if there are several to classify that are not, and for
    text that hardly repeats; InputError (E_INPUT_CELL) for numbers with a sign.
    """
    columns = [table.column(name) for name in target]
    for name, column in zip(target, columns, strict=True):
        if column.fault is not None and not column.numeric:
            raise table.refusal(name, 0)
    numbers = all(column.kind == "number" for column in columns)
    several = len(columns) > 1
    one_hot = several and is_one_hot(np.stack([column.values for column in columns], axis=1))
    if task is None and not numbers and not several:
        check_repeated(table, target[0])
    if task is None and several and not one_hot:
        _check_all_numbers(table, target)
    task = task or ("forecast" if numbers and not one_hot else "classify")
    if task == "classify" and several and not one_hot:
        raise UsageError(
            f"task classify needs one target, or columns of 0 and 1 with a single 1 in every row,"
            f" got {', '.join(target)}. Name one with --target."
        )
    return task


def _check_all_numbers(table: Table, target: Sequence[str]) -> None:
    """Raise UsageError if some columns of a table are numbers, and another is not."""
    others = [name for name in target if table.column(name).kind != "number"]
    if not others or len(others) == len(target):
        return
    text = next((text for text in table.column(others[0]).texts() if text), "")
    holds = f"holds {text!r:.60}" if text else "has no values"
    raise UsageError(
        f"several targets are forecast if all are numbers, but column {others[0]!r} of"
        f" {table.source} {holds}. Leave it out of --target."
    )


def check_repeated(table: Table, name: str) -> None:
    """Raise UsageError for a column of text in which most rows have a value of their own."""
    texts = table.column(name).texts()
    distinct = len(set(texts))
    if distinct > max(2, len(texts) // 2):
        raise UsageError(
            f"column {name!r} of {table.source} has {distinct:,} different cells in"
            f" {len(texts):,} rows, such as {texts[0]!r:.60}, which are hardly labels. Name another"
            " --target, or use --task classify to take them as classes."
        )


def table_note(table: Table, target: Sequence[str], classes: Classes) -> tuple[str, ...]:
    """Return what to say of target columns that are classes without being text."""
    if not classes:
        return ()
    if len(target) > 1:
        return (f"{_listed(target)} are one-hot: taken as classes; --task changes that",)
    if table.column(target[0]).kind == "boolean":
        return (f"{target[0]} holds {_listed(classes)}: taken as classes; {OVERRIDE}",)
    return ()


def _listed(names: Sequence[int | str]) -> str:
    more = len(names) - _LISTED
    if more > 1:
        return f"{', '.join(map(str, names[:_LISTED]))} and {more} more"
    return f"{', '.join(map(str, names[:-1]))} and {names[-1]}"


def step_note(data: Sequences) -> tuple[str, ...]:
    """Return what to say of labels per step (B, T) that may be one-hot labels of sequences."""
    steps, y = data.x.longest, data.y
    if not isinstance(y, list) or y[0].ndim > 1 or (data.x.lengths != steps).any():
        return ()
    if not is_one_hot(np.stack(y)):
        return ()
    return (
        f"y is read as a label for each of the {steps} steps; if it is a one-hot label for each"
        " sequence, save y.argmax(axis=1) instead",
    )


def labels_of(name: str, truth: Array, columns: Sequence[str] = ()) -> tuple[Array, Classes]:
    """Return labels (N,) and all classes in order, from labels (N,) or one-hot rows (N, C).

    One-hot classes are named by the `columns`, or else numbered. Raises InputError (E_INPUT_LABEL)
    if all labels are the same.
    """
    classes: Classes
    if truth.ndim == len("NC"):
        classes = tuple(columns) or tuple(range(truth.shape[1]))
        labels = of_one_hot(name, truth, classes)
    else:
        labels = truth.astype(np.int64) if truth.dtype.kind in "bf" else truth
        classes = tuple(np.unique(labels).tolist())
    check_several(name, labels)
    return labels, classes


def check_several(name: str, labels: Array) -> None:
    """Raise InputError (E_INPUT_LABEL) if all labels (N,) are the same class."""
    if len(labels) and (labels == labels[0]).all():
        raise InputError(
            f"E_INPUT_LABEL: {name} must hold at least two classes, but all {len(labels):,} labels"
            f" are {labels[0].item()!r}: there is nothing to tell apart. Add data of another class."
        )


def class_notes(
    classes: Classes, train: Array, validation: Array | None, unit: str
) -> tuple[str, ...]:
    """Return what to say of classes that the training part lacks.

    `train` and `validation` (N,) are the labels of each part, and `unit` what each belongs to:
    a sequence, a row or a step.
    """
    trained, judged = _counts(classes, train), _counts(classes, validation)
    return _shortened(
        f"warning: the training part has no {unit} of class {label!r} ({judged[label]:,} in"
        " validation), so the network cannot learn it"
        for label in classes
        if not trained[label]
    )


def single_notes(classes: Classes, labels: Array) -> tuple[str, ...]:
    """Return what to say of classes with a single one of the `labels` (N,), one per sequence.

    A split by a share of the data puts them into the training part.
    """
    counts = _counts(classes, labels)
    return _shortened(
        f"class {label!r} has one sequence, which is trained on and not validated"
        for label in classes
        if counts[label] == 1
    )


def _shortened(notes: Iterable[str]) -> tuple[str, ...]:
    first = tuple(notes)
    hidden = len(first) - _LISTED
    more = (f"{hidden} more classes are like these",) if hidden > 0 else ()
    return first[:_LISTED] + more


def _counts(classes: Classes, labels: Array | None) -> dict[int | str, int]:
    counts: dict[int | str, int] = dict.fromkeys(classes, 0)
    if labels is not None:
        found, numbers = np.unique(labels, return_counts=True)
        counts |= dict(zip(found.tolist(), numbers.tolist(), strict=True))
    return counts
