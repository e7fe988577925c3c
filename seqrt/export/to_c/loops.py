"""Finds the loops in which places are linear, so that C can compute them from loop counters."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from seqrt.export.to_c.places import Places

_MOST_LOOPS: Final = 3
_COUNTERS: Final = "ijk"


class Loops(NamedTuple):
    """Nested loops, outermost first, and for each array of places its first place and its steps."""

    sizes: tuple[int, ...]
    starts: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]

    def counter(self, number: int) -> str:
        """Return the C name of a loop's counter."""
        return _COUNTERS[number]


def find_loops(arrays: list[Places]) -> Loops | None:
    """Return the loops over flat arrays of one length, None if they are not linear in a few loops.

    >>> find_loops([np.arange(6), np.array([0, 0, 0, 9, 9, 9])])
    Loops(sizes=(2, 3), starts=(0, 0), steps=((3, 1), (9, 0)))
    """
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in arrays]
    stack = np.stack(arrays)
    while stack.shape[1] > 1:
        found = _inner(stack)
        if found is None or len(sizes) == _MOST_LOOPS:
            return None
        size, step = found
        sizes.insert(0, size)
        for each, one in zip(steps, step, strict=True):
            each.insert(0, int(one))
        stack = stack[:, ::size]
    return Loops(tuple(sizes), tuple(map(int, stack[:, 0])), tuple(map(tuple, steps)))


def _inner(stack: Places) -> tuple[int, Places] | None:
    """Return the size and the steps of the innermost loop over places (arrays, N)."""
    step = stack[:, 1] - stack[:, 0]
    differ = np.flatnonzero((np.diff(stack, axis=1) != step[:, None]).any(axis=0))
    size = int(differ[0]) + 1 if len(differ) else stack.shape[1]
    if stack.shape[1] % size:
        return None
    blocks = stack.reshape(len(stack), -1, size)
    linear = blocks[:, :, :1] + step[:, None, None] * np.arange(size)
    return (size, step) if (blocks == linear).all() else None
