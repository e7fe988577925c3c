"""One step of one sequence, with the state kept on the device from step to step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import LENGTHS, STATE, STATE_OUT, X, Y
from seqrt.runtime.opening.cuda import check_process
from seqrt.runtime.opening.installed import onnxruntime
from seqrt.runtime.opening.session import explained

if TYPE_CHECKING:
    from seqrt.runtime.types import Floats


class ResidentStep:
    """A step at B = 1, T = 1 of a causal model whose state stays where the kernels read it.

    The counterpart of BoundStep for other devices than the CPU: x goes over and y comes back, the
    state does neither. Two buffers of state take turns: a run reads one and writes the other, so
    that a run that fails leaves the state as it was. `rows` is 2 for a model whose lone row has to
    run among others.
    """

    def __init__(
        self, session: Any, device: str, features: int, y_shape: tuple[int, ...], state: Floats
    ) -> None:
        """Put the state, which starts as `state` (rows, S), on `device`; y has one row's shape."""
        rows = len(state)
        self.process = os.getpid()
        self._session = session
        self._x = np.zeros((rows, 1, features), np.float32)
        self._y = np.zeros((rows, *y_shape), np.float32)
        self._first = self._y[0].reshape(-1)
        self._turn = 0
        with explained(2 * state.nbytes):
            value = onnxruntime().OrtValue.ortvalue_from_numpy
            # On the CPU the value is the array itself: each buffer is a copy of its own.
            self._states = tuple(value(state.copy(), device, 0) for _ in range(2))
            self._binding = session.io_binding()
            self._binding.bind_cpu_input(LENGTHS, np.ones(rows, np.int32))
            self._binding.bind_ortvalue_output(Y, value(self._y))

    def advance(self, x: Floats) -> Floats:
        """Take one step with x (D,) and return y of the first row (O,), a copy.

        What a kernel reads elsewhere than where it was bound is copied there when it is bound, not
        when it is run: so the inputs are bound anew for every step.
        """
        self._x[:] = x
        binding, now, following = self._binding, self._turn, self._turn ^ 1
        with explained(self._x.nbytes):
            binding.bind_cpu_input(X, self._x)
            binding.bind_ortvalue_input(STATE, self._states[now])
            binding.bind_ortvalue_output(STATE_OUT, self._states[following])
            binding.synchronize_inputs()
            self._session.run_with_iobinding(binding)
            binding.synchronize_outputs()
        y: Floats = self._first.copy()
        self._turn = following
        return y

    @property
    def state(self) -> Floats:
        """The state reached, (1, S), brought back from the device.

        Raises DeviceError in a forked child, which cannot reach the device of its parent.
        """
        check_process()
        with explained(0):
            return np.array(self._states[self._turn].numpy()[:1])

    @state.setter
    def state(self, state: Floats) -> None:
        """Go on from another state."""
        with explained(state.nbytes):
            rows = state.repeat(len(self._x), axis=0).astype(np.float32, copy=False)
            self._states[self._turn].update_inplace(rows)
