"""The rule of parity: how far a computation may be from the true outputs.

Outputs are compared in scaled units, (y - mean) / scale, in which all have about the same size. In
raw units one may be a million times larger than another, and would hide the errors of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Doubles


def allowed_error(torch_error: float, size: float) -> float:
    """Return how far from float64 an output may be: 8 times PyTorch's error plus 1e-6 of its size.

    Wrong gate orders can differ from right ones by as little as 1.6e-3, so a looser rule would
    prove nothing.
    """
    return 8 * torch_error + 1e-6 * size


def scaled_units(y: NDArray[Any], outputs: Sequence[Column]) -> Doubles:
    """Return raw outputs (..., O) in scaled units, (y - mean) / scale, in float64."""
    scaled = np.array(y, np.float64, order="C")
    # one output at a time, because a broadcast may crash without memory: see inputs.arrays.inside
    for values, column in zip(scaled.reshape(-1, len(outputs)).T, outputs, strict=True):
        values -= column.mean
        values /= column.scale
    return scaled


def largest(values: NDArray[Any]) -> float:
    """Return the largest absolute value: 0 for an empty array, NaN where any value is NaN."""
    return float(np.abs(values).max(initial=0))
