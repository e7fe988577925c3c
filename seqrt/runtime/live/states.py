"""The states of many streams: rows of one array, looked up by key, reused after a stream leaves."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqrt.errors import ResourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats, Lengths, Rows

_INITIAL_ROWS = 16


class Found(NamedTuple):
    """The row of each key, and the positions of new keys, which have no row yet."""

    rows: Rows
    new: list[int]


class States:
    """A state for each key, with the number of steps it has taken and the time of its last push.

    The arrays double in size when they are full, so that the cost of a new key does not depend on
    how many there are. Rows that were never written take no memory yet.
    """

    def __init__(self, size: int) -> None:
        """Start without keys; a state is `size` numbers."""
        self.rows: dict[Hashable, int] = {}
        self._free: list[int] = []
        self._used = 0
        self._state = np.zeros((_INITIAL_ROWS, size), np.float32)
        self._steps = np.zeros(_INITIAL_ROWS, np.int64)
        self._written = np.zeros(_INITIAL_ROWS)

    def find(self, keys: Sequence[Hashable]) -> Found:
        """Return the rows of the keys."""
        rows: list[Any] = list(map(self.rows.get, keys))
        new: list[int] = []
        if None in rows:
            new = [i for i, row in enumerate(rows) if row is None]
            rows = [row or 0 for row in rows]
        return Found(np.array(rows, np.intp), new)

    def read(self, found: Found) -> Floats:
        """Return a copy of the states (N, S), zeros for new keys."""
        state = self._state[found.rows]
        if found.new:
            state[found.new] = 0
        return state

    def steps(self, found: Found) -> NDArray[np.int64]:
        """Return the number of steps that each has taken, 0 for new keys."""
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
        """Write the states (N, S) that the keys reached in `steps` more steps; add new keys.

        Memory that grows with the number of keys is allocated before any of them changes.
        """
        self._put(keys, found, state, self.steps(found) + steps, now)

    def set(
        self, keys: Sequence[Hashable], state: Floats, steps: NDArray[np.int64], now: float
    ) -> None:
        """Set the keys, new or known, to states (N, S) that they have reached after `steps`."""
        self._put(keys, self.find(keys), state, steps, now)

    def remove(self, key: Hashable) -> None:
        """Remove a key; another may reuse its row."""
        self._free.append(self.rows.pop(key))

    def idle_since(self, moment: float) -> list[Hashable]:
        """Return the keys that were last written at `moment` or before."""
        rows = np.fromiter(self.rows.values(), np.intp, len(self.rows))
        idle = self._written[rows] <= moment
        return [key for key, is_idle in zip(self.rows, idle.tolist(), strict=True) if is_idle]

    def _put(
        self,
        keys: Sequence[Hashable],
        found: Found,
        state: Floats,
        steps: NDArray[np.int64],
        now: float,
    ) -> None:
        rows, new = found
        if new:
            rows = rows.copy()
            rows[new] = self._reserved(len(new))
            # first the rows that no key has yet, and last those that streams depend on
            self._write(rows[new], state[new], steps[new], now)
            self._join([keys[i] for i in new], rows[new].tolist())
        self._write(rows, state, steps, now)

    def _write(self, rows: Rows, state: Floats, steps: NDArray[np.int64], now: float) -> None:
        self._written[rows] = now
        self._steps[rows] = steps
        self._state[rows] = state

    def _reserved(self, count: int) -> list[int]:
        """Return rows for `count` new keys, free ones first; `_join` takes them."""
        reused = self._free[max(0, len(self._free) - count) :]
        end = self._used + count - len(reused)
        if end > len(self._state):
            self._grow(max(end, 2 * len(self._state)))
        return [*reused, *range(self._used, end)]

    def _join(self, keys: list[Hashable], rows: list[int]) -> None:
        """Give the keys the reserved rows; if memory runs out, none of them joins."""
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
                f"E_MEMORY: the states of {capacity:,} streams do not fit into memory."
                " Remove streams that have ended with leave, or expire idle ones."
            ) from None
        for new, array in zip(grown, old, strict=True):
            new[: self._used] = array[: self._used]
        self._state, self._steps, self._written = grown
