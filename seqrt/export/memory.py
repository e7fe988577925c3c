"""How long a network remembers: measured on its file, and on its gradient, for the manifest."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seqrt.contract import MEMORY_TOLERANCE, Gradient, Memory
from seqrt.contract.manifest import Inputs
from seqrt.errors import InputError
from seqrt.numbers import nonfinite_mask
from seqrt.runtime import Model
from seqrt.runtime.inputs.arrays import as_floats, check_shape
from seqrt.runtime.memory import forgetting
from seqrt.runtime.types import Floats
from seqrt.training.networks.stack import Stack
from seqrt.training.runs.memory import LAGS, ROWS, faded, gradient, streams

_SEED = 20260403
_STEPS = 2000
_WANDER = 8


def measure_memory(draft: Model, stack: Stack, series: ArrayLike | None) -> Memory | None:
    """Return how long the network remembers, None for one that reads both ways.

    Effective memory is the file's own, run by the runtime; the gradient is PyTorch's, looked at as
    far back as the memory reaches, or as a window of training did. `series` (N, D) is typical
    input; without one inputs are drawn.
    """
    if not draft.manifest.streamable:
        return None
    inputs: Inputs = "drawn" if series is None else "data"
    x = _drawn(stack) if series is None else streams(_checked(series, stack), _STEPS)
    found = forgetting(draft, x)
    least, most = LAGS
    back = min(max(found.longest, stack.metadata.window or 0, least), most)
    return Memory(
        steps=found.longest,
        median=found.median,
        more=found.more,
        tolerance=MEMORY_TOLERANCE,
        inputs=inputs,
        gradient=_gradient(stack, x[:, :back]),
    )


def _gradient(stack: Stack, x: Floats) -> Gradient | None:
    """Return the gradient at lags 0, 1, 2, 4, ... and the last; None where it is not finite."""
    norms = gradient(stack, x)
    # an amplifying network leaves float32 behind somewhere: what was before counts
    norms = norms[: int(np.append(np.isfinite(norms), False).argmin())]
    if not len(norms):
        return None
    last = len(norms) - 1
    lags = sorted({0, last, *(1 << i for i in range(last.bit_length()))})
    return Gradient(tuple(lags), tuple(float(f"{norms[k]:.1e}") for k in lags), faded(norms))


def _drawn(stack: Stack) -> Floats:
    """Draw sequences (8, T, D) from the range that training saw.

    Half of them are drawn anew at every step, half wander from draw to draw within 8 steps: series
    are smooth, and a network forgets slower what it reads smoothly.
    """
    rng = np.random.Generator(np.random.PCG64(_SEED))
    columns = stack.metadata.features
    low, high = np.array([column.typical_range for column in columns]).T
    half = ROWS // 2
    x = rng.random((ROWS, _STEPS, len(columns)))
    marks = rng.random((half, _STEPS // _WANDER + 2, len(columns)))
    mark, between = np.divmod(np.arange(_STEPS), _WANDER)
    share = (between / _WANDER)[:, None]
    x[half:] = (1 - share) * marks[:, mark] + share * marks[:, mark + 1]
    drawn: Floats = (low + (high - low) * x).astype(np.float32)
    return drawn


def _checked(series: ArrayLike, stack: Stack) -> Floats:
    steps, features = as_floats(series, "series"), len(stack.metadata.features)
    check_shape("series", steps, ("time", features))
    if not len(steps) or nonfinite_mask(steps, missing=stack.missing != "error").any():
        raise InputError(
            "E_INPUT_NONFINITE: series must hold at least one step, and finite numbers only."
        )
    return steps
