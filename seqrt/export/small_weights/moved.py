"""Measures how far the rounding of the weights moved the outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqrt.contract import Rounding
from seqrt.errors import ParityError
from seqrt.export.memory import typical_sequences
from seqrt.export.prove import two_digits
from seqrt.runtime import Model
from seqrt.runtime.proving.parity import largest, scaled_units
from seqrt.runtime.types import Floats

# The numbers of steps in the manifest; so many more between them are compared too.
_SHOWN = (1, 10, 100, 1000)
_COMPARED = 24


def measure_rounding(whole: Model, small: Model, series: ArrayLike | None) -> Rounding:
    """Return how far the outputs of `small` are from those of `whole`, from zero states.

    The inputs are cut from `series` (N, D), or drawn. Steps from which on an output has left the
    range of float32 are left out.
    """
    m = small.manifest
    x, inputs = typical_sequences(m, series, _SHOWN[-1])
    between = np.geomspace(_SHOWN[0], _SHOWN[-1], _COMPARED).astype(int).tolist()
    steps = sorted({max(m.least, count) for count in (*_SHOWN, *between)})
    moved, size = dict[int, float](), 0.0
    outputs = zip(_outputs(whole, x, steps), _outputs(small, x, steps), strict=True)
    for count, (y, other) in zip(steps, outputs, strict=True):
        units = scaled_units(y, m.outputs)
        difference = largest(scaled_units(other, m.outputs) - units)
        if not math.isfinite(difference):
            break
        moved[count], size = difference, max(size, largest(units))
    if not moved:
        raise ParityError(
            "E_PARITY: the outputs leave the range of float32 at the first step, so that the"
            " rounding of the weights cannot be judged. No file was written."
        )
    shown = [count for count in moved if count in _SHOWN or count == steps[0]]
    return Rounding(
        steps=tuple(shown),
        moved=tuple(two_digits(moved[count]) for count in shown),
        largest=two_digits(max(moved.values())),
        scale=two_digits(size),
        inputs=inputs,
    )


def _outputs(model: Model, x: NDArray[Any], steps: list[int]) -> Iterator[Floats]:
    """Yield the outputs (B, O) at the end of each number of steps."""
    with np.errstate(all="ignore"):
        if not model.manifest.streamable:
            for count in steps:
                yield _last(model.run(x[:, :count])[0])
            return
        state = model.zero_state(len(x))
        for start, end in pairwise((0, *steps)):
            y, state = model.run(x[:, start:end], None, state, nonfinite="propagate")
            yield _last(y)


def _last(y: Floats) -> Floats:
    return y[:, -1] if y.ndim == len("BTO") else y
