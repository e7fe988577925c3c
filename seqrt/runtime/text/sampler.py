"""Drawing classes by their probabilities, repeatably."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import numpy as np

from seqrt.errors import ModelError, UsageError

if TYPE_CHECKING:
    from seqrt.runtime.types import Floats

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
        """Return the number of a class of probability p (classes,), drawn by p."""
        if self._power is None:
            return self._checked(p, int(p.argmax()))
        weights = p.astype(np.float64)
        weights /= weights.max()
        weights **= self._power
        if self._top_k is not None:
            weights[np.argsort(-p, kind="stable")[self._top_k :]] = 0
        sums = weights.cumsum()
        return self._checked(p, int(sums.searchsorted(self._chance.random() * sums[-1], "right")))

    def _checked(self, p: Floats, drawn: int) -> int:
        """Return the class that was drawn; raise ModelError for p that are no probabilities."""
        if drawn < len(p) and p[drawn] > 0:
            return drawn
        raise ModelError(
            "E_MODEL_RUN: the model returned no probabilities, but NaN: its weights or its state"
            " are too large for float32."
        )


def check_whole(name: str, value: int, least: int) -> None:
    """Raise UsageError unless an option is a whole number from `least`."""
    if type(value) is not int or value < least:
        raise UsageError(f"{name} must be a whole number from {least}, got {value!r}.")
