"""Forecasts of quantiles: the order and the names of their outputs, and the intervals they give."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from seqrt.contract.strict_json import manifest_error

# Quantiles a and 1 - a are a pair if they agree this closely.
_CLOSE: Final = 1e-9
_MEDIAN: Final = 0.5
_FEWEST, _MOST = 3, 99


def output_names(
    targets: Sequence[str], horizon: int, quantiles: Sequence[float] = ()
) -> tuple[str, ...]:
    """Return the names of a forecast's outputs: by step, then target, then quantile.

    The median has the name that a forecast without quantiles has::

        >>> output_names(["sales"], 1, [0.1, 0.5, 0.9])
        ('sales+1@0.1', 'sales+1', 'sales+1@0.9')
    """
    return tuple(
        f"{target}+{step}{'' if quantile == _MEDIAN else f'@{quantile:.9g}'}"
        for step in range(1, horizon + 1)
        for target in targets
        for quantile in (quantiles or (_MEDIAN,))
    )


def interval_levels(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return the levels of the intervals between pairs of quantiles, in percent, narrow to wide.

    >>> interval_levels([0.025, 0.1, 0.5, 0.9, 0.975])
    (80.0, 95.0)
    """
    half = len(quantiles) // 2
    return tuple(round(100 * (quantiles[-1 - i] - quantiles[i]), 7) for i in range(half))[::-1]


def pair_of(level: float, quantiles: Sequence[float]) -> tuple[int, int]:
    """Return the places of the lower and the upper end of an interval among the quantiles."""
    half = len(quantiles) // 2
    i = half - 1 - interval_levels(quantiles).index(level)
    return i, len(quantiles) - 1 - i


def check_quantile_outputs(m: Any) -> None:
    """Raise ModelError unless a manifest's quantiles, where it has any, fit its outputs."""
    quantiles = m.quantiles
    if not quantiles:
        return
    if m.task != "forecast" or m.activation != "none" or m.classes or m.heads:
        raise manifest_error(
            "may have quantiles only for a forecast with a single output of numbers"
        )
    pairs = zip(quantiles, reversed(quantiles), strict=True)
    ascending = all(a < b for a, b in pairwise(quantiles))
    symmetric = all(abs(a + b - 1) < _CLOSE for a, b in pairs)
    inside = _FEWEST <= len(quantiles) <= _MOST and quantiles[0] > 0 and quantiles[-1] < 1
    if not (inside and ascending and symmetric and _MEDIAN in quantiles):
        raise manifest_error(
            f"needs {_FEWEST} to {_MOST} quantiles in ascending order, symmetric around 0.5 and"
            f" with it, got {quantiles!r:.80}"
        )
    horizon, count = m.horizon or 1, len(m.outputs)
    targets, left = divmod(count, horizon * len(quantiles))
    if left or not targets:
        raise manifest_error(
            f"needs an output for each of {horizon} steps, each target and each of"
            f" {len(quantiles)} quantiles, got {count} outputs"
        )
    names = [column.name for column in m.outputs]
    medians = names[len(quantiles) // 2 : targets * len(quantiles) : len(quantiles)]
    wanted = output_names([name.removesuffix("+1") for name in medians], horizon, quantiles)
    for name, right in zip(names, wanted, strict=True):
        if name != right:
            raise manifest_error(
                f"needs outputs by step, target and quantile: {right!r:.60}, got {name!r:.60}"
            )
