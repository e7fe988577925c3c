"""A live sequence whose rows are judged by the forecasts made before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.ahead.watch import JudgedRows
from seqrt.runtime.live.saved_state import pack_state, unpack_state
from seqrt.runtime.live.stream import Stream
from seqrt.runtime.out_of_memory import needs_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.ahead.watch import Watch
    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.inputs.chunks import Chunks
    from seqrt.runtime.inputs.nonfinite import Nonfinite
    from seqrt.runtime.types import Floats


class WatchedStream(Stream):
    """A Stream of a forecaster, with intervals that adapt, and with alarms if asked for.

    With `alarm`, `push` returns JudgedRows: the outputs, the p-value of each row pushed, and
    whether it is an alarm: (t,) each for a chunk, and a number and a bool for a step.
    """

    @needs_memory
    def __init__(
        self, engine: Engine, digest: str, watch: Watch, saved: bytes | None = None
    ) -> None:
        """Start from zero state, or from what `save` of any stream of this model returned."""
        self._watch = watch
        self._memory: Floats = np.zeros((1, watch.size), np.float32)
        super().__init__(engine, digest, saved)

    def _pushed(self, x: NDArray[Any], nonfinite: Nonfinite) -> Any:
        y = super()._pushed(x, nonfinite)
        rows, outputs = x.reshape(1, -1, *self._one_step), y.reshape(1, -1, y.shape[-1])
        self._memory, outputs, p = self._watch.follow(self._memory, rows, outputs)
        return judged(self._watch, outputs[0], p[0], one_step=y.ndim == 1)

    @needs_memory
    def reset(self) -> None:
        """Return to the state before the first step."""
        super().reset()
        self._memory = np.zeros_like(self._memory)

    @needs_memory
    def fork(self) -> WatchedStream:
        """Return another stream of the same model that continues from the current state."""
        return WatchedStream(self._engine, self._digest, self._watch, self.save())

    @needs_memory
    def save(self) -> bytes:
        """Return the state and what the next row is judged by as bytes, for any stream."""
        both = np.concatenate([self._current(), self._memory], axis=1)
        return pack_state(self._digest, self.steps, both)

    @needs_memory
    def restore(self, saved: bytes) -> None:
        """Continue from what `save` returned; raise InputError for other bytes or another model."""
        size = self._state.size
        state, steps = unpack_state(saved, self._digest, size, self._watch.size)
        self._go_to(state[:size].reshape(self._state.shape), steps)
        self._memory = state[None, size:]


def judged(watch: Watch, y: Floats, p: NDArray[np.float64], *, one_step: bool) -> Any:
    """Return the outputs (t, O) of a chunk or of a step; with alarms as JudgedRows."""
    if watch.alarm is None:
        return y[0] if one_step else y
    alarm = watch.alarms(p)
    return JudgedRows(y[0], float(p[0]), bool(alarm[0])) if one_step else JudgedRows(y, p, alarm)


def judged_chunks(watch: Watch, y: Any, given: Chunks, memory: Floats) -> tuple[list[Any], Floats]:
    """Return what a push of many streams returns for each chunk, and the next memory (N, M).

    Chunks of one length are judged together, others one by one, with the same numbers.
    """
    count = len(memory)
    if given.time is not None:
        x = given.x.reshape(count, given.time, -1)
        memory, outputs, p = watch.follow(memory, x, np.array(y).reshape(*x.shape[:2], -1))
        found = list(zip(outputs, p, strict=True))
    else:
        found = []
        memory = memory.copy()
        for i, x in enumerate(np.split(given.x, np.cumsum(given.lengths)[:-1])):
            rows = slice(i, i + 1)
            memory[rows], outputs, p = watch.follow(memory[rows], x[None], np.asarray(y[i])[None])
            found.append((outputs[0], p[0]))
    steps = zip(found, given.steps, strict=True)
    return [judged(watch, *each, one_step=step) for each, step in steps], memory
