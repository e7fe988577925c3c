"""One step of one sequence on a device other than the CPU, where the state stays between steps."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import LENGTHS, STATE, STATE_OUT, X, Y
from seqrt.runtime.opening.cuda import check_process
from seqrt.runtime.opening.installed import onnxruntime
from seqrt.runtime.opening.session import explained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats


class ResidentStep:
    """A step at B = 1, T = 1 of a causal model whose state stays on the device.

    The counterpart of BoundStep for devices other than the CPU: x is copied to the device and y
    back, the state neither. Two state buffers alternate: a run reads one and writes the other, so
    that a run that fails leaves the state as it was. The state has 2 rows for a model that must not
    run a single row.
    """

    def __init__(
        self,
        session: Any,
        device: str,
        features: int,
        y_shape: tuple[int, ...],
        state: Floats,
        *,
        tokens: bool = False,
    ) -> None:
        """Copy the initial `state` (rows, S) to `device`; a row of y has shape `y_shape`.

        With `tokens` x is a single int64 id.
        """
        rows = len(state)
        self.process = os.getpid()
        self.time = 1
        self._session = session
        self._x: NDArray[Any] = (
            np.zeros((rows, 1), np.int64) if tokens else np.zeros((rows, 1, features), np.float32)
        )
        self._y = np.zeros((rows, *y_shape), np.float32)
        self._first = self._y[0].reshape(-1)
        self._current = 0
        with explained(2 * state.nbytes):
            value = onnxruntime().OrtValue.ortvalue_from_numpy
            # On the CPU a value shares memory with its array, so each buffer gets a copy.
            self._states = tuple(value(state.copy(), device, 0) for _ in range(2))
            self._binding = session.io_binding()
            self._binding.bind_cpu_input(LENGTHS, np.ones(rows, np.int32))
            self._binding.bind_ortvalue_output(Y, value(self._y))

    def advance(self, x: NDArray[Any] | int) -> Floats:
        """Advance by one step x (D,), or a token; return a copy of y of the first row (O,).

        onnxruntime copies an input to the device when it is bound, not when the session runs, so
        the inputs are bound again for every step.
        """
        self._x[:] = x
        binding, current, following = self._binding, self._current, self._current ^ 1
        with explained(self._x.nbytes):
            binding.bind_cpu_input(X, self._x)
            binding.bind_ortvalue_input(STATE, self._states[current])
            binding.bind_ortvalue_output(STATE_OUT, self._states[following])
            binding.synchronize_inputs()
            self._session.run_with_iobinding(binding)
            binding.synchronize_outputs()
        y: Floats = self._first.copy()
        self._current = following
        return y

    @property
    def state(self) -> Floats:
        """The current state, (1, S), copied from the device.

        Raises DeviceError in a forked child, which cannot reach the device of its parent.
        """
        check_process()
        with explained(0):
            return np.array(self._states[self._current].numpy()[:1])

    @state.setter
    def state(self, state: Floats) -> None:
        """Continue from another state."""
        with explained(state.nbytes):
            rows = state.repeat(len(self._x), axis=0).astype(np.float32, copy=False)
            self._states[self._current].update_inplace(rows)
