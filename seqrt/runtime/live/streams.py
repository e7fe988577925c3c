"""Many live sequences of one model: under keys, pushed together, each as if it were alone."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import InputError, UsageError
from seqrt.runtime.compute.blocks import run_blocks
from seqrt.runtime.inputs.chunks import Chunks, as_chunks
from seqrt.runtime.inputs.nonfinite import (
    Nonfinite,
    all_finite,
    check_choice,
    nonfinite_error,
    write_nan,
)
from seqrt.runtime.live.saved_state import (
    Snapshot,
    pack_snapshot,
    pack_state,
    unpack_snapshot,
    unpack_state,
)
from seqrt.runtime.live.states import States
from seqrt.runtime.live.stream import check_causal
from seqrt.runtime.out_of_memory import needs_memory

if TYPE_CHECKING:
    from seqrt.ahead.watch import Watch
    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.heads import Heads
    from seqrt.runtime.compute.workers import Workers
    from seqrt.runtime.types import Floats, Mask, Rows


class Streams:
    """Any number of live sequences, each under a key, with their current states.

    `Model.streams` makes them. A key is anything that a dict takes. Whichever streams share a push,
    the outputs of each are those of a Stream alone, on a CPU bit for bit. A stream takes the memory
    of its state and its key.

    Only one caller at a time may use Streams: a second thread gets a UsageError (E_STREAM_BUSY).
    `key in streams`, `len` and iteration work as for a dict, except that streams may join and leave
    during a loop.
    """

    @needs_memory
    def __init__(
        self,
        engine: Engine,
        workers: Workers,
        digest: str,
        saved: bytes | None = None,
        heads: Heads | None = None,
        watch: Watch | None = None,
    ) -> None:
        """Start without streams, or from what `snapshot` returned; `digest` names the model.

        With a `watch` each stream is a WatchedStream, and pushes return what its do.
        """
        check_causal(engine)
        self._engine = engine
        self._digest = digest
        self._workers = workers
        self._heads = heads
        self._caller = _OneCaller()
        self._watch = watch
        self._more = watch.size if watch else 0
        self._states = States(engine.state_size + self._more)
        if saved is not None:
            snapshot = unpack_snapshot(saved, digest, engine.state_size, self._more)
            self._states.set(snapshot.keys, snapshot.states, snapshot.steps, monotonic())

    @needs_memory
    def push(
        self, chunks: Mapping[Any, Any], *, nonfinite: Nonfinite = "error"
    ) -> dict[Any, Floats]:
        """Advance by {key: chunk}, return {key: outputs}; a new key joins, from zero state.

        A chunk is (t, D), any t >= 0, or one step (D,); the outputs are those of Stream.push. Where
        the tokens of a model are bytes, a chunk may be text.

        Raises InputError that names the key of a chunk that does not fit. After any error, of the
        input or of a run, all streams are unchanged.
        """
        check_choice(nonfinite)
        if not isinstance(chunks, Mapping):
            raise InputError(
                f"E_INPUT_TYPE: push takes a mapping {{key: chunk}}, got {type(chunks).__name__}."
            )
        engine = self._engine
        with self._caller:
            keys = list(chunks)
            if not keys:
                return {}
            if engine.layout.text:
                engine.layout.text.check_chunks(chunks)
            given = as_chunks(
                keys,
                list(chunks.values()),
                engine.layout,
                nonfinite,
                missing=engine.takes_missing,
            )
            found = self._states.find(keys)
            state, memory = self._split(self._states.read(found))
            lost = _lost(keys, state, nonfinite)
            y, ends = self._run(given, state)
            if nonfinite == "propagate":
                self._write_nan(y, ends, given, lost)
            if self._watch:
                from seqrt.runtime.live.watched import judged_chunks  # what most files do without

                y, memory = judged_chunks(self._watch, y, given, memory)
                ends = np.concatenate([ends, memory], axis=1)
            elif engine.per_step:
                y = [row[0] if step else row for row, step in zip(y, given.steps, strict=True)]
            outputs = dict(
                zip(keys, map(self._heads.of_chunk, y) if self._heads else y, strict=True)
            )
            # last, because nothing that can fail may come after it
            steps = given.lengths if given.time is None else given.time
            self._states.advance(keys, found, ends, steps, monotonic())
        return outputs

    @needs_memory
    def leave(self, key: Hashable) -> None:
        """End a stream and forget its state."""
        with self._caller:
            self._check_key(key)
            self._states.remove(key)

    @needs_memory
    def reset(self, key: Hashable) -> None:
        """Return a stream to its state before the first step."""
        with self._caller:
            self._check_key(key)
            self._set(key, np.zeros((1, self._engine.state_size + self._more), np.float32), 0)

    @needs_memory
    def expire(self, seconds: float) -> list[Any]:
        """End the streams that were not pushed to for `seconds`; return their keys.

        Joining, `reset` and `restore` count as a push. The clock is monotonic: setting the time of
        day expires nothing.
        """
        if not seconds >= 0:
            raise UsageError(f"seconds must be a number from 0, got {seconds!r}.")
        with self._caller:
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
        """Return the state of a stream as Stream.save does; either can restore it."""
        with self._caller:
            steps = self.steps(key)
            return pack_state(self._digest, steps, self._states.read(self._states.find([key])))

    @needs_memory
    def restore(self, key: Hashable, saved: bytes) -> None:
        """Continue a stream, new or not, from what `save` or Stream.save returned.

        Raises InputError for other bytes, and (E_STATE_MODEL) for the state of another model.
        """
        with self._caller:
            size = self._engine.state_size
            state, steps = unpack_state(saved, self._digest, size, self._more)
            if self._engine.layout.text:
                from seqrt.runtime.live.words import check_no_word  # what most files do without

                check_no_word(saved, self._digest, size)
            self._set(key, state[None], steps)

    @needs_memory
    def snapshot(self) -> bytes:
        """Return all streams as bytes for Model.streams of the same model.

        Keys are stored as JSON: raises InputError (E_STREAM_KEY) unless each is a str or an int.
        """
        with self._caller:
            keys = list(self._states.rows)
            found = self._states.find(keys)
            many = Snapshot(keys, self._states.steps(found), self._states.read(found))
            return pack_snapshot(self._digest, many)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._states.rows

    def __len__(self) -> int:
        return len(self._states.rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._states.rows))

    def __repr__(self) -> str:
        """Return the number of streams and the model's digest."""
        return f"<seqrt.Streams: {len(self)} of model {self._digest[:12]}>"

    def _run(self, given: Chunks, state: Floats) -> tuple[Any, Floats]:
        """Return the outputs for each chunk, and the states that they lead to."""
        engine = self._engine
        if given.time is not None and len(given.x) * engine.operations <= engine.limits.thread:
            together = given.x.reshape(len(state), given.time, *engine.layout.step)
            return engine.advance(together, None, state)
        starts = given.starts()
        ends = np.empty_like(state)
        y: list[Any] = [None] * len(state)

        def work(rows: Rows, stopped: threading.Event) -> None:
            x = given.take(rows, starts)
            y_rows, ends[rows] = engine.advance(x, given.lengths[rows], state[rows], stopped)
            for i, row in zip(rows.tolist(), y_rows, strict=True):
                y[i] = row[: given.lengths[i]].copy() if engine.per_step else row

        run_blocks(given.lengths, self._workers, engine.operations, work, engine.limits)
        return y, ends

    def _split(self, state: Floats) -> tuple[Floats, Floats]:
        """Return the states (N, S) of the network, and the memory (N, M) of the watch."""
        if not self._more:
            return state, state[:, :0]
        size = self._engine.state_size
        return np.ascontiguousarray(state[:, :size]), state[:, size:]

    def _write_nan(self, y: Any, ends: Floats, given: Chunks, lost: Mask | None) -> None:
        """Write NaN into the outputs and states that depend on a NaN in a chunk or a state."""
        for i, bad in enumerate(given.masks):
            if bad is not None:
                write_nan(y[i][None], bad[None], causal=True, per_step=self._engine.per_step)
                ends[i] = np.nan
            if lost is not None and lost[i]:
                y[i][...] = ends[i] = np.nan

    def _set(self, key: Hashable, state: Floats, steps: int) -> None:
        self._states.set([key], state, np.array([steps], np.int64), monotonic())

    def _check_key(self, key: Hashable) -> None:
        if key not in self._states.rows:
            raise UsageError(
                f"E_STREAM_KEY: none of the {len(self)} streams has the key {key!r:.60}."
                " A stream joins at its first push, or by restore."
            )


class _OneCaller:
    """A lock for one caller at a time: a second one gets an error instead of waiting."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise UsageError(
                "E_STREAM_BUSY: another thread is using these streams, which serve one caller at a"
                " time. Give each thread its own streams; threads may share a Model."
            )

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _lost(keys: list[Hashable], state: Floats, nonfinite: Nonfinite) -> Mask | None:
    """Return which states have NaN or Inf, None if none has; with "error" raise at the first."""
    if all_finite(state):
        return None
    finite = np.isfinite(state)
    lost = np.logical_not(finite.all(axis=1))
    if nonfinite == "error":
        first = int(np.argmax(lost))
        name = f"state[{keys[first]!r:.60}]"
        raise nonfinite_error(name, state[first], ~finite[first], ("number",))
    return lost
