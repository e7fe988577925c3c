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
        self._bound: BoundStep | ResidentStep | None = None
        self.steps = 0
        if saved is not None:
            self.restore(saved)

    def push(self, chunk: Any, *, nonfinite: Nonfinite = "error") -> Floats | Any:
        """Advance by a chunk (t, D), any t >= 0, or by one step (D,); return the outputs.

        The `last` head gives (O,), the output after the last step. The `sequence` head gives (t, O)
        for a chunk and (O,) for a step. An empty chunk leaves the state as it is, and the `last`
        head gives zeros for it. A network that reads tokens takes ids (t,), or one id. One with
        several outputs gives a dict of them by name.

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
        """Advance by x, whose dtype is right; a single step runs over bound arrays."""
        fits = x.shape == self._one_step and all_fit(x, missing=self._missing)
        if fits and self._ensure_bound():
            return self._step(x)
        return self._run(x, nonfinite)

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
        outputs: Floats = y[0, 0] if one_step and self._per_step else y[0]
        self._go_to(state, self.steps + len(x))
        return self._heads.of_chunk(outputs) if self._heads else outputs

    def _step(self, x: NDArray[Any]) -> Any:
        assert self._bound
        steps = self.steps + 1
        y = self._bound.advance(x)
        self.steps = steps
        if self._special:
            if self._grows and not all_finite(self._bound.state):
                self._state = self._bound.state.copy()
                self._bound = None
            return self._heads.of_chunk(y) if self._heads else y
        return y

    def _ensure_bound(self) -> bool:
        """Bind the state for single steps if that is possible; return whether it is bound."""
        if self._bound is not None and self._bound.process != os.getpid():
            # a forked child: the bound step belongs to the parent
            self._state = self._bound.state.copy()
            self._bound = None
        if self._bound is None and np.isfinite(self._state).all():
            self._bound = self._engine.bound_step(self._state)
        return self._bound is not None

    def _current(self) -> Floats:
        return self._state if self._bound is None else self._bound.state

    def _go_to(self, state: Floats, steps: int) -> None:
        # A bound step does not check its state, so one with NaN or Inf has to go through `_run`.
        if self._bound is not None and np.isfinite(state).all():
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
