"""Checks of training data: x and y in any accepted form become one flat array each."""

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
from seqrt.numbers import check_finite, checked_cast
from seqrt.training.inputs.ids import checked_ids, id_rows

Array = NDArray[Any]
Floats = NDArray[np.float32]
Data = Array | Tensor | Sequence[Any]


@dataclass(frozen=True)
class Raw:
    """Checked sequences x (T_i, D) in raw units, and y with a row per sequence or per step.

    y holds labels (N,), or float64 numbers (N, O).
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
    tokens: int = 0,
) -> Raw:
    """Return x and y, checked for a network of these sizes; raise InputError if they do not fit.

    x is (B, T, D), padded where `lengths` are given, or a list of (T_i, D). y is (B,) or (B, O);
    for a `sequence` head (B, T), (B, T, O), or a list of (T_i,) or (T_i, O). With `missing` x may
    contain NaN; y never may. With `tokens` x holds ids below that number.
    """
    rows = as_ragged(x, lengths, features, missing=missing, tokens=tokens)
    steps = rows.lengths.tolist()
    targets = _per_step(y, steps) if head == "sequence" else _per_sequence(y, len(rows))
    if activation == "softmax":
        return Raw(rows, _labels(targets))
    return Raw(rows, _numbers(targets, outputs, binary=activation == "sigmoid"))


def as_ragged(
    x: Data, lengths: ArrayLike | None, features: int, *, missing: bool = False, tokens: int = 0
) -> Ragged:
    """Return x as sequences (T_i, D) without padding; raise InputError if it has another form.

    With `missing` it may contain NaN. A Ragged, and float32 in one block of memory, is not copied.
    With `tokens`, x holds ids from 0 to below that number, and becomes int32 (T_i, 1); then ids
    (B, T), or (T_i,) in a list, will do, and int32 in one block is not copied.
    """
    if not len(x):
        raise InputError("E_INPUT_EMPTY: there must be at least one sequence, got none.")
    if isinstance(x, Ragged):
        _check_rows(x, features)
        rows = x
    elif _is_list(x):
        given = [_column(row) if tokens else row for row in _as_arrays(x)]
        rows = Ragged.of(_rows(given, features, tokens))
    else:
        batch = _array(x)
        batch = batch[..., None] if tokens and batch.ndim == 2 else batch
        ends = _ends(batch, lengths, features)
        if batch.dtype == (np.int32 if tokens else np.float32):
            rows = Ragged.of_batch(batch, ends)
        else:
            cut = [row[:end] for row, end in zip(batch, ends.tolist(), strict=True)]
            rows = Ragged.of(_rows(cut, features, tokens))
    return checked_ids(rows, tokens) if tokens else rows.checked(missing=missing)


def _column(row: Array) -> Array:
    """Return ids (T,) as (T, 1)."""
    return row[:, None] if row.ndim == 1 else row


def _check_rows(rows: Ragged, features: int) -> None:
    """Raise InputError at the first sequence of another width, or without steps."""
    shortest = int(rows.lengths.argmin())
    for i in (0, shortest):
        _check_row(rows[i], i, features)


def _rows(rows: list[Array], features: int, tokens: int) -> list[Array]:
    """Return sequences (T_i, D) as float32, or as int32 if they hold ids of `tokens`."""
    for i, row in enumerate(rows):
        _check_row(row, i, features)
    if tokens:
        return id_rows(rows, tokens)
    return [checked_cast(f"x[{i}]", row, np.float32) for i, row in enumerate(rows)]


def _check_row(row: Array, i: int, features: int) -> None:
    if row.ndim != 2 or row.shape[1] != features:
        raise InputError(
            f"E_INPUT_SHAPE: x[{i}] must have shape (time, {features}), got {row.shape}."
        )
    if not len(row):
        raise InputError(f"E_INPUT_LENGTH: x[{i}] has no steps. Leave empty sequences out.")


def _ends(x: Array, lengths: ArrayLike | None, features: int) -> NDArray[np.int64]:
    """Return the lengths (B,) of the sequences in x (B, T, D); raise InputError if one is wrong."""
    if x.ndim != 3 or x.shape[2] != features:
        fix = " Try x[..., None]." if features == 1 and x.ndim == 2 else ""
        raise InputError(
            f"E_INPUT_SHAPE: x must have shape (batch, time, {features}), got {x.shape}.{fix}"
        )
    ends = np.full(len(x), x.shape[1]) if lengths is None else _array(lengths)
    if ends.shape != (len(x),) or ends.dtype.kind not in "iu":
        raise InputError(
            f"E_INPUT_LENGTH: lengths must be {len(x)} whole numbers, one per sequence,"
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
    targets = _array(_as_arrays(y)) if _is_list(y) else _array(y)
    if targets.ndim in (1, 2) and len(targets) == count:
        return targets
    raise InputError(
        f"E_INPUT_SHAPE: y must have shape ({count},) or ({count}, outputs), one row per"
        f" sequence, got {targets.shape}."
    )


def _per_step(y: Data, steps: list[int]) -> Array:
    """Return the rows of y in one array, without padding; only an array may be padded."""
    rows, padded = _as_arrays(y), not _is_list(y)
    if len(rows) != len(steps):
        raise InputError(
            f"E_INPUT_SHAPE: y must have {len(steps)} sequences, as x does, got {len(rows)}."
        )
    for i, (row, count) in enumerate(zip(rows, steps, strict=True)):
        fits = row.ndim in (1, 2) and (len(row) == count or (padded and len(row) > count))
        if not fits or row.shape[1:] != rows[0].shape[1:]:
            raise InputError(
                f"E_INPUT_SHAPE: y[{i}] must have one row for each of the {count} steps of x[{i}],"
                f" all of one width, got shape {row.shape}."
            )
    return np.concatenate([row[:count] for row, count in zip(rows, steps, strict=True)])


def _labels(targets: Array) -> Array:
    """Return labels (N,): text or whole numbers."""
    labels = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    if labels.ndim != 1:
        raise InputError(f"E_INPUT_SHAPE: y must have one label per row, got {labels.shape[1]}.")
    if labels.dtype.kind == "f" and (labels == np.round(labels)).all():
        return labels.astype(np.int64)
    if labels.dtype.kind in "iuU":
        return labels
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    raise InputError(
        f"E_INPUT_LABEL: y must hold labels, whole numbers or text, got {labels.dtype}."
    )


def _numbers(targets: Array, outputs: int, *, binary: bool) -> Array:
    """Return numbers (N, O) as float64; with `binary` only 0 and 1."""
    values = targets[:, None] if targets.ndim == 1 else targets
    if values.shape[1] != outputs:
        raise InputError(
            f"E_INPUT_SHAPE: y must have {outputs} outputs, as the network has,"
            f" got {values.shape[1]}."
        )
    floats = checked_cast("y", values, np.float64)
    check_finite("y", floats[None], ("row", "output"))
    wrong = floats[~np.isin(floats, (0, 1))]
    if binary and len(wrong):
        raise InputError(
            f"E_INPUT_LABEL: y must hold only 0 and 1 for a sigmoid network, got {wrong[0]:g}."
        )
    return floats


def _is_list(data: Any) -> bool:
    """Whether data is a list of arrays, one per sequence; a list of plain numbers is one array."""
    return isinstance(data, (list, tuple)) and any(np.ndim(_array(item)) for item in data[:1])


def _as_arrays(data: Data) -> list[Array]:
    return [_array(item) for item in (data if _is_list(data) else _array(data))]


def _array(data: Any) -> Array:
    if isinstance(data, Tensor):
        data = data.detach().cpu().numpy()
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise InputError("E_INPUT_TYPE: an array must not be masked. Fill it first: .filled(...).")
    try:
        return np.asarray(data)
    except ValueError as error:
        raise InputError(
            f"E_INPUT_TYPE: lists must be nested so that they form an array: {error}."
        ) from None
