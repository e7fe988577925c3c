"""Many live sequences over one model: keyed, pushed together, each as if it were alone."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import InputError, ModelError, UsageError
from seqrt.runtime.compute.blocks import WORTH_A_THREAD, run_blocks
from seqrt.runtime.inputs import nonfinite as door
from seqrt.runtime.inputs.chunks import Chunks, as_chunks
from seqrt.runtime.inputs.nonfinite import Nonfinite
from seqrt.runtime.live import saved_state as form
from seqrt.runtime.live.states import States
from seqrt.runtime.out_of_memory import needs_memory

if TYPE_CHECKING:
    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.workers import Workers
    from seqrt.runtime.model import Model
    from seqrt.runtime.types import Floats, Mask, Rows


class Streams:
    """Any number of live sequences, each under a key, with the states that they have reached.

    A key is anything that a dict takes. Whoever shares a push, the answers of a stream are those
    of a Stream alone, on a CPU bit for bit. What one takes in memory is its state and its key.

    Streams belong to one caller at a time: a second thread inside is a UsageError
    (E_STREAM_BUSY). `key in streams`, `len` and iteration over the keys are as of a dict, but that
    a loop may let streams join and leave.
    """

    @needs_memory
    def __init__(
        self, model: Model, engine: Engine, workers: Workers, saved: bytes | None = None
    ) -> None:
        """Start without a stream, or with those that `snapshot` of the same model gave."""
        if not engine.streamable:
            raise ModelError(
                "E_STREAM: a stream needs a causal network, and this one is bidirectional: it"
                " reads a sequence from both ends. Use predict on whole sequences."
            )
        self._engine = engine
        self._digest = model.digest
        self._workers = workers
        self._features = len(model.manifest.features)
        self._turn = _Turn()
        self._states = States(engine.state_size)
        if saved is not None:
            snapshot = form.unpack_many(saved, self._digest, engine.state_size)
            self._states.set(snapshot.keys, snapshot.states, snapshot.steps, monotonic())

    @needs_memory
    def push(
        self, chunks: Mapping[Any, Any], *, nonfinite: Nonfinite = "error"
    ) -> dict[Any, Floats]:
        """Go on by {key: chunk}, and return {key: answer}; a new key joins, from zero state.

        A chunk is (t, D), any t >= 0, or one step (D,), and is answered as by Stream.push.

        Raises InputError that names the key of a chunk that does not fit. Then, and whenever a run
        fails, all streams are where they were.
        """
        door.check_choice(nonfinite)
        if not isinstance(chunks, Mapping):
            raise InputError(
                f"E_INPUT_TYPE: streams are pushed {{key: chunk}}, got {type(chunks).__name__}."
            )
        with self._turn:
            keys = list(chunks)
            if not keys:
                return {}
            missing = self._engine.takes_missing
            values = list(chunks.values())
            given = as_chunks(keys, values, self._features, nonfinite, missing=missing)
            found = self._states.find(keys)
            state = self._states.read(found)
            lost = _lost(keys, state, nonfinite)
            y, ends = self._run(given, state)
            if nonfinite == "propagate":
                self._spoil(y, ends, given, lost)
            if self._engine.per_step:
                y = [row[0] if step else row for row, step in zip(y, given.steps, strict=True)]
            answers = dict(zip(keys, y, strict=True))
            # last, because nothing that fails may come after it
            steps = given.lengths if given.time is None else given.time
            self._states.advance(keys, found, ends, steps, monotonic())
        return answers

    @needs_memory
    def leave(self, key: Hashable) -> None:
        """End a stream and forget its state."""
        with self._turn:
            self._check_key(key)
            self._states.remove(key)

    @needs_memory
    def reset(self, key: Hashable) -> None:
        """Go back to before the first step of a stream."""
        with self._turn:
            self._check_key(key)
            self._set(key, self._engine.zero_state(1), 0)

    @needs_memory
    def expire(self, seconds: float) -> list[Any]:
        """End the streams that nothing was pushed to for so many seconds; return their keys.

        Joining, `reset` and `restore` count as a push. The clock is the monotonic one: setting the
        time of day expires nothing.
        """
        if not seconds >= 0:
            raise UsageError(f"seconds must be a number from 0, got {seconds!r}.")
        with self._turn:
            idle = self._states.idle_since(monotonic() - seconds)
            for key in idle:
                self._states.remove(key)
        return idle

    @needs_memory
    def steps(self, key: Hashable) -> int:
        """Return how many steps a stream has taken."""
        self._check_key(key)
        return int(self._states.steps(self._states.find([key]))[0])

    @needs_memory
    def save(self, key: Hashable) -> bytes:
        """Return the state of a stream as bytes: those of Stream.save, which each other takes."""
        with self._turn:
            steps = self.steps(key)
            return form.pack(self._digest, steps, self._states.read(self._states.find([key])))

    @needs_memory
    def restore(self, key: Hashable, saved: bytes) -> None:
        """Have a stream, new or not, go on from what `save` or Stream.save gave.

        Raises InputError for anything else, and (E_STATE_MODEL) for another model's.
        """
        with self._turn:
            state, steps = form.unpack(saved, self._digest, self._engine.state_size)
            self._set(key, state[None], steps)

    @needs_memory
    def snapshot(self) -> bytes:
        """Return all streams as bytes that Model.streams of the same model takes.

        Keys go in as JSON: raises InputError (E_STREAM_KEY) unless each is a str or an int.
        """
        with self._turn:
            keys = list(self._states.rows)
            found = self._states.find(keys)
            many = form.Snapshot(keys, self._states.steps(found), self._states.read(found))
            return form.pack_many(self._digest, many)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._states.rows

    def __len__(self) -> int:
        return len(self._states.rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._states.rows))

    def __repr__(self) -> str:
        """Say how many streams there are."""
        return f"<seqrt.Streams: {len(self)} of model {self._digest[:12]}>"

    def _run(self, given: Chunks, state: Floats) -> tuple[Any, Floats]:
        """Return an answer for each chunk, and the states that they lead to."""
        engine = self._engine
        if given.time is not None and len(given.x) * engine.operations <= WORTH_A_THREAD:
            alike = given.x.reshape(len(state), given.time, self._features)
            return engine.advance(alike, None, state)
        starts = given.starts()
        ends = np.empty_like(state)
        y: list[Any] = [None] * len(state)

        def work(rows: Rows, stopped: threading.Event) -> None:
            x = given.take(rows, starts)
            answers, ends[rows] = engine.advance(x, given.lengths[rows], state[rows], stopped)
            for i, answer in zip(rows.tolist(), answers, strict=True):
                y[i] = answer[: given.lengths[i]].copy() if engine.per_step else answer

        run_blocks(given.lengths, self._workers, engine.operations, work)
        return y, ends

    def _spoil(self, y: Any, ends: Floats, given: Chunks, lost: Mask | None) -> None:
        """Write NaN into what depends on a NaN, or on a state that has one."""
        for i, bad in enumerate(given.bads):
            if bad is not None:
                door.spoil(y[i][None], bad[None], causal=True, per_step=self._engine.per_step)
                ends[i] = np.nan
            if lost is not None and lost[i]:
                y[i][...] = ends[i] = np.nan

    def _set(self, key: Hashable, state: Floats, steps: int) -> None:
        self._states.set([key], state, np.array([steps], np.int64), monotonic())

    def _check_key(self, key: Hashable) -> None:
        if key not in self._states.rows:
            raise UsageError(
                f"E_STREAM_KEY: there must be a stream {key!r:.60}, and there is none among"
                f" {len(self)}. A stream joins by its first push, or by restore."
            )


class _Turn:
    """One caller at a time: a second one is refused, and neither waits nor spoils anything."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise UsageError(
                "E_STREAM_BUSY: streams belong to one caller at a time, and another thread is in"
                " them. Give each thread streams of its own; a Model they may share."
            )

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _lost(keys: list[Hashable], state: Floats, nonfinite: Nonfinite) -> Mask | None:
    """Return which states are not finite, if any; with "error" raise at the first of them."""
    if door.all_finite(state):
        return None
    finite = np.isfinite(state)
    lost = np.logical_not(finite.all(axis=1))
    if nonfinite == "error":
        first = int(np.argmax(lost))
        name = f"state[{keys[first]!r:.60}]"
        raise door.refuse(name, state[first], ~finite[first], ("number",))
    return lost
