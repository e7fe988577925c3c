"""A trained network, opened from its file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import Manifest
from seqrt.errors import InputError, UsageError
from seqrt.runtime.compute.blocks import WORTH_A_THREAD
from seqrt.runtime.compute.engine import Engine
from seqrt.runtime.compute.predict import at_once, padded, ragged
from seqrt.runtime.compute.workers import Workers
from seqrt.runtime.inputs import nonfinite as door
from seqrt.runtime.inputs.arrays import as_floats, check_shape
from seqrt.runtime.inputs.batch import Padded, Ragged
from seqrt.runtime.inputs.nonfinite import Nonfinite
from seqrt.runtime.opening.file import ModelFile, Trust, read_model
from seqrt.runtime.opening.session import allowed_cpus, choose_device, choose_tf32
from seqrt.runtime.out_of_memory import needs_memory

if TYPE_CHECKING:
    from seqrt.runtime.compute.step_cpu import BoundStep
    from seqrt.runtime.compute.step_device import ResidentStep
    from seqrt.runtime.live.stream import Stream
    from seqrt.runtime.live.streams import Streams
    from seqrt.runtime.proving.validate import Report
    from seqrt.runtime.types import Floats


class Model:
    """A trained network in one ONNX file.

    Shapes: B batch, T time, D features, O outputs, S state.

    A Model holds no state between calls and never changes after it is opened, so one may serve
    many threads. What is carried from call to call goes in and out of `run`, or lives in a
    stream.
    """

    @needs_memory
    def __init__(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        device: str = "cpu",
        threads: int | None = None,
        tf32: bool = False,
        trust: Trust = "sealed",
        sha256: str | None = None,
    ) -> None:
        """Open the file, or the bytes, of a model.

        `device` is "cpu", "cuda" or "auto"; `threads` is how many rows' blocks run at a time, by
        default one per processor that this process may use. `tf32` lets CUDA round the factors of
        products to 10 bits. On CUDA the model answers its proof as on the CPU before it opens.

        The whole file is checked before onnxruntime sees it. With trust="unsealed" its seal may be
        missing or broken, as another tool leaves it. `sha256` is the digest that it must have.

        Raises ModelError for a file that is damaged, not seqrt's, too new or not the one that is
        pinned, DeviceError for a device that is not there or answers otherwise, UsageError for a
        wrong option. Every method raises ResourceError where memory runs out.
        """
        if threads is not None and (type(threads) is not int or threads < 1):
            raise UsageError(f"threads must be a whole number from 1, got {threads!r}.")
        if isinstance(source, bytes):
            file = ModelFile.parse(source, trust, sha256)
        else:
            file = read_model(source, trust, sha256)
        self._file = file
        self._trust = trust
        self._device = choose_device(device)
        self._tf32 = choose_tf32(tf32, device, self._device)
        self._engine = Engine(file.content, file.manifest, self._device, tf32=self._tf32)
        self._workers = Workers(threads or allowed_cpus())
        self._features = len(file.manifest.features)
        if self._device != "cpu":
            from seqrt.runtime.proving.device_check import check

            check(self, Model(file.content, trust=trust), tf32=self._tf32)

    @needs_memory
    def predict(
        self, x: Any, lengths: Any = None, *, nonfinite: Nonfinite = "error"
    ) -> Floats | list[Floats]:
        """Map sequences to answers, each from zero state.

        x is (B, T, D), with `lengths` (B,) where rows end early, or a list of (T_i, D).

        The `last` head answers (B, O) to both. The `sequence` head answers (B, T, O) with zeros
        past `lengths`, and to a list a list of (T_i, O). A row of no steps answers zeros.

        `nonfinite` says what NaN and Inf in x do: "error", "propagate" (the answers that depend on
        them are NaN), or "allow" (they go below, which may give finite, wrong answers). Where the
        manifest has a policy for missing values, NaN is one and read by it: that leaves Inf.

        Raises InputError for x or lengths that do not fit.
        """
        door.check_choice(nonfinite)
        if isinstance(x, list | tuple):
            if lengths is not None:
                raise InputError(
                    "E_INPUT_LENGTHS: a list of sequences has its own lengths: leave lengths out."
                )
            return ragged(self._engine, self._workers, Ragged(x, self._features), nonfinite)
        batch = Padded(x, lengths, self._features)
        count = len(batch.lengths)
        if count * batch.time * self._engine.operations <= WORTH_A_THREAD:
            return at_once(self._engine, batch, self.zero_state(count), nonfinite)[0]
        return padded(self._engine, self._workers, batch, nonfinite)

    @needs_memory
    def predict_iter(
        self, batches: Iterable[Any], *, nonfinite: Nonfinite = "error"
    ) -> Iterator[Floats | list[Floats]]:
        """Answer batches as they come, each as `predict` does, in order and with bounded memory.

        A batch is an array (B, T, D), a list of (T_i, D), or a pair (x, lengths). Up to twice as
        many as there are threads are read ahead, and copied: an array may be filled anew for the
        next. An error comes out after the answers before it; InputError names the batch, from 0.
        """
        from seqrt.runtime.compute.predict_iter import predict_iter

        return predict_iter(self, batches, nonfinite)

    @needs_memory
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
            return at_once(self._engine, batch, state, nonfinite)
        finite = np.isfinite(state)
        if nonfinite == "error":
            raise door.refuse("state", state, ~finite, ("item", "number"))
        y, state_out = at_once(self._engine, batch, state, nonfinite)
        if nonfinite == "propagate":
            lost = ~finite.all(axis=1)
            y[lost] = state_out[lost] = np.nan
        return y, state_out

    @needs_memory
    def stream(self, saved: bytes | None = None) -> Stream:
        """Start one live sequence from zero state, or go on from what `Stream.save` gave.

        Raises ModelError (E_STREAM) for a network that reads both ways, and InputError
        (E_STATE_MODEL) for a state that another model saved.
        """
        from seqrt.runtime.live.stream import Stream

        return Stream(self, saved)

    @needs_memory
    def streams(self, saved: bytes | None = None) -> Streams:
        """Start keyed live sequences, none yet, or go on with what `Streams.snapshot` gave.

        Raises as `stream` does.
        """
        from seqrt.runtime.live.streams import Streams

        return Streams(self, self._engine, self._workers, saved)

    @needs_memory
    def bound_step(self, state: Floats) -> BoundStep | ResidentStep | None:
        """Return a step of one sequence with all arrays bound; see Engine.bound_step."""
        return self._engine.bound_step(state)

    @needs_memory
    def validate(self) -> Report:
        """Replay the proof inside the file and the laws on this machine; see Report."""
        from seqrt.runtime.proving.validate import validate

        return validate(self)

    @needs_memory
    def zero_state(self, batch: int) -> Floats:
        """Return the state before the first step, (B, S)."""
        return self._engine.zero_state(batch)

    @property
    def manifest(self) -> Manifest:
        """What the file says of its network: names, scaling, layers, task."""
        return self._file.manifest

    @property
    def digest(self) -> str:
        """The SHA-256 of the whole file, as `sha256sum` gives it."""
        return self._file.digest

    @property
    def sealed(self) -> bool:
        """Whether the seal holds; False only where trust="unsealed" let it be."""
        return self._file.sealed

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""
        return self._device

    @property
    def tf32(self) -> bool:
        """Whether CUDA may round the factors of products to 10 bits."""
        return self._tf32

    @property
    def threads(self) -> int:
        """How many blocks of rows run at a time."""
        return self._workers.threads

    @property
    def proof(self) -> str:
        """The proof in the file, as JSON text."""
        return self._file.proof

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the bytes of the file: they are checked and opened again where it arrives."""
        options = (self.device, self.threads, self._tf32, self._trust)
        return _reopened, (self._file.content, *options)

    def __repr__(self) -> str:
        """Say what the model is: name, layers, task, device."""
        m = self.manifest
        layers = " -> ".join(f"{layer.cell} {layer.units}" for layer in m.layers)
        sizes = f"{self._features} -> {layers} -> {len(m.outputs)}"
        return f"<seqrt.Model {m.name!r}: {m.task}, {sizes}, {self.device}>"

    def _check_state(self, state: Any, batch: int) -> Floats:
        checked = as_floats(state, "state")
        check_shape("state", checked, (batch, self._engine.state_size))
        return checked


def load(
    path: str | os.PathLike[str],
    *,
    device: str = "cpu",
    threads: int | None = None,
    tf32: bool = False,
    trust: Trust = "sealed",
    sha256: str | None = None,
) -> Model:
    """Open the model at `path`; the arguments and errors of `Model`."""
    return Model(path, device=device, threads=threads, tf32=tf32, trust=trust, sha256=sha256)


def _reopened(content: bytes, device: str, threads: int, tf32: bool, trust: Trust) -> Model:
    return Model(content, device=device, threads=threads, tf32=tf32, trust=trust)
