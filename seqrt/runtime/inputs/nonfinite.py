"""NaN and Inf in the input: an error by default, or carried to the answers honestly.

onnxruntime's LSTM and GRU swallow them: a NaN goes in, finite and plausible numbers come out. Where
the graph has an answer to missing values, NaN stands for one, and only Inf is out of place.
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

_PIECE = 1 << 20
_FEW = 32

FIX = "Fill or drop them, or ask for nonfinite='propagate' to have NaN from that step on."

Nonfinite = Literal["error", "propagate", "allow"]


def separate(
    name: str,
    x: Floats,
    nonfinite: Nonfinite,
    lengths: Lengths | None = None,
    *,
    missing: bool,
) -> tuple[Floats, Mask | None]:
    """Return x (B, T, D) or (T, D) fit to be computed with, and where it was NaN or Inf.

    Only values inside `lengths` count, and None stands for "nowhere". They are zeros in the x that
    is returned, except with "allow". Raises InputError at the first of them with "error". With
    `missing` NaN is let through, and Inf is not.
    """
    if nonfinite == "allow" or all_fit(x, missing=missing):
        return x, None
    wrong = nonfinite_mask(x, missing=missing)
    bad = wrong.copy()
    if lengths is not None:
        bad[~inside(lengths, x.shape[1])] = False
    if nonfinite == "error" and bad.any():
        raise refuse(name, x, bad, ("item", "step", "feature")[-x.ndim :])
    return np.where(wrong, np.float32(0), x), bad if bad.any() else None


def all_fit(x: Floats, *, missing: bool) -> bool:
    """Whether x is finite, or with `missing` finite where it is not NaN."""
    return all_finite(x) or (missing and not any(np.isinf(p).any() for p in _pieces(x)))


def all_finite(x: Floats) -> bool:
    """Whether x is finite."""
    flat = x.reshape(-1)
    if flat.size <= _FEW:
        # where numpy takes longer to begin than Python does to end
        return all(map(isfinite, flat.tolist()))
    if flat.size <= _PIECE:
        return bool(np.isfinite(flat).all())
    return all(np.isfinite(piece).all() for piece in _pieces(x))


def _pieces(x: Floats) -> Iterator[Floats]:
    """Yield x in pieces: it may be mapped from a file larger than memory."""
    flat = x.reshape(-1)
    return (flat[start : start + _PIECE] for start in range(0, flat.size, _PIECE))


def refuse(name: str, x: Floats, bad: Mask, axes: tuple[str, ...]) -> InputError:
    """Return the error that names the first of the `bad` values in x, whose axes have names."""
    places = np.argwhere(bad)
    first = places[0]
    place = ", ".join(f"{axis} {index}" for axis, index in zip(axes, first, strict=True))
    items = f" in {len(np.unique(places[:, 0]))} items" if axes[0] == "item" else ""
    return InputError(
        f"E_INPUT_NONFINITE: {name} must be finite; {name}[{place}] is {x[tuple(first)]}"
        f" ({len(places)} non-finite values{items}). {FIX}"
    )


def check_choice(nonfinite: str) -> None:
    """Raise UsageError unless `nonfinite` is one of the three answers."""
    if nonfinite not in ("error", "propagate", "allow"):
        raise UsageError(f"nonfinite must be 'error', 'propagate' or 'allow', got {nonfinite!r}.")


def spoil(y: Floats, bad: Mask, *, causal: bool, per_step: bool) -> None:
    """Write NaN into the answers y that depend on a `bad` (B, T, D) input.

    That is each one from the first bad step on; for a network that reads both ways, and for an
    answer to the whole row, every one of the row.
    """
    steps = np.asarray(bad.any(axis=2))
    if per_step and causal:
        y[np.logical_or.accumulate(steps, axis=1)] = np.nan
    else:
        y[steps.any(axis=1)] = np.nan
