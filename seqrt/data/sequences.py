"""Sequences and their targets, from the arrays of an archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.data.feature_cast import (
    Offsets,
    Trained,
    numbers,
    offsets_for,
    offsets_of,
    served_cast,
    shifted_cast,
)
from seqrt.data.padding import lengths_before_nan, padding_note, zeros_note
from seqrt.data.ragged import Floats, Ragged
from seqrt.errors import InputError, UsageError
from seqrt.numbers import checked_cast

# Sequences of at most so many steps, with at least so many features for each step, are unusual.
_FEW_STEPS, _MANY_FEATURES = 20, 3

Lengths = NDArray[np.int64]
Values = NDArray[Any]
Targets = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sequences:
    """B sequences x (T_i, D) and their targets y: float32, int64 or text.

    y is None, an array (B,) or (B, O), or with `per_step` a list of arrays (T_i,) or (T_i, O). The
    values of x may still contain NaN and Inf. `offsets` (D,) were subtracted from its features
    before the cast to float32; () means none. `notes` are sentences on how the arrays were read.
    `names` (D,) and `targets` name the columns of a table that they come from; () without one.
    """

    x: Ragged
    y: Targets | list[Targets] | None
    per_step: bool
    offsets: Offsets = ()
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def features(self) -> int:
        """The number of features, D."""
        return int(self.x.values.shape[1])

    @classmethod
    def of_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        source: str,
        *,
        channels_first: bool = False,
        trained: Trained | None = None,
    ) -> Sequences:
        """Cut x, y and lengths, as an archive stores them, into sequences.

        x is (B, T, D), or (B, D, T) with `channels_first`, with lengths where it is padded, or flat
        (sum of lengths, D) with lengths. Without lengths, steps at the end that are all NaN are
        padding. y is (B,) or (B, O), or has the leading axes of x: (B, T) or (B, T, O) for a batch,
        (sum of lengths,) or (sum of lengths, O) for a flat x. Where both fit, the y (B, T) of a
        batch has a value per step, and the y of a flat x has a row per sequence.

        From the features of a `trained` network is subtracted what was in its training; otherwise
        this is chosen so that float32 can hold them, see seqrt.data.feature_cast.
        """
        x = numbers(f"{source}, x", arrays["x"])
        if channels_first:
            check_channels_first(source, x.shape)
            x = np.ascontiguousarray(x.transpose(0, 2, 1))
        y = _as_targets(arrays["y"], f"{source}, y") if "y" in arrays else None
        lengths = _as_lengths(arrays["lengths"], source) if "lengths" in arrays else None
        notes: tuple[str, ...] = ()
        if x.ndim == len("BTD"):
            if lengths is None and (inferred := lengths_before_nan(x, source)) is not None:
                lengths, notes = inferred, (padding_note(inferred, x.shape[1]),)
            elif lengths is None and trained is None:
                notes = zeros_note(x) + (() if channels_first else _axes_note(x.shape))
            lengths = _batch_lengths(lengths, x, source)
            steps = x if x.dtype == np.float32 else x[np.arange(x.shape[1]) < lengths[:, None]]
            x, offsets = _as_floats(x, steps, source, trained)
            found = _of_batch(x, y, lengths, source)
        elif lengths is None or x.ndim not in (1, 2):
            raise InputError(
                f"E_INPUT_SHAPE: {source}, x must have shape (batch, time, features), or (sum of"
                f" lengths, features) with an array lengths, got {x.shape}. Try x[..., None], or"
                " add lengths."
            )
        else:
            x = x[:, None] if x.ndim == 1 else x
            x, offsets = _as_floats(x, x, source, trained)
            found = _of_flat(x, y, lengths, source)
        return replace(found, offsets=offsets, notes=notes)


def _as_floats(
    x: Values, steps: Values, source: str, trained: Trained | None
) -> tuple[Floats, Offsets]:
    """Return x as float32, and what was subtracted from its features to fit its `steps` (N, D)."""
    name = f"{source}, x"
    if trained is not None and x.shape[-1] == len(trained.features):
        return served_cast(name, x, trained), offsets_of(trained)
    offsets = offsets_for(steps, name)
    return shifted_cast(name, x, offsets), offsets


def _axes_note(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return what to say of an x (B, T, D) that looks like (B, D, T): few steps, many features."""
    _, steps, features = shape
    if steps > _FEW_STEPS or features < _MANY_FEATURES * steps:
        return ()
    return (
        f"x is read as {steps} steps of {features} features; if its axes are (sequences, features,"
        " steps), use --channels-first",
    )


def check_channels_first(source: str, shape: tuple[int, ...]) -> None:
    """Raise UsageError unless an array of this shape may be (batch, features, time)."""
    if len(shape) != len("BDT"):
        raise UsageError(
            "--channels-first is for an array x (sequences, features, steps), but that of"
            f" {source} has shape {shape}. Drop it."
        )


def _of_batch(x: Floats, y: Targets | None, lengths: Lengths, source: str) -> Sequences:
    rows = Ragged.of_batch(x, lengths)
    if y is None or (_is_per_sequence(y, len(x)) and not _has_steps(y, x)):
        return Sequences(rows, y, per_step=False)
    if not _has_steps(y, x):
        batch, time, _ = x.shape
        raise _refuse_targets(
            y, f"({batch},), ({batch}, outputs) or ({batch}, {time}, outputs)", source
        )
    steps = [row[:length] for row, length in zip(y, lengths, strict=True)]
    return Sequences(rows, steps, per_step=True)


def _of_flat(x: Floats, y: Targets | None, lengths: Lengths, source: str) -> Sequences:
    total = int(lengths.sum())
    if total != len(x):
        raise InputError(
            f"E_INPUT_LENGTHS: {source}, lengths must add up to the {len(x)} rows of x,"
            f" got {total}."
        )
    rows, batch = Ragged.of_flat(x, lengths), len(lengths)
    if y is None or _is_per_sequence(y, batch):
        return Sequences(rows, y, per_step=False)
    if y.ndim > len("TO") or len(y) != total:
        raise _refuse_targets(y, f"({batch},), ({batch}, outputs) or ({total}, outputs)", source)
    steps = np.split(y, np.cumsum(lengths)[:-1]) if batch else []
    return Sequences(rows, steps, per_step=True)


def _is_per_sequence(y: Targets, batch: int) -> bool:
    return y.ndim in (1, 2) and len(y) == batch


def _has_steps(y: Targets, x: Floats) -> bool:
    """Whether y (B, T) or (B, T, O) has a value for each step of x (B, T, D).

    With a single step, y (B, 1) is one output per sequence.
    """
    return y.shape[:2] == x.shape[:2] and (y.ndim == len("BTO") or x.shape[1] > 1)


def _as_targets(y: NDArray[Any], name: str) -> Targets:
    """Return y as float32, int64 or text."""
    if y.ndim == 0:
        raise InputError(
            f"E_INPUT_SHAPE: {name} must have a value per sequence, got a single number."
        )
    if y.dtype.kind == "U":
        return y
    if y.dtype.kind == "f":
        return checked_cast(name, y, np.float32)
    if y.dtype.kind == "u" and (y > np.iinfo(np.int64).max).any():
        raise InputError(f"E_INPUT_RANGE: {name} must fit int64, got {y.max()}.")
    return y.astype(np.int64, copy=False)


def _as_lengths(lengths: NDArray[Any], source: str) -> Lengths:
    if lengths.dtype.kind not in "iu" or lengths.ndim != 1:
        raise InputError(
            f"E_INPUT_LENGTHS: {source}, lengths must be whole numbers of shape (batch,),"
            f" got {lengths.dtype} of shape {lengths.shape}. Try lengths.astype(np.int32)."
        )
    _check_each_length(
        lengths, (lengths < 0) | (lengths > np.iinfo(np.int32).max), "0 or more", source
    )
    return lengths.astype(np.int64, copy=False)


def _batch_lengths(lengths: Lengths | None, x: Values, source: str) -> Lengths:
    """Return the length of each row of x (B, T, D): `lengths` once checked, by default T."""
    batch, time, features = x.shape
    if lengths is None:
        return np.full(batch, time)
    if len(lengths) != batch:
        raise InputError(
            f"E_INPUT_LENGTHS: {source}, lengths must have one value for each of the"
            f" {batch} sequences, got {len(lengths)}."
        )
    bounds = f"at most {time}, the number of steps in x"
    if lengths.max(initial=0) <= features:
        bounds += f", or {features} with --channels-first"
    _check_each_length(lengths, lengths > time, bounds, source)
    return lengths


def _check_each_length(
    lengths: NDArray[Any], wrong: NDArray[np.bool_], bounds: str, source: str
) -> None:
    if wrong.any():
        item = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"E_INPUT_LENGTHS: {source}, lengths must be {bounds}; lengths[item {item}] is"
            f" {lengths[item]}."
        )


def _refuse_targets(y: Targets, shapes: str, source: str) -> InputError:
    return InputError(f"E_INPUT_SHAPE: {source}, y must have shape {shapes}, got {y.shape}.")
