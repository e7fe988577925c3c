"""Making a problem from sequences with targets, split by sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Activation, Task
from seqrt.data import Part, Sequences
from seqrt.data.ragged import Ragged
from seqrt.errors import UsageError
from seqrt.numbers import check_finite
from seqrt.training.inputs.check import as_ragged
from seqrt.training.inputs.scaling import measured_columns, probability_columns
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.split import Validation, by_sequence

Array = NDArray[Any]


def from_sequences(
    data: Sequences, task: Task | None, val: Validation, seed: int, *, missing: bool = False
) -> Problem:
    """Make the problem of `data`; a share `val` of its sequences, or a fold, is for validation.

    With `missing` x may contain NaN; y never may. If `task` is None, it is inferred from y: labels
    (text or whole numbers) mean classify, or tag if every step has one; other numbers mean regress.
    """
    if data.y is None:
        raise UsageError(
            "these sequences have no targets y. Save both in one file with"
            " np.savez(path, x=..., y=...), or give one long series to forecast."
        )
    x = as_ragged(data.x, None, data.features, missing=missing)
    truth = np.concatenate(data.y) if isinstance(data.y, list) else data.y
    truth = truth[:, 0] if truth.ndim == 2 and truth.shape[1] == 1 else truth
    task = task or _inferred_task(truth, data.per_step)
    truth = _checked_truth(truth, task, data.per_step)
    activation = _activation(task, truth)
    y = np.split(truth, np.cumsum(x.lengths)[:-1]) if data.per_step else truth
    train, validation = by_sequence(truth if task == "classify" else None, len(x), val, seed)
    part = _part(x, y, train)
    return Problem(
        metadata=_metadata(task, activation, truth, x[train], part),
        head="sequence" if data.per_step else "last",
        activation=activation,
        train=part,
        validation=_part(x, y, validation) if len(validation) else None,
    )


def _inferred_task(truth: Array, per_step: bool) -> Task:
    several = truth.ndim == 2
    if truth.dtype.kind == "f" or (several and not (per_step and np.isin(truth, (0, 1)).all())):
        return "regress"
    distinct = len(np.unique(truth))
    if truth.dtype.kind == "i" and distinct > max(2, len(truth) // 2):
        raise UsageError(
            f"y has {distinct} different whole numbers in {len(truth)} rows, which could be labels"
            " or quantities. Use --task regress for quantities, --task classify or --task tag for"
            " labels."
        )
    return "tag" if per_step else "classify"


def _checked_truth(truth: Array, task: Task, per_step: bool) -> Array:
    """Return `truth` as the numbers or labels that the task needs; else raise UsageError."""
    if task == "forecast":
        raise UsageError(
            "task forecast needs one long series, but this data is sequences with targets."
            " Use --task regress."
        )
    if task == "regress":
        if truth.dtype.kind == "U":
            raise UsageError("task regress needs numbers, but y is text. Use --task classify.")
        check_finite("y", truth[None], ("row", "output"))
        return truth
    if (task == "tag") != per_step or (task == "classify" and truth.ndim == 2):
        got = "a row per step" if per_step else f"shape {truth.shape}"
        fix = "--task tag" if per_step else "--task classify or --task regress"
        raise UsageError(f"task {task} does not fit y, which has {got}. Use {fix}.")
    if truth.dtype.kind != "f":
        return truth
    if not (truth == np.round(truth)).all():
        raise UsageError(f"task {task} needs labels, but y has fractions. Use --task regress.")
    return truth.astype(np.int64)


def _activation(task: Task, truth: Array) -> Activation:
    if task == "regress":
        return "none"
    return "sigmoid" if truth.ndim == 2 else "softmax"


def _metadata(task: Task, activation: Activation, truth: Array, x: Ragged, train: Part) -> Metadata:
    features = measured_columns((f"x{i}" for i in range(x.values.shape[1])), x)
    if activation == "softmax":
        classes = tuple(np.unique(truth).tolist())
        return Metadata(task, features, probability_columns(classes), classes=classes)
    names = [f"y{i}" for i in range(truth.shape[1] if truth.ndim == 2 else 1)]
    if activation == "sigmoid":
        return Metadata(task, features, probability_columns(names))
    return Metadata(task, features, measured_columns(names, train.truth.reshape(-1, len(names))))


def _part(x: Ragged, y: Array | list[Array], members: NDArray[np.intp]) -> Part:
    picked = [y[i] for i in members] if isinstance(y, list) else y[members]
    return Part(x[members], picked)
