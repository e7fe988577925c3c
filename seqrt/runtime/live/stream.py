"""One live sequence: pushed in pieces, answered at once, saved and gone on with elsewhere."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import ModelError, ResourceError, UsageError
from seqrt.runtime.inputs.arrays import as_floats, check_shape
from seqrt.runtime.inputs.nonfinite import Nonfinite, all_fit
from seqrt.runtime.live import saved_state as form
from seqrt.runtime.out_of_memory import needs_memory, out_of_memory

if TYPE_CHECKING:
    from seqrt.runtime.compute.step_cpu import BoundStep
    from seqrt.runtime.compute.step_device import ResidentStep
    from seqrt.runtime.model import Model
    from seqrt.runtime.types import Floats


class Stream:
    """One live sequence, with the state that it has reached.

    However a sequence is cut into pushes, the answers are those of the whole sequence, on a CPU bit
    for bit. A stream belongs to one caller at a time; `steps` counts the steps it has taken.
    """

    @needs_memory
    def __init__(self, model: Model, saved: bytes | None = None) -> None:
        """Start from zero state, or from what `save` of the same model gave."""
        if not model.manifest.streamable:
            raise ModelError(
                "E_STREAM: a stream needs a causal network, and this one is bidirectional: it"
                " reads a sequence from both ends. Use predict on whole sequences."
            )
        self._model = model
        self._features = len(model.manifest.features)
        self._one_step = (self._features,)
        self._missing = model.manifest.takes_missing
        self._per_step = model.manifest.head == "sequence"
        self._busy = threading.Lock()
        self._state = model.zero_state(1)
        self._bound: BoundStep | ResidentStep | None = None
        self.steps = 0
        if saved is not None:
            self.restore(saved)

    def push(self, chunk: Any, *, nonfinite: Nonfinite = "error") -> Floats:
        """Go on by a chunk (t, D), any t >= 0, or by one step (D,); return the answer.

        The `last` head answers (O,), after the last step of the chunk. The `sequence` head answers
        (t, O) to a chunk and (O,) to a step. No steps leave the state as it is; the `last` head
        then answers zeros.

        Raises InputError for a chunk that does not fit, and UsageError (E_STREAM_BUSY) when
        another thread is in the stream; it is then where it was.
        """
        if not self._busy.acquire(blocking=False):
            raise _busy()
        try:
            x = as_floats(chunk, "x")
            fits = x.shape == self._one_step and all_fit(x, missing=self._missing)
            if fits and self._binds():
                return self._step(x)
            return self._run(x, nonfinite)
        except ResourceError:
            raise
        except MemoryError as error:  # as needs_memory does, whose call costs time at every step
            raise out_of_memory(error) from None
        finally:
            self._busy.release()

    @needs_memory
    def reset(self) -> None:
        """Go back to before the first step."""
        self._go_to(self._model.zero_state(1), 0)

    @needs_memory
    def fork(self) -> Stream:
        """Return another stream of the same model that goes on from where this one is."""
        return Stream(self._model, self.save())

    @needs_memory
    def save(self) -> bytes:
        """Return the state as bytes that `restore` and `Model.stream` of the same model take."""
        return form.pack(self._model.digest, self.steps, self._reached())

    @needs_memory
    def restore(self, saved: bytes) -> None:
        """Go on from what `save` gave; raise InputError for anything else and any other model's."""
        state, steps = form.unpack(saved, self._model.digest, self._state.size)
        self._go_to(state.reshape(self._state.shape), steps)

    def _run(self, x: Floats, nonfinite: Nonfinite) -> Floats:
        """Go on by a chunk or a step of any kind, by way of the model."""
        one_step = x.ndim == 1
        if one_step:
            check_shape("x", x, (self._features,), "One step, or a chunk (time, features).")
        else:
            check_shape("x", x, ("time", self._features))
        x = x.reshape(-1, self._features)
        y, state = self._model.run(x[None], None, self._reached(), nonfinite=nonfinite)
        answer: Floats = y[0, 0] if one_step and self._per_step else y[0]
        self._go_to(state, self.steps + len(x))
        return answer

    def _step(self, x: Floats) -> Floats:
        assert self._bound
        steps = self.steps + 1
        y = self._bound.advance(x)
        self.steps = steps
        return y

    def _binds(self) -> bool:
        """Whether the state lives in a bound step; it moves there at the first single step."""
        if self._bound is not None and self._bound.process != os.getpid():
            # a forked child: what is bound is the parent's
            self._state = self._bound.state.copy()
            self._bound = None
        if self._bound is None and np.isfinite(self._state).all():
            self._bound = self._model.bound_step(self._state)
        return self._bound is not None

    def _reached(self) -> Floats:
        return self._state if self._bound is None else self._bound.state

    def _go_to(self, state: Floats, steps: int) -> None:
        # Where NaN was let in, or the state grew out of bounds, the model's own door has to see it.
        if self._bound is not None and np.isfinite(state).all():
            self._bound.state = state
        else:
            self._bound, self._state = None, state
        self.steps = steps


def _busy() -> UsageError:
    return UsageError(
        "E_STREAM_BUSY: a stream belongs to one caller at a time, and another thread is in it."
        " Give each thread a stream of its own; a Model they may share."
    )
