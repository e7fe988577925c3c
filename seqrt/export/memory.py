"""Measures how long a network remembers, for the manifest: by its states and by its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqrt.contract import MEMORY_TOLERANCE, Gradient, Manifest, Memory
from seqrt.contract.measured import Inputs
from seqrt.errors import InputError
from seqrt.export.subject import Subject
from seqrt.numbers import nonfinite_mask
from seqrt.runtime import Model
from seqrt.runtime.inputs.arrays import as_floats, check_shape
from seqrt.runtime.memory import forgetting
from seqrt.runtime.types import Floats
from seqrt.training.runs.memory import LAGS, ROWS, cut_sequences, fade_lag

_SEED = 20260403
_STEPS = 2000
# Smooth inputs move from one random value to the next within this many steps.
_SMOOTH_STEPS = 8


def measure_memory(draft: Model, subject: Subject, series: ArrayLike | None) -> Memory | None:
    """Return how long the network remembers, or None for a bidirectional network.

    The memory of its states is measured on the file itself, run by the runtime. The gradient is
    PyTorch's, over as many lags as the memory or the training window has steps. `series` (N, D) is
    typical input; without one, inputs are drawn.
    """
    m = draft.manifest
    if not m.streamable:
        return None
    x, inputs = typical_sequences(m, series, _STEPS)
    found = forgetting(draft, x)
    least, most = LAGS
    length = min(max(found.longest, m.window or 0, least), most)
    return Memory(
        steps=found.longest,
        median=found.median,
        more=found.more,
        tolerance=MEMORY_TOLERANCE,
        inputs=inputs,
        gradient=_gradient(subject, x[:, :length]),
    )


def _gradient(subject: Subject, x: Floats) -> Gradient | None:
    """Return the gradient at lags 0, 1, 2, 4, ... and the last; None if it is never finite."""
    norms = subject.gradient(x)
    if norms is None:
        return None
    # The gradient of an amplifying network overflows float32 at some lag: keep those before it.
    norms = norms[: int(np.append(np.isfinite(norms), False).argmin())]
    if not len(norms):
        return None
    last = len(norms) - 1
    lags = sorted({0, last, *(1 << i for i in range(last.bit_length()))})
    return Gradient(tuple(lags), tuple(float(f"{norms[k]:.1e}") for k in lags), fade_lag(norms))


def typical_sequences(
    m: Manifest, series: ArrayLike | None, steps: int
) -> tuple[NDArray[Any], Inputs]:
    """Return sequences (8, `steps`, D) cut from a series (N, D), or drawn ones without a series.

    Of a network that reads tokens, the sequences are ids (8, `steps`), and the series has one
    feature. Raises InputError for a series that has other features, no steps, or NaN or Inf.
    """
    if series is None:
        return _draw_sequences(m, steps), "drawn"
    cut = cut_sequences(_check_series(series, m), steps)
    return (cut[..., 0].astype(np.int64) if m.tokens else cut), "data"


def _draw_sequences(m: Manifest, steps: int) -> NDArray[Any]:
    """Draw sequences (8, T, D) from the range seen in training, or token ids (8, T).

    Half of them have an independent value at every step. The other half move from one value to the
    next within 8 steps: real series are smooth, and a network forgets smooth input more slowly.
    """
    rng = np.random.Generator(np.random.PCG64(_SEED))
    if m.tokens:
        return rng.integers(0, m.tokens, (ROWS, steps))
    columns = m.features
    low, high = np.array([column.typical_range for column in columns]).T
    half = ROWS // 2
    x = rng.random((ROWS, steps, len(columns)))
    marks = rng.random((half, steps // _SMOOTH_STEPS + 2, len(columns)))
    mark, between = np.divmod(np.arange(steps), _SMOOTH_STEPS)
    share = (between / _SMOOTH_STEPS)[:, None]
    x[half:] = (1 - share) * marks[:, mark] + share * marks[:, mark + 1]
    drawn: Floats = (low + (high - low) * x).astype(np.float32)
    return drawn


def _check_series(series: ArrayLike, m: Manifest) -> Floats:
    steps, features = as_floats(series, "series"), len(m.features)
    check_shape("series", steps, ("time", features))
    if not len(steps) or nonfinite_mask(steps, missing=m.missing != "error").any():
        raise InputError(
            "E_INPUT_NONFINITE: series must have at least one step, and only finite numbers."
        )
    return steps
