"""A trained network, opened from its file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqrt.errors import UsageError
from seqrt.runtime.compute.engine import Engine
from seqrt.runtime.compute.predict import advance, predict_batch
from seqrt.runtime.compute.workers import Workers
from seqrt.runtime.generating import ModelGenerating
from seqrt.runtime.inputs.nonfinite import Nonfinite
from seqrt.runtime.opening.file import ModelFile, Trust, read_model
from seqrt.runtime.opening.session import allowed_cpus, choose_device, choose_tf32
from seqrt.runtime.out_of_memory import needs_memory

if TYPE_CHECKING:
    from seqrt.ahead.following import Following
    from seqrt.ahead.forecast import Forecast
    from seqrt.runtime.live.stream import Stream
    from seqrt.runtime.live.streams import Streams
    from seqrt.runtime.proving.validate import ValidationReport
    from seqrt.runtime.types import Floats


class Model(ModelGenerating):
    """A trained network in one ONNX file.

    Shapes: B batch, T time, D features, O outputs, S state.

    A Model never changes after it is opened and keeps no state between calls, so threads may share
    it. State passes in and out of `run`, or lives in a stream.
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
        """Open a model file, or the bytes of one.

        `device` is "cpu", "cuda" or "auto"; `threads` is the number of blocks of rows that run at a
        time, by default one per processor that this process may use. `tf32` lets CUDA round the
        factors of products to 10 bits. On CUDA the model must first reproduce the CPU's outputs on
        its proof.

        The whole file is checked before onnxruntime sees it. With trust="unsealed" its seal may be
        missing or broken, as after a change by another tool. `sha256` is the digest that the file
        must have.

        Raises ModelError for a file that is damaged, too new, not written by seqrt or not the
        pinned one, DeviceError for a device that is not available or computes something else, and
        UsageError for a wrong option. Every method raises ResourceError when memory runs out.
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
        self._heads = self._engine.heads
        self._workers = Workers(threads or allowed_cpus())
        if self._device != "cpu":
            from seqrt.runtime.proving.device_check import check_device

            on_cpu = Engine(file.content, file.manifest, "cpu")
            check_device(self._engine, on_cpu, file.manifest, file.proof, tf32=self._tf32)

    @needs_memory
    def predict(
        self, x: Any, lengths: Any = None, *, nonfinite: Nonfinite = "error"
    ) -> Floats | list[Floats] | Any:
        """Map sequences to outputs, each from zero state.

        x is (B, T, D), with `lengths` (B,) where rows end early, or a list of (T_i, D). A network
        that reads tokens takes whole numbers (B, T) or a list of (T_i,), and one that reads text a
        list of B texts, str or bytes; `tokenizer` gives their tokens.

        The `last` head gives (B, O) for both. The `sequence` head gives (B, T, O), zeros past
        `lengths`, and for a list a list of (T_i, O). A row without steps gives zeros, and so does a
        text without tokens. A network with several outputs gives a dict of them by name.

        `nonfinite` says how NaN and Inf in x are treated: "error", "propagate" (the outputs that
        depend on them are NaN), or "allow" (the kernels read them and may give finite, wrong
        outputs). Where the manifest has a policy for missing values, NaN is one of those and only
        Inf counts.

        Raises InputError for x or lengths that do not fit.
        """
        y = predict_batch(self._engine, self._workers, x, lengths, nonfinite)
        return y if self._heads is None else self._heads.of_batch(x, y, lengths)

    @needs_memory
    def forecast(
        self,
        history: Any,
        steps: int | None = None,
        levels: Sequence[float] | None = None,
        *,
        following: Following | None = None,
    ) -> Forecast:
        """Return what comes after `history`: `steps` rows, by default the horizon of the model.

        A history is the features (T, D) of a series, or (T,) where there is one feature, or a
        mapping of columns as `encode` takes it; a list of them, or an array (B, T, D), is several
        series. The wide columns of a model are forecast together, as its targets in order. `levels`
        are those of the intervals in percent, by default all that the model has::

            after = model.forecast({"day": days, "sales": sales}, levels=[80])
            after.point[0, :, 0], after.lower[80][0, :, 0], after.upper[80][0, :, 0]

        Steps beyond the horizon are forecast from the point forecasts before them, with a
        UserWarning and without intervals. Their rows need what else the model reads: the calendar
        goes on, constants stay, and columns known ahead are in the rows of a mapping after those
        with targets. `following` gives these features where they are known already.

        Raises UsageError for a model that does not forecast and for levels that it lacks, and
        InputError for a history that does not fit (E_INPUT_SHORT) or cannot be continued
        (E_INPUT_FUTURE).
        """
        from seqrt.runtime.forecasts import forecast

        parts = self._engine, self._workers, self.manifest
        return forecast(*parts, history, steps, levels, following)

    @needs_memory
    def predict_iter(
        self, batches: Iterable[Any], *, nonfinite: Nonfinite = "error"
    ) -> Iterator[Floats | list[Floats]]:
        """Predict each of `batches` as `predict` does, in order and with bounded memory.

        A batch is an array (B, T, D), a list of (T_i, D), or a pair (x, lengths). Up to twice as
        many batches as there are threads are read ahead and copied, so that the caller may reuse an
        array. An error is raised after the outputs before it; InputError names the batch, from 0.
        """
        from seqrt.runtime.compute.predict_iter import predict_iter

        return predict_iter(
            self.predict,
            batches,
            nonfinite,
            threads=self.threads,
            operations=self.manifest.operations,
        )

    @needs_memory
    def run(
        self,
        x: Any,
        lengths: Any = None,
        state: Any = None,
        *,
        nonfinite: Nonfinite = "error",
        any_ids: bool = False,
    ) -> tuple[Floats | Any, Floats]:
        """Advance `state` (B, S) over x (B, T, D): return y and the next state.

        Without a state it starts from the zero state. A row without steps gives zeros and keeps its
        state. A network that cannot stream has S = 0. With `any_ids`, a model of text takes ids
        outside its table too, which its graph reads as unknown; the proof has some. Raises
        InputError for arguments that do not fit.
        """
        any_ids = any_ids and self.manifest.text is not None
        y, state_out = advance(self._engine, x, lengths, state, nonfinite, any_ids=any_ids)
        return (y if self._heads is None else self._heads.by_name(y, lengths)), state_out

    @needs_memory
    def stream(
        self,
        saved: bytes | None = None,
        *,
        adapt: float | None = None,
        alarm: float | None = None,
    ) -> Stream:
        """Start one live sequence from zero state, or continue from what `Stream.save` returned.

        A model that forecasts intervals can judge each row by the forecast made at the row before:
        `adapt` is the rate at which the intervals of the next step adapt to how often they missed
        (0.01 is usual), and with `alarm` a push returns JudgedRows: the outputs `y`, and for each
        row its p-value `p` and whether that is below the rate, `alarm`.

        The stream of a model that reads text takes text, cut anywhere. A word is answered when the
        byte after it arrives: end the last one with `push(" ")`.

        Raises ModelError (E_STREAM) for a network that cannot stream, InputError (E_STATE_MODEL)
        for the state of another model, and UsageError for a model that has no intervals.
        """
        if adapt is None and alarm is None:
            return self._stream(saved)
        from seqrt.ahead.watch import Watch
        from seqrt.runtime.live.watched import WatchedStream

        watch = Watch(self.manifest, adapt, alarm)
        return WatchedStream(self._engine, self.digest, watch, saved)

    def _stream(self, saved: bytes | None) -> Stream:
        text = self._engine.layout.text
        if text and text.holds_words:
            from seqrt.runtime.live.words import WordStream

            return WordStream(self._engine, self.digest, saved, self._heads)
        from seqrt.runtime.live.stream import Stream

        return Stream(self._engine, self.digest, saved, self._heads)

    @needs_memory
    def streams(
        self,
        saved: bytes | None = None,
        *,
        adapt: float | None = None,
        alarm: float | None = None,
    ) -> Streams:
        """Start with no keyed live sequences, or continue those that `Streams.snapshot` returned.

        Options and errors are those of `stream`.
        """
        from seqrt.ahead.watch import Watch
        from seqrt.runtime.live.streams import Streams

        watched = adapt is not None or alarm is not None
        watch = Watch(self.manifest, adapt, alarm) if watched else None
        return Streams(self._engine, self._workers, self.digest, saved, self._heads, watch)

    @needs_memory
    def validate(self) -> ValidationReport:
        """Replay the proof inside the file and test the laws, on this machine."""
        from seqrt.runtime.proving.validate import validate

        return validate(self.joined)

    @needs_memory
    def zero_state(self, batch: int) -> Floats:
        """Return the state before the first step, (B, S)."""
        return self._engine.zero_state(batch)

    @property
    def joined(self) -> Model:
        """The same model, with several outputs side by side in one array instead of a dict.

        The columns are those of the manifest's `outputs`. Beside an output for every step, one for
        the whole row stands at its last step, with zeros before.
        """
        if self._heads is None:
            return self
        joined = object.__new__(type(self))
        joined.__dict__.update(self.__dict__, _heads=None)
        return joined

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the bytes of the file, which are checked and opened again when unpickled."""
        options = (self.device, self.threads, self._tf32, self._trust, self._heads is None)
        return _reopened, (self._file.content, *options)


def _reopened(
    content: bytes, device: str, threads: int, tf32: bool, trust: Trust, joined: bool
) -> Model:
    model = Model(content, device=device, threads=threads, tf32=tf32, trust=trust)
    return model.joined if joined else model
