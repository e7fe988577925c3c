"""Drawing classes by their probabilities, repeatably."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import numpy as np

from seqrt.errors import ModelError, UsageError

if TYPE_CHECKING:
    from seqrt.runtime.types import Floats, Rows

# As short as a seed can be that a user may have to type again.
_SEED_BYTES = 4


class Sampler:
    """Draws the numbers of classes, by probabilities p that a temperature and top-k have changed.

    In float64, with u the next `random()` of numpy's PCG64 for this seed, one number a draw::

        w_i = (p_i / max p)^(1 / temperature)     0 unless i is among the top_k largest p
        c_i = w_0 + ... + w_i
        the first i with u c_last < c_i

    Of equal p, the first are the larger ones. At temperature 0 it is the first i of the largest p,
    and no number is drawn.
    """

    def __init__(self, temperature: float = 1.0, top_k: int | None = None, seed: int | None = None):
        """Take the options of Model.generate; without a seed, the system draws one.

        Raises UsageError for an option out of its range.
        """
        is_number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
        if not (is_number and 0 <= temperature < math.inf):
            raise UsageError(f"temperature must be a finite number from 0, got {temperature!r}.")
        if top_k is not None:
            check_whole("top_k", top_k, 1)
        if seed is None:
            seed = int.from_bytes(os.urandom(_SEED_BYTES), "little")
        check_whole("seed", seed, 0)
        self.seed = seed
        self._power = 1 / temperature if temperature else None
        self._top_k = top_k
        self._chance = np.random.Generator(np.random.PCG64(seed))

    def draw(self, p: Floats) -> int:
        """Return the number of a class, drawn by the probabilities p (classes,)."""
        likeliest = p.argmax()
        if not p[likeliest] > 0:
            raise ModelError(
                "E_MODEL_RUN: the model returned no probabilities, but NaN: its weights or its"
                " state are too large for float32."
            )
        if self._power is None:
            return int(likeliest)
        kept = None if self._top_k is None else most_probable(p, self._top_k)
        weights = (p if kept is None else p[kept]).astype(np.float64)
        weights /= p[likeliest]
        weights **= self._power
        sums = weights.cumsum()
        drawn = sums.searchsorted(self._chance.random() * sums[-1], "right")
        return int(drawn if kept is None else kept[drawn])


def most_probable(p: Floats, count: int) -> Rows:
    """Return the places of the largest p in ascending order; of equal p, the first are larger."""
    if count >= len(p):
        return np.arange(len(p))
    least = np.partition(p, -count)[-count]  # faster than a stable sort, by 6 us of 256 classes
    kept = np.flatnonzero(p >= least)
    if len(kept) > count:
        kept = np.delete(kept, np.flatnonzero(p[kept] == least)[count - len(kept) :])
    return kept


def check_whole(name: str, value: int, least: int) -> None:
    """Raise UsageError unless an option is a whole number from `least`."""
    if type(value) is not int or value < least:
        raise UsageError(f"{name} must be a whole number from {least}, got {value!r}.")
