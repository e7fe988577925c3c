"""The door of training: x and y of any form come in, checked, as one flat array each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from seqrt.contract.manifest import Activation, Head
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError
from seqrt.numbers import check_finite, checked_cast, nonfinite_mask

Array = NDArray[Any]
Floats = NDArray[np.float32]
Data = Array | Tensor | Sequence[Any]


@dataclass(frozen=True)
class Raw:
    """Sequences in raw units: x holds (T_i, D); y holds a row a sequence, or a row a step.

    y is labels (N,), or float64 numbers (N, O).
    """

    x: Ragged
    y: Array


def check_labelled(
    x: Data,
    y: Data,
    lengths: ArrayLike | None,
    *,
    features: int,
    outputs: int,
    head: Head,
    activation: Activation,
    missing: bool = False,
) -> Raw:
    """Return x and y checked for a network of these sizes; raise InputError at what is wrong.

    x is (B, T, D), padded where `lengths` are given, or a list of (T_i, D). y is (B,) or (B, O);
    for a `sequence` head (B, T), (B, T, O), or a list of (T_i,) or (T_i, O). With `missing` x may
    hold NaN; y never may.
    """
    rows = as_ragged(x, lengths, features, missing=missing)
    steps = rows.lengths.tolist()
    answers = _per_step(y, steps) if head == "sequence" else _per_sequence(y, len(rows))
    if activation == "softmax":
        return Raw(rows, _labels(answers))
    return Raw(rows, _numbers(answers, outputs, binary=activation == "sigmoid"))


def as_ragged(
    x: Data, lengths: ArrayLike | None, features: int, *, missing: bool = False
) -> Ragged:
    """Return x as sequences (T_i, D) without padding; raise InputError where it is none.

    With `missing` it may hold NaN. float32 in one block of memory is not copied.
    """
    if isinstance(x, Ragged):
        return x  # has come through this door before
    if not len(x):
        raise InputError("E_INPUT_EMPTY: there must be at least one sequence, got none.")
    if _is_list(x):
        rows = Ragged.of(_floats(_listed(x), features))
    else:
        batch = _array(x)
        ends = _ends(batch, lengths, features)
        if batch.dtype == np.float32:
            rows = Ragged.of_batch(batch, ends)
        else:
            cut = [row[:end] for row, end in zip(batch, ends.tolist(), strict=True)]
            rows = Ragged.of(_floats(cut, features))
    if not rows.hold(lambda values: not nonfinite_mask(values, missing=missing).any()):
        check_finite("x", rows, missing=missing)
    return rows


def _floats(rows: list[Array], features: int) -> list[Floats]:
    for i, row in enumerate(rows):
        if row.ndim != 2 or row.shape[1] != features:
            raise InputError(
                f"E_INPUT_SHAPE: x[{i}] must have shape (time, {features}), got {row.shape}."
            )
        if not len(row):
            raise InputError(f"E_INPUT_LENGTH: x[{i}] has no steps. Leave empty sequences out.")
    return [checked_cast(f"x[{i}]", row, np.float32) for i, row in enumerate(rows)]


def _ends(x: Array, lengths: ArrayLike | None, features: int) -> NDArray[np.int64]:
    """Return the lengths (B,) of the sequences of x (B, T, D); raise InputError at a wrong one."""
    if x.ndim != 3 or x.shape[2] != features:
        fix = " Try x[..., None]." if features == 1 and x.ndim == 2 else ""
        raise InputError(
            f"E_INPUT_SHAPE: x must have shape (batch, time, {features}), got {x.shape}.{fix}"
        )
    ends = np.full(len(x), x.shape[1]) if lengths is None else _array(lengths)
    if ends.shape != (len(x),) or ends.dtype.kind not in "iu":
        raise InputError(
            f"E_INPUT_LENGTH: lengths must be {len(x)} whole numbers, one a sequence,"
            f" got {ends.dtype} of shape {ends.shape}."
        )
    wrong = np.flatnonzero((ends < 1) | (ends > x.shape[1]))
    if len(wrong):
        raise InputError(
            f"E_INPUT_LENGTH: lengths must be from 1 to {x.shape[1]},"
            f" got {ends[wrong[0]]} for item {wrong[0]}."
        )
    return ends.astype(np.int64)


def _per_sequence(y: Data, count: int) -> Array:
    answers = _array(_listed(y)) if _is_list(y) else _array(y)
    if answers.ndim in (1, 2) and len(answers) == count:
        return answers
    raise InputError(
        f"E_INPUT_SHAPE: y must have shape ({count},) or ({count}, outputs), one row a sequence,"
        f" got {answers.shape}."
    )


def _per_step(y: Data, steps: list[int]) -> Array:
    """Return y below each other without padding, which only an array may have."""
    rows, padded = _listed(y), not _is_list(y)
    if len(rows) != len(steps):
        raise InputError(
            f"E_INPUT_SHAPE: y must hold {len(steps)} sequences, as x does, got {len(rows)}."
        )
    for i, (row, count) in enumerate(zip(rows, steps, strict=True)):
        fits = row.ndim in (1, 2) and (len(row) == count or (padded and len(row) > count))
        if not fits or row.shape[1:] != rows[0].shape[1:]:
            raise InputError(
                f"E_INPUT_SHAPE: y[{i}] must have one row for each of the {count} steps of x[{i}],"
                f" all of one width, got shape {row.shape}."
            )
    return np.concatenate([row[:count] for row, count in zip(rows, steps, strict=True)])


def _labels(answers: Array) -> Array:
    """Return labels (N,): text or whole numbers."""
    labels = answers[:, 0] if answers.ndim == 2 and answers.shape[1] == 1 else answers
    if labels.ndim != 1:
        raise InputError(
            f"E_INPUT_SHAPE: y must hold one label each, got rows of {labels.shape[1]}."
        )
    if labels.dtype.kind == "f" and (labels == np.round(labels)).all():
        return labels.astype(np.int64)
    if labels.dtype.kind in "iuU":
        return labels
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    raise InputError(
        f"E_INPUT_LABEL: y must hold labels, whole numbers or text, got {labels.dtype}."
    )


def _numbers(answers: Array, outputs: int, *, binary: bool) -> Array:
    """Return numbers (N, O) as float64; only 0 and 1 where they are `binary`."""
    values = answers[:, None] if answers.ndim == 1 else answers
    if values.shape[1] != outputs:
        raise InputError(
            f"E_INPUT_SHAPE: y must have {outputs} outputs, as the network has,"
            f" got {values.shape[1]}."
        )
    floats = checked_cast("y", values, np.float64)
    check_finite("y", floats[None], ("row", "output"))
    if binary and not np.isin(floats, (0, 1)).all():
        raise InputError("E_INPUT_LABEL: y must hold only 0 and 1 for a sigmoid network.")
    return floats


def _is_list(data: Any) -> bool:
    """Whether data comes one array a sequence; a list of plain numbers is one array."""
    return isinstance(data, (list, tuple)) and any(np.ndim(_array(item)) for item in data[:1])


def _listed(data: Data) -> list[Array]:
    return [_array(item) for item in (data if _is_list(data) else _array(data))]


def _array(data: Any) -> Array:
    if isinstance(data, Tensor):
        data = data.detach().cpu().numpy()
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise InputError("E_INPUT_TYPE: an array must not be masked. Fill it first: .filled(...).")
    try:
        return np.asarray(data)
    except ValueError as error:
        raise InputError(f"E_INPUT_TYPE: lists must make an array, and do not: {error}.") from None
