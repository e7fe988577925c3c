"""Making a problem from sequences with targets, split by sequence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Column, Input
from seqrt.contract.manifest import Activation, Task
from seqrt.data import Part, Sequences
from seqrt.data.feature_cast import offset_note
from seqrt.data.labels import is_one_hot
from seqrt.data.ragged import Ragged
from seqrt.errors import UsageError
from seqrt.numbers import check_finite
from seqrt.training.inputs.check import as_ragged
from seqrt.training.inputs.scaling import measured_columns, probability_columns
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.labels import (
    Classes,
    class_notes,
    inferred_note,
    inferred_task,
    labels_of,
    single_notes,
    step_note,
)
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.split import Fold, Validation, by_sequence

Array = NDArray[Any]


def from_sequences(
    data: Sequences, task: Task | None, val: Validation, seed: int, *, missing: bool = False
) -> Problem:
    """Make the problem of `data`; a share `val` of its sequences, or a fold, is for validation.

    With `missing` x may contain NaN; y never may. If `task` is None, it is inferred from y, see
    `inferred_task`.
    """
    if data.y is None:
        raise UsageError(
            "these sequences have no targets y. Save both in one file with"
            " np.savez(path, x=..., y=...), or give one long series to forecast."
        )
    x = as_ragged(data.x, None, data.features, missing=missing)
    truth = np.concatenate(data.y) if isinstance(data.y, list) else data.y
    truth = truth[:, 0] if truth.ndim == 2 and truth.shape[1] == 1 else truth
    notes = data.notes + ((offset_note(data.offsets),) if data.offsets else ())
    if task is None:
        task = inferred_task(truth, per_step=data.per_step)
        notes += inferred_note(truth, task) + step_note(data)
    truth, classes = checked_truth(truth, task, data.per_step)
    activation = activation_of(task, classes)
    y = np.split(truth, np.cumsum(x.lengths)[:-1]) if data.per_step else truth
    train, validation = by_sequence(truth if task == "classify" else None, len(x), val, seed)
    part = part_of(x, y, train)
    judged = part_of(x, y, validation) if len(validation) else None
    if classes:
        unit = "step" if data.per_step else "sequence"
        notes += class_notes(classes, part.truth, judged.truth if judged else None, unit)
    if classes and judged and not data.per_step and not isinstance(val, Fold):
        notes += single_notes(classes, truth)
    names = data.names or tuple(f"x{i}" for i in range(data.features))
    metadata = _metadata(task, activation, classes, measured_columns(names, x[train]), part)
    outputs = _named(metadata.outputs, () if classes else data.targets)
    inputs = tuple(map(_input, names, data.offsets))
    return Problem(
        metadata=replace(metadata, outputs=outputs, targets=data.targets, inputs=inputs),
        head="sequence" if data.per_step else "last",
        activation=activation,
        train=part,
        validation=judged,
        notes=notes,
    )


def checked_truth(truth: Array, task: Task, per_step: bool) -> tuple[Array, Classes]:
    """Return y as numbers without classes, or as labels with theirs; else raise UsageError."""
    if task == "forecast":
        raise UsageError(
            "task forecast needs one long series, but this data is sequences with targets."
            " Use --task regress."
        )
    if task == "regress":
        if truth.dtype.kind == "U":
            raise UsageError("task regress needs numbers, but y is text. Use --task classify.")
        check_finite("y", truth[None], ("row", "output"))
        return truth, ()
    several = truth.ndim == 2 and not is_one_hot(truth)
    if (task == "tag") != per_step or (task == "classify" and several):
        got = "a row per step" if per_step else f"shape {truth.shape} and is not one-hot"
        got = got if per_step or several else "a row per sequence"
        fix = "--task tag" if per_step else "--task classify or --task regress"
        raise UsageError(f"task {task} does not fit y, which has {got}. Use {fix}.")
    if truth.dtype.kind == "f" and not (truth == np.round(truth)).all():
        check_finite("y", truth[None], ("row", "output"))
        raise UsageError(f"task {task} needs labels, but y has fractions. Use --task regress.")
    if several:
        return truth.astype(np.int64), ()
    return labels_of("y", truth)


def _input(name: str, offset: int) -> Input:
    """Return what the manifest says of a feature from which something is subtracted."""
    return Input(name, offset=offset)


def _named(outputs: tuple[Column, ...], targets: tuple[str, ...]) -> tuple[Column, ...]:
    """Return the outputs under the names of the target columns, if there are any."""
    if not targets:
        return outputs
    return tuple(replace(c, name=name) for c, name in zip(outputs, targets, strict=True))


def activation_of(task: Task, classes: Classes) -> Activation:
    """Return what the head computes: a probability per class or label, or raw units."""
    if task == "regress":
        return "none"
    return "softmax" if classes else "sigmoid"


def _metadata(
    task: Task,
    activation: Activation,
    classes: Classes,
    features: tuple[Column, ...],
    train: Part,
) -> Metadata:
    if classes:
        return Metadata(task, features, probability_columns(classes), classes=classes)
    targets = train.truth.reshape(len(train.truth), -1)
    names = [f"y{i}" for i in range(targets.shape[1])]
    if activation == "sigmoid":
        return Metadata(task, features, probability_columns(names))
    return Metadata(task, features, measured_columns(names, targets))


def part_of(x: Ragged, y: Array | list[Array], members: NDArray[np.intp]) -> Part:
    """Return some of the sequences with their targets."""
    picked = [y[i] for i in members] if isinstance(y, list) else y[members]
    return Part(x[members], picked)
