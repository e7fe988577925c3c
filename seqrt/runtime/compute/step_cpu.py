"""One step of one sequence, with every array bound to the session once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import LENGTHS, STATE, STATE_OUT, X, Y
from seqrt.runtime.opening.session import run_bound

if TYPE_CHECKING:
    from seqrt.runtime.types import Floats


class BoundStep:
    """A step at B = 1, T = 1 of a causal model on the CPU, without anything made for a call.

    Two buffers of state take turns: a run reads one and writes the other, so that a run that fails
    leaves the state as it was. `rows` is 2 for a model whose lone row has to run among others.
    """

    def __init__(
        self, session: Any, features: int, y_shape: tuple[int, ...], state: Floats
    ) -> None:
        """Bind buffers for x (D,), y and the state, which starts as `state` (rows, S)."""
        rows = len(state)
        self.process = os.getpid()
        self._session = session
        self._x = np.zeros((rows, 1, features), np.float32)
        self._lengths = np.ones(rows, np.int32)
        self._y = np.zeros((rows, *y_shape), np.float32)
        self._first = self._y[0].reshape(-1)
        self._states = (state.copy(), state.copy())
        self._bindings = (self._bind(0), self._bind(1))
        self._turn = 0

    def advance(self, x: Floats) -> Floats:
        """Take one step with x (D,) and return y of the first row (O,), a copy."""
        self._x[:] = x
        run_bound(self._session, self._bindings[self._turn], self._x.nbytes)
        y: Floats = self._first.copy()
        self._turn ^= 1
        return y

    @property
    def state(self) -> Floats:
        """The state reached, (1, S): the buffer itself, which the next step but one writes."""
        return self._states[self._turn][:1]

    @state.setter
    def state(self, state: Floats) -> None:
        """Go on from another state."""
        self._states[self._turn][:] = state

    def _bind(self, turn: int) -> Any:
        binding = self._session.io_binding()
        inputs = {X: self._x, LENGTHS: self._lengths, STATE: self._states[turn]}
        outputs = {Y: self._y, STATE_OUT: self._states[1 - turn]}
        for bind, arrays in ((binding.bind_input, inputs), (binding.bind_output, outputs)):
            for name, array in arrays.items():
                bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        return binding
