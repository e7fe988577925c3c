"""NaN and Inf in the input: an error by default, or carried to the outputs that depend on them.

onnxruntime's LSTM and GRU hide them: a NaN goes in, finite and plausible numbers come out. If the
graph has a policy for missing values, NaN means a missing value and only Inf is an error.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Literal

import numpy as np

from seqrt.errors import InputError, UsageError
from seqrt.numbers import nonfinite_mask
from seqrt.runtime.inputs.arrays import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqrt.runtime.types import Floats, Lengths, Mask

# How many numbers are tested at a time.
_CHUNK = 1 << 20
# Up to this many numbers, a Python loop is faster than numpy.
_FEW = 32

FIX = "Fill or drop them, or pass nonfinite='propagate' to get NaN from that step on."

Nonfinite = Literal["error", "propagate", "allow"]


def separate(
    name: str,
    x: Floats,
    nonfinite: Nonfinite,
    lengths: Lengths | None = None,
    *,
    missing: bool,
) -> tuple[Floats, Mask | None]:
    """Return x (B, T, D) or (T, D) with zeros for NaN and Inf, and a mask of where they were.

    The mask covers values inside `lengths` alone, and is None where there are none. "allow" returns
    x unchanged, without a mask. "error" raises InputError at the first value in the mask. With
    `missing` NaN stays in x, and only Inf counts.
    """
    if nonfinite == "allow" or all_fit(x, missing=missing):
        return x, None
    wrong = nonfinite_mask(x, missing=missing)
    bad = wrong.copy()
    if lengths is not None:
        bad[~inside(lengths, x.shape[1])] = False
    if nonfinite == "error" and bad.any():
        raise nonfinite_error(name, x, bad, ("item", "step", "feature")[-x.ndim :])
    return np.where(wrong, np.float32(0), x), bad if bad.any() else None


def all_fit(x: Floats, *, missing: bool) -> bool:
    """Return whether x is finite, or with `missing` whether it has no Inf."""
    return all_finite(x) or (missing and not any(np.isinf(part).any() for part in _chunks(x)))


def all_finite(x: Floats) -> bool:
    """Return whether every number in x is finite."""
    flat = x.reshape(-1)
    if flat.size <= _FEW:
        return all(map(isfinite, flat.tolist()))
    if flat.size <= _CHUNK:
        return bool(np.isfinite(flat).all())
    return all(np.isfinite(part).all() for part in _chunks(x))


def _chunks(x: Floats) -> Iterator[Floats]:
    """Yield x in parts, because it may be mapped from a file larger than memory."""
    flat = x.reshape(-1)
    return (flat[start : start + _CHUNK] for start in range(0, flat.size, _CHUNK))


def nonfinite_error(name: str, x: Floats, bad: Mask, axes: tuple[str, ...]) -> InputError:
    """Return the error that names the first of the `bad` values in x; `axes` name its axes."""
    places = np.argwhere(bad)
    first = places[0]
    place = ", ".join(f"{axis} {index}" for axis, index in zip(axes, first, strict=True))
    items = f" in {len(np.unique(places[:, 0]))} items" if axes[0] == "item" else ""
    return InputError(
        f"E_INPUT_NONFINITE: {name} must be finite; {name}[{place}] is {x[tuple(first)]}"
        f" ({len(places)} non-finite values{items}). {FIX}"
    )


def check_choice(nonfinite: str) -> None:
    """Raise UsageError unless `nonfinite` is "error", "propagate" or "allow"."""
    if nonfinite not in ("error", "propagate", "allow"):
        raise UsageError(f"nonfinite must be 'error', 'propagate' or 'allow', got {nonfinite!r}.")


def write_nan(y: Floats, bad: Mask, *, causal: bool, per_step: bool) -> None:
    """Write NaN into the outputs y that depend on a `bad` (B, T, D) input.

    A causal network with an output per step loses those from the first bad step on. A bidirectional
    network, and one with a single output per row, loses the whole row.
    """
    steps = np.asarray(bad.any(axis=2))
    if per_step and causal:
        y[np.logical_or.accumulate(steps, axis=1)] = np.nan
    else:
        y[steps.any(axis=1)] = np.nan
