"""Rounds a matrix of weights to what fits into fewer bytes, or says why it stays float32.

fp16    float16, 11 significant bits: from 6.1e-5 to 65,504
int8    whole numbers from -127 to 127, times a float32 scale for each row of outputs

A scale has at most 16 significant bits, so that every product with 7 more is exact in float32: all
hosts compute the same weights.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.small_weights import LARGEST_SCALE, SMALLEST_SCALE
from seqrt.export.graph.weights import Weights

# A smaller matrix stays float32: it would save less than its node takes.
SMALLEST = 128
# The bytes of the node and the names that a matrix takes in each form, and of a scale.
_OVERHEAD = {"fp16": 100, "int8": 160}
_LARGEST_INT8 = 127
_SCALE_BITS = 16
_SMALLEST_NORMAL = np.finfo(np.float16).tiny


class Rounded(NamedTuple):
    """Weights as they are stored: float16, or int8 with a scale that broadcasts to them."""

    stored: NDArray[Any]
    scale: Weights | None = None


def round_weights(weights: Weights, outputs: tuple[int, ...], form: str) -> Rounded | str:
    """Return float32 weights rounded to `form`, or the reason why they stay float32.

    `outputs` are the axes that tell outputs apart: numbers that differ there get a scale of their
    own. The reason is empty if the matrix is too small to save anything.
    """
    if form == "fp16":
        return _to_fp16(weights) if _saves(weights, 2, 0, form) else ""
    scales = int(np.prod([weights.shape[axis] for axis in outputs]))
    return _to_int8(weights, outputs) if _saves(weights, 1, scales, form) else ""


def _saves(weights: Weights, size: int, scales: int, form: str) -> bool:
    saved = (4 - size) * weights.size - 4 * scales
    return weights.size >= SMALLEST and saved > _OVERHEAD[form]


def _to_fp16(weights: Weights) -> Rounded | str:
    with np.errstate(over="ignore"):
        stored = weights.astype(np.float16)
    if not np.isfinite(stored).all():
        return f"a weight of {_largest(weights):.3g} is beyond float16's 65,504"
    largest = _largest(weights)
    if 0 < largest < _SMALLEST_NORMAL:
        return f"weights of at most {largest:.1e} would lose their digits in float16"
    return Rounded(stored)


def _to_int8(weights: Weights, outputs: tuple[int, ...]) -> Rounded | str:
    rows = _largest_of(weights, outputs)
    scale = np.where(rows > 0, _few_bits(rows / np.float32(_LARGEST_INT8)), np.float32(1))
    # Rows of zeros, ones and other small multiples of one number, as in sums, stay exact.
    steps = np.where(weights == 0, np.float32(np.inf), np.abs(weights))
    step = steps.min(axis=_others(weights, outputs), keepdims=True)
    step = np.where(np.isfinite(step), step, np.float32(1))
    times = np.rint(weights / step)
    exact = (times * step == weights) & (np.abs(times) <= _LARGEST_INT8) & (_few_bits(step) == step)
    scale = np.where(exact.all(axis=_others(weights, outputs), keepdims=True), step, scale)
    if not SMALLEST_SCALE <= scale.min() <= scale.max() <= LARGEST_SCALE:
        return f"weights from {rows[rows > 0].min():.1e} to {rows.max():.1e} are beyond its scales"
    stored = np.rint(weights / scale).astype(np.int8)
    return Rounded(stored, scale.astype(np.float32))


def _few_bits(numbers: NDArray[Any]) -> Weights:
    """Return positive numbers rounded up to 16 significant bits."""
    mantissa, exponent = np.frexp(numbers)
    rounded: Weights = np.ldexp(
        np.ceil(np.ldexp(mantissa, _SCALE_BITS)), exponent - _SCALE_BITS
    ).astype(np.float32)
    return rounded


def _largest(weights: Weights) -> float:
    return float(np.abs(weights).max())


def _largest_of(weights: Weights, outputs: tuple[int, ...]) -> Weights:
    rows: Weights = np.abs(weights).max(axis=_others(weights, outputs), keepdims=True)
    return rows


def _others(weights: Weights, outputs: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axis for axis in range(weights.ndim) if axis not in outputs)
