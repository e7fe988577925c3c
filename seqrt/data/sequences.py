"""Sequences of steps and what is to be said of them, out of the arrays of one archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import InputError
from seqrt.numbers import checked_cast

Floats = NDArray[np.float32]
Lengths = NDArray[np.int64]
Targets = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sequences:
    """B sequences x_i (T_i, D) of D features, and their targets y.

    y is None, or an array (B,) or (B, O), or `per_step` a list of arrays (T_i,) or (T_i, O). It
    holds float32, int64 or text. Wherever that can be, the arrays are views of one block.
    """

    x: list[Floats]
    y: Targets | list[Targets] | None
    per_step: bool
    features: int

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], source: str) -> Sequences:
        """Cut x, y and lengths as an archive holds them into sequences.

        x is (B, T, D), with lengths where it is padded, or flat (sum of lengths, D) with lengths.
        y is (B,) or (B, O), or has the leading axes of x: (B, T) or (B, T, O) beside a batch,
        (sum of lengths,) or (sum of lengths, O) beside a flat x. Where both would do, a batch's
        y (B, T) is read per step, and a flat y as one row a sequence.
        """
        x = checked_cast(f"{source}, x", arrays["x"], np.float32)
        y = _targets(arrays["y"], f"{source}, y") if "y" in arrays else None
        lengths = _lengths(arrays["lengths"], source) if "lengths" in arrays else None
        if x.ndim == len("BTD"):
            return _padded(x, y, _check_batch(lengths, x, source), source)
        if lengths is None or x.ndim not in (1, 2):
            raise InputError(
                f"E_INPUT_SHAPE: {source}, x must have shape (batch, time, features), or (sum of"
                f" lengths, features) beside lengths, got {x.shape}. Try x[..., None], or add"
                " lengths."
            )
        return _flat(x.reshape(len(x), -1) if x.ndim == 1 else x, y, lengths, source)


def _padded(x: Floats, y: Targets | None, lengths: Lengths, source: str) -> Sequences:
    items = [row[:length] for row, length in zip(x, lengths, strict=True)]
    if y is None or (_is_per_sequence(y, len(x)) and not _has_steps(y, x)):
        return Sequences(items, y, False, x.shape[2])
    if not _has_steps(y, x):
        batch, time, _ = x.shape
        raise _refuse_targets(
            y, f"({batch},), ({batch}, outputs) or ({batch}, {time}, outputs)", source
        )
    steps = [row[:length] for row, length in zip(y, lengths, strict=True)]
    return Sequences(items, steps, True, x.shape[2])


def _flat(x: Floats, y: Targets | None, lengths: Lengths, source: str) -> Sequences:
    total = int(lengths.sum())
    if total != len(x):
        raise InputError(
            f"E_INPUT_LENGTHS: {source}, lengths must add up to the {len(x)} rows of x,"
            f" got {total}."
        )
    cuts = np.cumsum(lengths)[:-1]
    items = np.split(x, cuts) if len(lengths) else []
    if y is None or _is_per_sequence(y, len(lengths)):
        return Sequences(items, y, False, x.shape[1])
    if y.ndim > len("TO") or len(y) != total:
        batch = len(lengths)
        raise _refuse_targets(y, f"({batch},), ({batch}, outputs) or ({total}, outputs)", source)
    return Sequences(items, np.split(y, cuts) if len(lengths) else [], True, x.shape[1])


def _is_per_sequence(y: Targets, batch: int) -> bool:
    return y.ndim in (1, 2) and len(y) == batch


def _has_steps(y: Targets, x: Floats) -> bool:
    """Whether y (B, T) or (B, T, O) has a value for each step of x (B, T, D).

    With one step there is nothing to tell apart, and (B, 1) is one output.
    """
    return y.shape[:2] == x.shape[:2] and (y.ndim == len("BTO") or x.shape[1] > 1)


def _targets(y: NDArray[Any], name: str) -> Targets:
    """Return y as float32, int64 or text."""
    if y.ndim == 0:
        raise InputError(f"E_INPUT_SHAPE: {name} must have a value a sequence, got a single one.")
    if y.dtype.kind == "U":
        return y
    if y.dtype.kind == "f":
        return checked_cast(name, y, np.float32)
    if y.dtype.kind == "u" and (y > np.iinfo(np.int64).max).any():
        raise InputError(f"E_INPUT_RANGE: {name} must fit int64, got {y.max()}.")
    return y.astype(np.int64, copy=False)


def _lengths(lengths: NDArray[Any], source: str) -> Lengths:
    if lengths.dtype.kind not in "iu" or lengths.ndim != 1:
        raise InputError(
            f"E_INPUT_LENGTHS: {source}, lengths must be whole numbers of shape (batch,),"
            f" got {lengths.dtype} of shape {lengths.shape}. Try lengths.astype(np.int32)."
        )
    _refuse_length(lengths, (lengths < 0) | (lengths > np.iinfo(np.int32).max), "0 or more", source)
    return lengths.astype(np.int64, copy=False)


def _check_batch(lengths: Lengths | None, x: Floats, source: str) -> Lengths:
    """Return a length for each row of x (B, T, D), all T where none are given."""
    batch, time, _ = x.shape
    if lengths is None:
        return np.full(batch, time)
    if len(lengths) != batch:
        raise InputError(
            f"E_INPUT_LENGTHS: {source}, lengths must be one a sequence, {batch},"
            f" got {len(lengths)}."
        )
    _refuse_length(lengths, lengths > time, f"at most {time}, the steps of x", source)
    return lengths


def _refuse_length(
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
