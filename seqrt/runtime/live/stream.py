"""One live sequence: pushed in chunks, with an output for each, saved and resumed elsewhere."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import ModelError, UsageError
from seqrt.runtime.compute.predict import advance
from seqrt.runtime.inputs.arrays import check_shape
from seqrt.runtime.inputs.nonfinite import Nonfinite, all_finite, all_fit
from seqrt.runtime.live.saved_state import pack_state, unpack_state
from seqrt.runtime.out_of_memory import FAILURES, needs_memory, raise_if_out_of_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.heads import Heads
    from seqrt.runtime.compute.step_cpu import BoundStep
    from seqrt.runtime.compute.step_device import ResidentStep
    from seqrt.runtime.types import Floats


class Stream:
    """One live sequence and its current state; `Model.stream` makes one.

    However a sequence is cut into pushes, the outputs are those of the whole sequence, on a CPU bit
    for bit. Only one caller at a time may use a stream. `steps` is the number of steps so far.
    """

    @needs_memory
    def __init__(
        self,
        engine: Engine,
        digest: str,
        saved: bytes | None = None,
        heads: Heads | None = None,
    ) -> None:
        """Start from zero state, or from what `save` returned; `digest` names the model.

        With `heads` the outputs of each push are a dict by name.
        """
        check_causal(engine)
        self._engine = engine
        self._digest = digest
        self._one_step = engine.layout.step
        self._read = engine.layout.read_all
        self._heads = heads
        self._grows = engine.grows
        # one test in place of two, at every step
        self._special = engine.grows or heads is not None
        self._missing = engine.takes_missing
        self._per_step = engine.per_step
        self._busy = threading.Lock()
        self._state = engine.zero_state(1)
        # The step or chunk that holds the state, and another that did before.
        self._bound: BoundStep | ResidentStep | None = None
        self._other: BoundStep | ResidentStep | None = None
        self._last_time = -1
        self.steps = 0
        if saved is not None:
            self.restore(saved)

    def push(self, chunk: Any, *, nonfinite: Nonfinite = "error") -> Floats | Any:
        """Advance by a chunk (t, D), any t >= 0, or by one step (D,); return the outputs.

        The `last` head gives (O,), the output after the last step. The `sequence` head gives (t, O)
        for a chunk and (O,) for a step. An empty chunk leaves the state as it is, and the `last`
        head gives zeros for it. A network that reads tokens takes ids (t,), or one id, and one that
        reads text a piece of text, cut anywhere. One with several outputs gives a dict of them by
        name.

        Raises InputError for a chunk that does not fit, and UsageError (E_STREAM_BUSY) while
        another thread uses the stream; the stream is then unchanged.
        """
        if not self._busy.acquire(blocking=False):
            raise _busy_error()
        try:
            return self._pushed(self._read(chunk, "x"), nonfinite)
        except FAILURES as error:  # as needs_memory does, whose call would cost time at every step
            raise_if_out_of_memory(error)
            raise
        finally:
            self._busy.release()

    def _pushed(self, x: NDArray[Any], nonfinite: Nonfinite) -> Any:
        """Advance by x, whose dtype is right.

        A single step runs over bound arrays, and so does a chunk that is as long as the one before.
        """
        shape = x.shape
        if shape == self._one_step:
            time = 1
        elif shape[1:] == self._one_step and shape[0]:
            time = shape[0]
        else:
            return self._run(x, nonfinite)
        if not all_fit(x, missing=self._missing):
            return self._run(x, nonfinite)
        if (time == 1 or time == self._last_time) and self._ensure_bound(time):
            return self._step(x, time)
        # the first chunk may be the only one, for which nothing has to be bound
        if time == 1 or not self.steps or not self._ensure_bound(self._time()):
            return self._run(x, nonfinite)
        assert self._bound
        # x and the state are finite, so the next state is, unless the network can grow
        y, state = self._engine.advance(x[None], None, self._bound.state)
        return self._advanced(y[0], state, time, finite=not self._grows)

    @needs_memory
    def reset(self) -> None:
        """Return to the state before the first step."""
        self._go_to(self._engine.zero_state(1), 0)

    @needs_memory
    def fork(self) -> Stream:
        """Return another stream of the same model that continues from the current state."""
        return Stream(self._engine, self._digest, self.save(), self._heads)

    @needs_memory
    def save(self) -> bytes:
        """Return the state as bytes for `restore` and `Model.stream` of the same model."""
        return pack_state(self._digest, self.steps, self._current())

    @needs_memory
    def restore(self, saved: bytes) -> None:
        """Continue from what `save` returned; raise InputError for other bytes or another model."""
        state, steps = unpack_state(saved, self._digest, self._state.size)
        self._go_to(state.reshape(self._state.shape), steps)

    def _run(self, x: NDArray[Any], nonfinite: Nonfinite) -> Any:
        """Advance by a chunk or a step of any kind, with all checks."""
        one_step = x.ndim == len(self._one_step)
        if one_step:
            check_shape("x", x, self._one_step, "One step, or a chunk (time, features).")
        else:
            x = self._engine.layout.sequence(x)
            check_shape("x", x, ("time", *self._one_step))
        x = x.reshape(-1, *self._one_step)
        y, state = advance(self._engine, x[None], None, self._current(), nonfinite)
        outputs = y[0, 0] if one_step and self._per_step else y[0]
        return self._advanced(outputs, state, len(x))

    def _advanced(self, outputs: Floats, state: Floats, time: int, *, finite: bool = False) -> Any:
        """Go to the state that `time` steps led to, `finite` if that is known; return outputs."""
        self._last_time = time if time > 1 and self._engine.binds(time) else -1
        self._go_to(state, self.steps + time, finite=finite)
        return self._heads.of_chunk(outputs) if self._heads else outputs

    def _step(self, x: NDArray[Any], time: int) -> Any:
        assert self._bound
        steps = self.steps + time
        y = self._bound.advance(x)
        self.steps = steps
        if self._special:
            if self._grows and not all_finite(self._bound.state):
                self._state = self._bound.state.copy()
                self._bound = None
            if self._heads:
                return self._heads.of_chunk(self._chunk(x, y))
        return y if x.shape == self._one_step else self._chunk(x, y)

    def _chunk(self, x: NDArray[Any], y: Floats) -> Floats:
        """Return the outputs of a chunk of one step (1, O), if they are those of each step."""
        single = self._per_step and y.ndim == 1 and x.shape != self._one_step
        return y[None] if single else y

    def _ensure_bound(self, time: int) -> bool:
        """Bind the state for chunks of `time` steps if possible; return whether it is bound."""
        bound = self._bound
        if bound is not None and bound.process != os.getpid():
            # a forked child: the bound step belongs to the parent
            self._state = bound.state.copy()
            self._bound = self._other = bound = None
        if bound is None:
            if np.isfinite(self._state).all():
                self._bound = self._engine.bound_step(self._state, time)
        elif bound.time != time:
            other = self._other
            if other is None or other.time != time or other.process != bound.process:
                other = self._engine.bound_step(bound.state, time)
            else:
                other.state = bound.state
            if other is None:
                return False
            self._bound, self._other = other, bound
        return self._bound is not None

    def _time(self) -> int:
        return 1 if self._bound is None else self._bound.time

    def _current(self) -> Floats:
        return self._state if self._bound is None else self._bound.state

    def _go_to(self, state: Floats, steps: int, *, finite: bool = False) -> None:
        # A bound step does not check its state, so one with NaN or Inf has to go through `_run`.
        if self._bound is not None and (finite or np.isfinite(state).all()):
            self._bound.state = state
        else:
            self._bound, self._state = None, state
        self.steps = steps


def check_causal(engine: Engine) -> None:
    """Raise ModelError for a network that has no state to carry; the error says why."""
    if engine.not_streamable:
        raise ModelError(
            f"E_STREAM: this network cannot stream: {engine.not_streamable.rstrip('.')}."
            " Use predict on whole sequences."
        )
    if not engine.streamable:
        raise ModelError(
            "E_STREAM: a bidirectional network cannot stream: it reads a sequence from both ends."
            " Use predict on whole sequences."
        )


def _busy_error() -> UsageError:
    return UsageError(
        "E_STREAM_BUSY: another thread is using this stream, which serves one caller at a time."
        " Give each thread its own stream; threads may share a Model."
    )
