"""The graph of a model, run so that the cases that the kernels get wrong are right too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import LENGTHS, STATE, STATE_OUT, Manifest, X, Y
from seqrt.contract.manifest import GATES
from seqrt.contract.small_weights import TIMES_LARGER
from seqrt.errors import ResourceError
from seqrt.runtime.compute.cost import LIMITS, Limits
from seqrt.runtime.compute.heads import heads_of
from seqrt.runtime.inputs.arrays import inside
from seqrt.runtime.inputs.layout import layout_of
from seqrt.runtime.opening.session import open_session, run_session

if TYPE_CHECKING:
    from threading import Event

    from numpy.typing import NDArray

    from seqrt.runtime.compute.step_cpu import BoundStep
    from seqrt.runtime.compute.step_device import ResidentStep
    from seqrt.runtime.types import Floats, Lengths

# The node of a file in which the steps of a row are multiplied by a query.
_SCORES = b"scores.0.products"
# What a state holds that stays in the range of float32 by itself.
_BOUNDED = ("h", "c", "steps", "known")


class Engine:
    """A session over the bytes of a model, for arrays that have passed the checks of inputs/.

    Shapes: x (B, T, D) or tokens (B, T), lengths (B,), state (B, S) → y and the next state (B, S).
    """

    def __init__(
        self,
        content: bytes,
        manifest: Manifest,
        device: str,
        *,
        tf32: bool = False,
        limits: Limits = LIMITS,
    ) -> None:
        """Open the bytes on `device`; the guard has checked them against the manifest."""
        self.device = device
        self.limits = limits
        self.features = len(manifest.features)
        self.layout = layout_of(manifest)
        self.heads = heads_of(manifest)
        self.not_streamable = manifest.not_streamable
        self.per_step = manifest.head == "sequence"
        self.streamable = manifest.streamable
        self.operations = manifest.operations
        self.state_size = manifest.state_size
        self.takes_missing = manifest.takes_missing
        self._content = content
        # The session holds the weights as float32.
        self._size = len(content) * TIMES_LARGER[manifest.weights]
        self._tf32 = tf32
        self.outputs = len(manifest.outputs)
        layers = (*manifest.layers, *manifest.decoders)
        # convolutions and windows put all that they carry beside each step
        widths = [piece.size for piece in manifest.carries if piece.what == "taps"]
        widths += [max(GATES.values()) * layer.units for layer in layers]
        self._width = max(widths)
        self._in_pairs = any(layer.cell == "rnn" for layer in layers) or _SCORES in content
        # a network with relu, or with a sum, a maximum or steps in its state, which may leave the
        # range of float32 and has to be checked after each step
        relu = any(each.nonlinearity == "relu" or "Relu" in each.activations for each in layers)
        self.grows = relu or any(piece.what not in _BOUNDED for piece in manifest.carries)
        self._names = self.heads.names if self.heads else [Y]
        self._names += [STATE_OUT] if self.streamable else []
        self._step_session: Any = None
        self._open()

    def advance(
        self, x: NDArray[Any], lengths: Lengths | None, state: Floats, stopped: Event | None = None
    ) -> tuple[Floats, Floats]:
        """Return y and the next state; without `lengths` all rows are full.

        A causal network runs over long sequences in pieces of time, which gives the same outputs.
        When `stopped` is set, the remaining pieces are skipped. A bidirectional network runs whole.
        """
        batch, time = x.shape[:2]
        piece = self._piece(batch)
        if time <= piece or not self.streamable:
            return self._run(x, lengths, state)
        if lengths is None:
            lengths = np.full(batch, time, np.int32)
        y, state = self.zero_outputs(batch, time), state.copy()
        for start in range(0, int(lengths.max()), piece):
            if stopped and stopped.is_set():
                break
            part = x[:, start : start + piece]
            left = np.clip(lengths - start, 0, part.shape[1])
            rows = np.flatnonzero(left)
            y_part, state[rows] = self._run(
                np.ascontiguousarray(part[rows]), left[rows], state[rows]
            )
            if self.per_step:
                y[rows, start : start + piece] = y_part
            else:
                y[rows] = y_part
        if self.heads:
            self.heads.only_last(y, lengths)
        return y, state

    def _piece(self, batch: int) -> int:
        """Return how many steps of `batch` rows run at a time."""
        limits = self.limits
        row_steps = min(limits.run // self.operations, limits.run_numbers // self._width)
        return min(limits.run_steps, max(1, row_steps // max(1, batch)))

    def bound_step(self, state: Floats, time: int = 1) -> BoundStep | ResidentStep | None:
        """Return a step of one sequence from `state` (1, S), which stays where the kernels read it.

        With `time`, it advances by as many steps at once. Returns None for a network with several
        outputs on a device other than the CPU, and where `binds` says that chunks are not bound.
        """
        if (self.heads and self.device != "cpu") or (time > 1 and not self.binds(time)):
            return None
        tokens = self.layout.tokens > 0
        y_shape = (time, self.outputs) if self.per_step else (self.outputs,)
        rows = state.repeat(2 if self._in_pairs else 1, axis=0)
        if self.device == "cpu":
            from seqrt.runtime.compute.step_cpu import BoundStep

            session = self._get_step_session() if time == 1 else self._get_session()
            heads = self.heads.shapes_of_a_step() if self.heads else None
            return BoundStep(
                session, self.features, y_shape, rows, time=time, tokens=tokens, heads=heads
            )
        from seqrt.runtime.compute.step_device import ResidentStep

        session = self._get_session()
        return ResidentStep(session, self.device, self.features, y_shape, rows, tokens=tokens)

    def binds(self, time: int) -> bool:
        """Return whether arrays for chunks of `time` steps may be bound: short ones on the CPU."""
        if self.heads or self.device != "cpu" or time > self._piece(1):
            return False
        return time * (self.features + self.outputs) <= self.limits.bound_numbers

    def zero_outputs(self, batch: int, time: int) -> Floats:
        """Return outputs of zeros; raise ResourceError where they do not fit into memory."""
        shape = (batch, time, self.outputs) if self.per_step else (batch, self.outputs)
        try:
            return np.zeros(shape, np.float32)
        except MemoryError:
            raise ResourceError(
                f"E_MEMORY: outputs of shape {shape} do not fit into memory."
                " Pass fewer or shorter sequences at a time, as with predict_iter."
            ) from None

    def zero_state(self, batch: int) -> Floats:
        """Return the state before the first step, (B, S)."""
        return np.zeros((batch, self.state_size), np.float32)

    def _run(
        self, x: NDArray[Any], lengths: Lengths | None, state: Floats
    ) -> tuple[Floats, Floats]:
        """Run the graph once.

        onnxruntime aborts the process on an empty batch and loses the state of an empty row, so
        both get their outputs here. Its RNN, and the products of attention, sum a single row in
        another order than a row of a batch, so a single row runs as a batch of two: its output is
        then bit for bit the same as in any batch.
        """
        batch, time = x.shape[:2]
        if batch == 0 or time == 0:
            return self.zero_outputs(batch, time), state.copy()
        if batch == 1 and self._in_pairs:
            twice = None if lengths is None else lengths.repeat(2)
            both, ends = self._run(x.repeat(2, 0), twice, state.repeat(2, 0))
            return both[:1], ends[:1]
        if lengths is None:
            return self._run_graph(x, np.full(batch, time, np.int32), state)
        shortest = lengths.min()
        if shortest == 0 and self.layout.least > 1:
            return self._run_filled(x, lengths, state)
        y, state_out = self._run_graph(x, lengths if shortest else np.maximum(lengths, 1), state)
        if shortest == 0:
            empty = lengths == 0
            y[empty], state_out[empty] = 0, state[empty]
        if self.per_step and shortest < time:
            y[~inside(lengths, time)] = 0
        return y, state_out

    def _run_filled(
        self, x: NDArray[Any], lengths: Lengths, state: Floats
    ) -> tuple[Floats, Floats]:
        """Run the rows that have steps, for a graph that cannot run a row of a single step."""
        rows = np.flatnonzero(lengths)
        y, state_out = self.zero_outputs(len(x), x.shape[1]), state.copy()
        if not len(rows):
            return y, state_out
        y[rows], state_out[rows] = self._run(
            np.ascontiguousarray(x[rows]), lengths[rows], state[rows]
        )
        return y, state_out

    def _run_graph(self, x: NDArray[Any], lengths: Lengths, state: Floats) -> tuple[Floats, Floats]:
        """Run the graph over rows of at least one step."""
        feeds: dict[str, Any] = {X: x, LENGTHS: lengths}
        if self.streamable:
            feeds[STATE] = state
        arrays = run_session(self._get_session(), self._names, feeds)
        end = arrays.pop() if self.streamable else state.copy()
        return self.heads.join(arrays, lengths, x.shape[1]) if self.heads else arrays[0], end

    def _get_session(self) -> Any:
        """Return the session; a forked child opens its own."""
        if self._pid != os.getpid():
            self._open()
        return self._session

    def _get_step_session(self) -> Any:
        """Return a session for single steps, faster by a tenth: its memory is laid out once.

        It has its own copy of the weights, so a large network, which would gain little, uses the
        main session.
        """
        session = self._get_session()
        if self._size > self.limits.copied_bytes:
            return session
        if self._step_session is None:
            self._step_session = open_session(
                self._content, self.device, one_shape=True, size=self._size
            )
        return self._step_session

    def _open(self) -> None:
        self._session = open_session(self._content, self.device, tf32=self._tf32, size=self._size)
        self._step_session = None
        self._pid = os.getpid()
