"""The graph of a model, run rightly: what the kernels below answer wrongly is answered here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import LENGTHS, STATE, STATE_OUT, Manifest, X, Y
from seqrt.contract.manifest import GATES
from seqrt.errors import ResourceError
from seqrt.runtime.inputs.arrays import inside
from seqrt.runtime.opening.session import open_session, run_session

if TYPE_CHECKING:
    from threading import Event

    from seqrt.runtime.compute.step_cpu import BoundStep
    from seqrt.runtime.compute.step_device import ResidentStep
    from seqrt.runtime.types import Floats, Lengths

# A run is over within some 10 to 100 ms, because nothing can interrupt one: in operations, at 10 to
# 100 GFLOP/s of one core, and in steps, each of which takes most of a microsecond in the smallest
# network. What it holds for its widest layer fits into the caches, 2.5 MB as float32, because it is
# written and read again, and because the process keeps such memory.
_PIECE = 1_000_000_000
_STEPS = 20_000
_NUMBERS = 640_000

# In bytes: a model whose weights may well be held twice.
_SMALL = 1 << 20


class Engine:
    """A session over the bytes of a model, for arrays that the door has passed.

    Shapes: x (B, T, D), lengths (B,), state (B, S) → y and the next state (B, S).
    """

    def __init__(
        self, content: bytes, manifest: Manifest, device: str, *, tf32: bool = False
    ) -> None:
        """Open the bytes on `device`; the guard has held them against the manifest."""
        self.device = device
        self._tf32 = tf32
        self.per_step = manifest.head == "sequence"
        self.streamable = manifest.streamable
        self.operations = manifest.operations
        self.state_size = manifest.state_size
        self.takes_missing = manifest.takes_missing
        self._content = content
        self._manifest = manifest
        self._features = len(manifest.features)
        self._outputs = len(manifest.outputs)
        self._width = max(GATES.values()) * max(layer.units for layer in manifest.layers)
        self._has_rnn = any(layer.cell == "rnn" for layer in manifest.layers)
        self._names = [Y, STATE_OUT] if self.streamable else [Y]
        self._step_session: Any = None
        self._open()

    def advance(
        self, x: Floats, lengths: Lengths | None, state: Floats, stopped: Event | None = None
    ) -> tuple[Floats, Floats]:
        """Return y and the next state; work that takes long is cut in time, which no answer shows.

        No lengths stand for rows that are full. When `stopped` is set, the rest of the pieces is
        left out. A network that reads both ways cannot be cut.
        """
        batch, time = x.shape[:2]
        piece = self._piece(batch)
        if time <= piece or not self.streamable:
            return self._run(x, lengths, state)
        if lengths is None:
            lengths = np.full(batch, time, np.int32)
        y, state = self.blank(batch, time), state.copy()
        for start in range(0, int(lengths.max()), piece):
            if stopped and stopped.is_set():
                break
            part = x[:, start : start + piece]
            left = np.clip(lengths - start, 0, part.shape[1])
            rows = np.flatnonzero(left)
            answer, state[rows] = self._run(
                np.ascontiguousarray(part[rows]), left[rows], state[rows]
            )
            if self.per_step:
                y[rows, start : start + piece] = answer
            else:
                y[rows] = answer
        return y, state

    def _piece(self, batch: int) -> int:
        """Return how many steps of so many rows are run at a time."""
        most = min(_PIECE // self.operations, _NUMBERS // self._width)
        return min(_STEPS, max(1, most // max(1, batch)))

    def bound_step(self, state: Floats) -> BoundStep | ResidentStep | None:
        """Return a step of one sequence from `state` (1, S), kept where the kernels read it.

        None stands for a model that cannot have one: with relu the state may grow out of float32
        and has to be looked at after each step.
        """
        relu = any(layer.nonlinearity == "relu" for layer in self._manifest.layers)
        if relu:
            return None
        y_shape = (1, self._outputs) if self.per_step else (self._outputs,)
        rows = state.repeat(2 if self._has_rnn else 1, axis=0)
        if self.device == "cpu":
            from seqrt.runtime.compute.step_cpu import BoundStep

            return BoundStep(self._for_steps(), self._features, y_shape, rows)
        from seqrt.runtime.compute.step_device import ResidentStep

        return ResidentStep(self._here(), self.device, self._features, y_shape, rows)

    def blank(self, batch: int, time: int) -> Floats:
        """Return answers of zeros; raise ResourceError where they do not fit into memory."""
        shape = (batch, time, self._outputs) if self.per_step else (batch, self._outputs)
        try:
            return np.zeros(shape, np.float32)
        except MemoryError:
            raise ResourceError(
                f"E_MEMORY: answers of shape {shape} must fit into memory, and did not."
                " Ask for fewer or shorter sequences at a time, as with predict_iter."
            ) from None

    def zero_state(self, batch: int) -> Floats:
        """Return the state before the first step, (B, S)."""
        return np.zeros((batch, self.state_size), np.float32)

    def _run(self, x: Floats, lengths: Lengths | None, state: Floats) -> tuple[Floats, Floats]:
        """Run the graph once.

        onnxruntime aborts the process on an empty batch and forgets the state of an empty row, so
        both are answered here. Its RNN sums a lone row in another order than a row among others:
        there a lone row is run twice, and its answer is bit for bit that of any batch.
        """
        batch, time = x.shape[:2]
        if batch == 0 or time == 0:
            return self.blank(batch, time), state.copy()
        if batch == 1 and self._has_rnn:
            twice = None if lengths is None else lengths.repeat(2)
            both, ends = self._run(x.repeat(2, 0), twice, state.repeat(2, 0))
            return both[:1], ends[:1]
        if lengths is None:
            return self._full(x, np.full(batch, time, np.int32), state)
        shortest = lengths.min()
        y, state_out = self._full(x, lengths if shortest else np.maximum(lengths, 1), state)
        if shortest == 0:
            empty = lengths == 0
            y[empty], state_out[empty] = 0, state[empty]
        if self.per_step and shortest < time:
            y[~inside(lengths, time)] = 0
        return y, state_out

    def _full(self, x: Floats, lengths: Lengths, state: Floats) -> tuple[Floats, Floats]:
        """Run the graph over rows of one step or more."""
        feeds: dict[str, Any] = {X: x, LENGTHS: lengths}
        if self.streamable:
            feeds[STATE] = state
        answers = run_session(self._here(), self._names, feeds)
        return answers[0], answers[1] if self.streamable else state.copy()

    def _here(self) -> Any:
        """Return the session; a forked child opens one of its own."""
        if self._pid != os.getpid():
            self._open()
        return self._session

    def _for_steps(self) -> Any:
        """Return a session for single steps, whose memory is laid out once: a tenth faster.

        It holds the weights again, so a large network, to which a tenth is nothing, has none.
        """
        session = self._here()
        if len(self._content) > _SMALL:
            return session
        if self._step_session is None:
            self._step_session = open_session(self._content, self.device, one_shape=True)
        return self._step_session

    def _open(self) -> None:
        self._session = open_session(self._content, self.device, tf32=self._tf32)
        self._step_session = None
        self._pid = os.getpid()
