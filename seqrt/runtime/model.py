"""A trained network, opened from its file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import Manifest
from seqrt.errors import InputError, UsageError
from seqrt.runtime import nonfinite as door
from seqrt.runtime.arrays import (
    as_floats,
    as_lengths,
    as_sequences,
    check_shape,
    pad,
)
from seqrt.runtime.blocks import ROWS, run_blocks
from seqrt.runtime.engine import Engine
from seqrt.runtime.file import ModelFile, read_model
from seqrt.runtime.nonfinite import Nonfinite
from seqrt.runtime.session import allowed_cpus, choose_device

if TYPE_CHECKING:
    from threading import Event

    from seqrt.runtime.bound import BoundStep
    from seqrt.runtime.kinds import Floats, Lengths, Mask, Rows
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
            return self._predict_ragged(x, nonfinite)
        x, counts, bad = self._check(x, lengths, nonfinite)
        if len(x) <= ROWS:
            y = self._engine.advance(x, counts, self.zero_state(len(x)))[0]
        else:
            y = self._engine.blank(*x.shape[:2])
            for rows, answer in self._blocks(counts, lambda rows, time: x[rows, :time]):
                if self._per_step:
                    y[rows, : answer.shape[1]] = answer
                else:
                    y[rows] = answer
        self._spoil(y, bad)
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
        x, counts, bad = self._check(x, lengths, nonfinite)
        state = self.zero_state(len(x)) if state is None else self._check_state(state, len(x))
        lost = ~np.isfinite(state).all(axis=1)
        if nonfinite == "error" and lost.any():
            raise door.refuse("state", state, ~np.isfinite(state), ("item", "number"))
        y, state_out = self._engine.advance(x, counts, state)
        if nonfinite == "propagate":
            self._spoil(y, bad)
            y[lost] = np.nan
            state_out[lost if bad is None else lost | bad.any(axis=(1, 2))] = np.nan
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

        return Streams(self, self._engine, saved)

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

    def _predict_ragged(self, items: Sequence[Any], nonfinite: Nonfinite) -> Floats | list[Floats]:
        arrays = as_sequences(items, self._features)
        bads: list[Mask | None] = []
        for i, array in enumerate(arrays):
            arrays[i], bad = door.separate(f"x[item {i}]", array, nonfinite)
            bads.append(bad)
        counts = np.array([len(array) for array in arrays], np.int32)
        y: list[Any] = [None] * len(arrays)
        for rows, answer in self._blocks(
            counts, lambda rows, _: pad([arrays[i] for i in rows], self._features)[0]
        ):
            for row, i in zip(answer, rows, strict=True):
                y[i] = row[: counts[i]].copy() if self._per_step else row
                self._spoil(y[i][None], None if bads[i] is None else bads[i][None])
        if self._per_step:
            return y
        return np.stack(y) if y else self._engine.blank(0, 0)

    def _blocks(self, counts: Lengths, take: Callable[[Rows, int], Floats]) -> Any:
        """Yield (rows, y) for the blocks of a batch; `take` gives the x of some rows."""
        answer = partial(self._answer, counts, take)
        return run_blocks(counts, self.threads, self._engine.operations, answer)

    def _answer(
        self, counts: Lengths, take: Callable[[Rows, int], Floats], rows: Rows, stopped: Event
    ) -> Floats:
        lengths = counts[rows]
        x = np.ascontiguousarray(take(rows, int(lengths.max())))
        return self._engine.advance(x, lengths, self.zero_state(len(rows)), stopped)[0]

    def _check(
        self, x: Any, lengths: Any, nonfinite: Nonfinite
    ) -> tuple[Floats, Lengths, Mask | None]:
        x = as_floats(x, "x")
        if x.ndim != len("BTD") or x.shape[2] != self._features:
            check_shape("x", x, ("batch", "time", self._features), _hint(x, self._features))
        batch, time = x.shape[:2]
        if lengths is None:
            counts = np.full(batch, time, np.int32)
        else:
            counts = as_lengths(lengths, batch, time)
        x, bad = door.separate("x", x, nonfinite, counts)
        return x, counts, bad

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


def _hint(x: Floats, features: int) -> str:
    """Return what a caller with an x of this shape most likely has to do."""
    if x.ndim == len("BT") and features == 1:
        return "Try x[..., None]."
    if x.ndim == len("TD") and x.shape[1] == features:
        return "Try x[None] for one sequence."
    return "Did you swap axes?" if x.ndim == len("BTD") and features in x.shape else ""
