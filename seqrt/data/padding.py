"""Sequences of a batch that end in NaN: padding, where no lengths say how long they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import InputError

Array = NDArray[Any]
Lengths = NDArray[np.int64]

# The sequences that are looked at for a note.
_LOOKED_AT = 1000


def lengths_before_nan(x: Array, source: str, first: int = 0) -> Lengths | None:
    """Return the lengths (B,) of x (B, T, D) without the steps at its ends that are all NaN.

    None if no sequence ends in such a step. Only the last step of most sequences is read. `first`
    is the number of the first sequence in its file. Raises InputError (E_INPUT_NONFINITE) for a
    sequence that is NaN at every step.
    """
    batch, time, _ = x.shape
    if x.dtype.kind != "f" or not x.size:
        return None
    padded = np.flatnonzero(np.isnan(x[:, -1]).all(axis=1))
    if not len(padded):
        return None
    lengths = np.full(batch, time)
    for item in padded.tolist():
        known = np.flatnonzero(~np.isnan(x[item]).all(axis=1))
        if not len(known):
            raise InputError(
                f"E_INPUT_NONFINITE: {source}, x[item {first + item}] is NaN at every step."
                " Leave this sequence out."
            )
        lengths[item] = known[-1] + 1
    return lengths


def padding_note(lengths: Lengths, time: int) -> str:
    """Return what to say of lengths that were inferred from NaN at the ends of `time` steps."""
    padded, shortest, longest = int((lengths < time).sum()), lengths.min(), lengths.max()
    return (
        f"{padded:,} of {len(lengths):,} sequences end in steps that are all NaN: taken as padding,"
        f" so lengths are {shortest:,} to {longest:,}"
    )


def zeros_note(x: Array) -> tuple[str, ...]:
    """Return what to say of x (B, T, D) of which several sequences end in steps that are all zero.

    Said if a quarter of the first thousand sequences do, after different numbers of steps.
    """
    first = x[:_LOOKED_AT]
    if not first.size:
        return ()
    padded = np.flatnonzero(~first[:, -1].any(axis=1))
    if 4 * len(padded) < len(first) or len(padded) < 2:
        return ()
    ends = {int(np.flatnonzero(first[item].any(axis=1)).max(initial=-1)) for item in padded}
    if len(ends) < 2:
        return ()
    return (
        f"{len(padded):,} of {len(first):,} sequences end in steps that are all 0; if these are"
        " padding, save the lengths of the sequences beside them",
    )
