"""One step, or chunks of one length, on the CPU, with every array bound to the session once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import LENGTHS, STATE, STATE_OUT, X, Y
from seqrt.runtime.opening.session import run_bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats


class BoundStep:
    """A step, or `time` steps, of one row of a causal model on the CPU; it allocates only y.

    Two state buffers alternate: a run reads one and writes the other, so that a run that fails
    leaves the state as it was. The state has 2 rows for a model that must not run a single row.
    """

    def __init__(
        self,
        session: Any,
        features: int,
        y_shape: tuple[int, ...],
        state: Floats,
        *,
        time: int = 1,
        tokens: bool = False,
        heads: dict[str, tuple[int, ...]] | None = None,
    ) -> None:
        """Bind buffers for x (T, D), y and the state, which starts as `state` (rows, S).

        With `tokens` x is int64 ids (T,). `heads` are the shapes of several outputs by name, in
        place of y; there are none for more than one step.
        """
        rows = len(state)
        self.process = os.getpid()
        self.time = time
        self._session = session
        self._x: NDArray[Any] = (
            np.zeros((rows, time), np.int64)
            if tokens
            else np.zeros((rows, time, features), np.float32)
        )
        self._lengths = np.full(rows, time, np.int32)
        self._ys = {
            name: np.zeros((rows, *shape), np.float32)
            for name, shape in (heads or {Y: y_shape}).items()
        }
        firsts = [y[0] if time > 1 else y[0].reshape(-1) for y in self._ys.values()]
        self._first, self._others = firsts[0], firsts[1:]
        self._states = (state.copy(), state.copy())
        self._bindings = (self._bind(0), self._bind(1))
        self._current = 0

    def advance(self, x: NDArray[Any] | int) -> Floats:
        """Advance by x (D,), (T, D) or a token; copy y of the first row, (O,) or (T, O).

        Several outputs are joined side by side.
        """
        self._x[:] = x
        run_bound(self._session, self._bindings[self._current], self._x.nbytes)
        y: Floats = self._first.copy()
        if self._others:
            y = np.concatenate([y, *self._others])
        self._current ^= 1
        return y

    @property
    def state(self) -> Floats:
        """The current state, (1, S): a view of a buffer that the step after the next overwrites."""
        return self._states[self._current][:1]

    @state.setter
    def state(self, state: Floats) -> None:
        """Continue from another state."""
        self._states[self._current][:] = state

    def _bind(self, current: int) -> Any:
        binding = self._session.io_binding()
        inputs = {X: self._x, LENGTHS: self._lengths, STATE: self._states[current]}
        outputs = {**self._ys, STATE_OUT: self._states[1 - current]}
        for bind, arrays in ((binding.bind_input, inputs), (binding.bind_output, outputs)):
            for name, array in arrays.items():
                bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        return binding
