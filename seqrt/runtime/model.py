"""A trained network, opened from its file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import Manifest
from seqrt.errors import InputError, UsageError
from seqrt.runtime import nonfinite as door
from seqrt.runtime.arrays import as_floats, check_shape
from seqrt.runtime.batch import Padded, Ragged, refuse_first
from seqrt.runtime.blocks import WORTH_A_THREAD, run_blocks
from seqrt.runtime.engine import Engine
from seqrt.runtime.file import ModelFile, read_model
from seqrt.runtime.nonfinite import Nonfinite
from seqrt.runtime.session import allowed_cpus, choose_device
from seqrt.runtime.workers import Workers

if TYPE_CHECKING:
    from threading import Event

    from seqrt.runtime.bound import BoundStep
    from seqrt.runtime.kinds import Floats, Mask, Rows
    from seqrt.runtime.stream import Stream
    from seqrt.runtime.streams import Streams
    from seqrt.runtime.validate import Report


class Model:
    """A trained network in one ONNX file.

    Shapes: B batch, T time, D features, O outputs, S state.

    A Model holds no state between calls and never changes after it is opened, so one may serve
    many threads. What is carried from call to call goes in and out of `run`, or lives in a
    stream.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        """Open the file, or the bytes, of a model.

        `device` is "cpu", "cuda" or "auto"; `threads` is how many rows' blocks run at a time, by
        default one per processor that this process may use.

        Raises ModelError for a file that is damaged, not seqrt's, or too new, DeviceError for a
        device that is not there, UsageError for a wrong option.
        """
        if threads is not None and (type(threads) is not int or threads < 1):
            raise UsageError(f"threads must be a whole number from 1, got {threads!r}.")
        file = ModelFile.parse(source) if isinstance(source, bytes) else read_model(source)
        self.device = choose_device(device)
        self.manifest: Manifest = file.manifest
        self.digest: str = file.digest
        self.threads = threads or allowed_cpus()
        self._file = file
        self._engine = Engine(file.content, file.manifest, self.device)
        self._workers = Workers(self.threads)
        self._features = len(file.manifest.features)
        self._per_step = file.manifest.head == "sequence"

    def predict(
        self, x: Any, lengths: Any = None, *, nonfinite: Nonfinite = "error"
    ) -> Floats | list[Floats]:
        """Map sequences to answers, each from zero state.

        x is (B, T, D), with `lengths` (B,) where rows end early, or a list of (T_i, D).

        The `last` head answers (B, O) to both. The `sequence` head answers (B, T, O) with zeros
        past `lengths`, and to a list a list of (T_i, O). A row of no steps answers zeros.

        `nonfinite` says what NaN and Inf in x do: "error", "propagate" (the answers that depend on
        them are NaN), or "allow" (they go below, which may give finite, wrong answers).

        Raises InputError for x or lengths that do not fit, ResourceError for want of memory.
        """
        door.check_choice(nonfinite)
        if isinstance(x, list | tuple):
            if lengths is not None:
                raise InputError(
                    "E_INPUT_LENGTHS: a list of sequences has its own lengths: leave lengths out."
                )
            return self._predict_ragged(Ragged(x, self._features), nonfinite)
        batch = Padded(x, lengths, self._features)
        count = len(batch.lengths)
        if count * batch.time * self._engine.operations <= WORTH_A_THREAD:
            return self._run(batch, self.zero_state(count), nonfinite)[0]
        y = self._engine.blank(count, batch.time)

        def keep(rows: Rows, answer: Floats) -> None:
            if self._per_step:
                y[rows, : answer.shape[1]] = answer
            else:
                y[rows] = answer

        self._in_blocks(batch, nonfinite, keep)
        return y

    def run(
        self,
        x: Any,
        lengths: Any = None,
        state: Any = None,
        *,
        nonfinite: Nonfinite = "error",
    ) -> tuple[Floats, Floats]:
        """Advance `state` (B, S) over x (B, T, D): return y and the next state.

        No state is the zero state. A row of no steps answers zeros and keeps its state. A network
        that cannot stream has S = 0. Raises InputError for what does not fit.
        """
        door.check_choice(nonfinite)
        batch = Padded(x, lengths, self._features)
        rows = len(batch.lengths)
        state = self.zero_state(rows) if state is None else self._check_state(state, rows)
        if door.all_finite(state):
            return self._run(batch, state, nonfinite)
        finite = np.isfinite(state)
        if nonfinite == "error":
            raise door.refuse("state", state, ~finite, ("item", "number"))
        y, state_out = self._run(batch, state, nonfinite)
        if nonfinite == "propagate":
            lost = ~finite.all(axis=1)
            y[lost] = state_out[lost] = np.nan
        return y, state_out

    def stream(self, saved: bytes | None = None) -> Stream:
        """Start one live sequence from zero state, or go on from what `Stream.save` gave.

        Raises ModelError (E_STREAM) for a network that reads both ways, and InputError
        (E_STATE_MODEL) for a state that another model saved.
        """
        from seqrt.runtime.stream import Stream

        return Stream(self, saved)

    def streams(self, saved: bytes | None = None) -> Streams:
        """Start keyed live sequences, none yet, or go on with what `Streams.snapshot` gave.

        Raises as `stream` does.
        """
        from seqrt.runtime.streams import Streams

        return Streams(self, self._engine, self._workers, saved)

    def bound_step(self, state: Floats) -> BoundStep | None:
        """Return a step of one sequence with all arrays bound; see Engine.bound_step."""
        return self._engine.bound_step(state)

    def validate(self) -> Report:
        """Replay the proof inside the file and the laws on this machine; see Report."""
        from seqrt.runtime.validate import validate

        return validate(self)

    def zero_state(self, batch: int) -> Floats:
        """Return the state before the first step, (B, S)."""
        return self._engine.zero_state(batch)

    @property
    def proof(self) -> str:
        """The proof in the file, as JSON text."""
        return self._file.proof

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the bytes of the file: they are checked and opened again where it arrives."""
        return _reopened, (self._file.content, self.device, self.threads)

    def __repr__(self) -> str:
        """Say what the model is: name, layers, task, device."""
        m = self.manifest
        layers = " -> ".join(f"{layer.cell} {layer.units}" for layer in m.layers)
        sizes = f"{self._features} -> {layers} -> {len(m.outputs)}"
        return f"<seqrt.Model {m.name!r}: {m.task}, {sizes}, {self.device}>"

    def _predict_ragged(self, batch: Ragged, nonfinite: Nonfinite) -> Floats | list[Floats]:
        count = len(batch.lengths)
        if not self._per_step:
            y = self._engine.blank(count, batch.time)
            self._in_blocks(batch, nonfinite, y.__setitem__)
            return y
        answers: list[Any] = [None] * count

        def keep(rows: Rows, answer: Floats) -> None:
            for i, row in zip(rows.tolist(), answer, strict=True):
                answers[i] = row[: batch.lengths[i]].copy()

        self._in_blocks(batch, nonfinite, keep)
        return answers

    def _in_blocks(
        self, batch: Padded | Ragged, nonfinite: Nonfinite, keep: Callable[[Rows, Floats], None]
    ) -> None:
        """Answer a batch from zero state, in blocks; `keep` is given the answer of each."""
        engine = self._engine

        def work(rows: Rows, stopped: Event) -> None:
            lengths = batch.lengths[rows]
            x, bad = door.separate("x", batch.take(rows), nonfinite, lengths)
            y = engine.advance(x, lengths, self.zero_state(len(rows)), stopped)[0]
            self._spoil(y, bad)
            keep(rows, y)

        try:
            run_blocks(batch.lengths, self._workers, engine.operations, work)
        except InputError:
            refuse_first(batch)
            raise

    def _run(self, batch: Padded, state: Floats, nonfinite: Nonfinite) -> tuple[Floats, Floats]:
        """Advance a finite `state` over the whole of a batch at once."""
        lengths = None if batch.full else batch.lengths
        x, bad = door.separate("x", batch.whole(), nonfinite, lengths)
        y, state_out = self._engine.advance(x, lengths, state)
        self._spoil(y, bad)
        if bad is not None:
            state_out[bad.any(axis=(1, 2))] = np.nan
        return y, state_out

    def _check_state(self, state: Any, batch: int) -> Floats:
        checked = as_floats(state, "state")
        check_shape("state", checked, (batch, self._engine.state_size))
        return checked

    def _spoil(self, y: Floats, bad: Mask | None) -> None:
        if bad is not None:
            door.spoil(y, bad, causal=self._engine.streamable, per_step=self._per_step)


def load(path: str | os.PathLike[str], *, device: str = "cpu", threads: int | None = None) -> Model:
    """Open the model at `path`; the arguments and errors of `Model`."""
    return Model(path, device=device, threads=threads)


def _reopened(content: bytes, device: str, threads: int) -> Model:
    return Model(content, device=device, threads=threads)
