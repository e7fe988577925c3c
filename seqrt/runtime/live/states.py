"""The states of many streams: rows of one packed array, found by key, reused when one leaves."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqrt.errors import ResourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats, Lengths, Rows

_AT_FIRST = 16


class Found(NamedTuple):
    """The row of each key, and which of the keys are new and have none: their row means nothing."""

    rows: Rows
    new: list[int]


class States:
    """A row of state for each key, with the steps it has taken and the moment it was written.

    The arrays grow twofold, so that a key more costs the same however many there are. Rows that
    were never written take no memory yet.
    """

    def __init__(self, size: int) -> None:
        """Start without a key; a state is `size` numbers."""
        self.rows: dict[Hashable, int] = {}
        self._free: list[int] = []
        self._used = 0
        self._state = np.zeros((_AT_FIRST, size), np.float32)
        self._steps = np.zeros(_AT_FIRST, np.int64)
        self._written = np.zeros(_AT_FIRST)

    def find(self, keys: Sequence[Hashable]) -> Found:
        """Return where the keys are."""
        rows: list[Any] = list(map(self.rows.get, keys))
        new: list[int] = []
        if None in rows:
            new = [i for i, row in enumerate(rows) if row is None]
            rows = [row or 0 for row in rows]
        return Found(np.array(rows, np.intp), new)

    def read(self, found: Found) -> Floats:
        """Return a copy of the states (N, S); a new one is zeros."""
        state = self._state[found.rows]
        if found.new:
            state[found.new] = 0
        return state

    def steps(self, found: Found) -> NDArray[np.int64]:
        """Return the steps that each has taken."""
        steps = self._steps[found.rows]
        if found.new:
            steps[found.new] = 0
        return steps

    def advance(
        self,
        keys: Sequence[Hashable],
        found: Found,
        state: Floats,
        steps: Lengths | int,
        now: float,
    ) -> None:
        """Write the states (N, S) that the keys have reached by so many steps; new keys join.

        All that may fail comes before the first write.
        """
        rows, new = found
        after = self.steps(found) + steps
        if new:
            rows = rows.copy()
            rows[new] = self._reserved(len(new))
            self._join([keys[i] for i in new], rows[new].tolist())
        self._written[rows] = now
        self._steps[rows] = after
        self._state[rows] = state

    def set(
        self, keys: Sequence[Hashable], state: Floats, steps: NDArray[np.int64], now: float
    ) -> None:
        """Put the keys at states (N, S) after so many steps, wherever they were before."""
        self.advance(keys, self.find(keys), state, 0, now)
        self._steps[self.find(keys).rows] = steps

    def remove(self, key: Hashable) -> None:
        """Let the key go; its row is free for another."""
        self._free.append(self.rows.pop(key))

    def idle_since(self, moment: float) -> list[Hashable]:
        """Return the keys that were last written at `moment` or before."""
        rows = np.fromiter(self.rows.values(), np.intp, len(self.rows))
        idle = self._written[rows] <= moment
        return [key for key, out in zip(self.rows, idle.tolist(), strict=True) if out]

    def _reserved(self, count: int) -> list[int]:
        """Return rows for so many new keys, those that were left first; nothing is taken yet."""
        again = self._free[max(0, len(self._free) - count) :]
        end = self._used + count - len(again)
        if end > len(self._state):
            self._grow(max(end, 2 * len(self._state)))
        return [*again, *range(self._used, end)]

    def _join(self, keys: list[Hashable], rows: list[int]) -> None:
        """Give the keys the reserved rows; where memory runs out, none of them has joined."""
        used = max(self._used, max(rows) + 1)
        try:
            self.rows.update(zip(keys, rows, strict=True))
            del self._free[max(0, len(self._free) - len(rows)) :]
        except MemoryError:
            for key in keys:
                self.rows.pop(key, None)
            raise
        self._used = used

    def _grow(self, capacity: int) -> None:
        old: tuple[NDArray[Any], ...] = (self._state, self._steps, self._written)
        try:
            grown = [np.zeros((capacity, *array.shape[1:]), array.dtype) for array in old]
        except MemoryError:
            raise ResourceError(
                f"E_MEMORY: the states of {capacity:,} streams must fit into memory, and did not."
                " Let streams that are done leave, or expire idle ones."
            ) from None
        for new, array in zip(grown, old, strict=True):
            new[: self._used] = array[: self._used]
        self._state, self._steps, self._written = grown
