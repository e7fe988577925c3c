"""The live sequences of a server: a state for each id, used by one request at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.runtime.live.saved_state import Snapshot, pack_snapshot, unpack_snapshot
from seqrt.serving.refused import RefusedRequest

if TYPE_CHECKING:
    from seqrt.runtime.types import Floats
    from seqrt.serving.asked import SequenceTurn
    from seqrt.serving.limits import ServingLimits


@dataclass
class LiveSequence:
    """One sequence: its state (1, S) after `steps` steps, and the time of its last request.

    Until its first request is answered, the state is None and stands for zeros.
    """

    state: Floats | None = None
    steps: int = 0
    busy: bool = False
    used: float = field(default_factory=monotonic)


class LiveSequences:
    """All live sequences, least recently used first.

    After any error, a sequence is as it was before the request.
    """

    def __init__(self, limits: ServingLimits) -> None:
        self.expired = 0
        self._limits = limits
        self._live: dict[int | str, LiveSequence] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            self._expire()
            return len(self._live)

    @contextmanager
    def taking(self, turn: SequenceTurn) -> Iterator[LiveSequence]:
        """Yield the sequence as it is at the start of a request; keep what the block makes of it.

        Raises RefusedRequest for a sequence that has not started, that another request is using, or
        that would be one too many.
        """
        known = self._take(turn)
        ahead = LiveSequence() if turn.start else LiveSequence(known.state, known.steps)
        try:
            yield ahead
        except BaseException:
            with self._lock:
                known.busy = False
                if known.state is None:
                    del self._live[turn.key]
            raise
        with self._lock:
            del self._live[turn.key]
            if not turn.end:
                ahead.used = monotonic()
                self._live[turn.key] = ahead

    def snapshot(self, digest: str, size: int) -> bytes:
        """Return all sequences as `Streams.snapshot` does; `digest` names the model."""
        with self._lock:
            live = {key: each for key, each in self._live.items() if each.state is not None}
        states = [each.state for each in live.values() if each.state is not None]
        return pack_snapshot(
            digest,
            Snapshot(
                list(live),
                np.array([each.steps for each in live.values()], np.int64),
                np.concatenate([np.zeros((0, size), np.float32), *states]),
            ),
        )

    def restore(self, saved: bytes, digest: str, size: int) -> None:
        """Continue the sequences of a snapshot; raise InputError for any other bytes."""
        keys, steps, states = unpack_snapshot(saved, digest, size)
        parts = zip(keys, steps.tolist(), states, strict=True)
        restored: dict[Any, LiveSequence] = {
            key: LiveSequence(state[None], n) for key, n, state in parts
        }
        with self._lock:
            self._live.update(restored)

    def _take(self, turn: SequenceTurn) -> LiveSequence:
        with self._lock:
            self._expire()
            known = self._live.get(turn.key)
            if known is None:
                known = self._live[turn.key] = self._new(turn)
            if known.busy:
                raise RefusedRequest(
                    409,
                    f"E_STREAM_BUSY: another request of sequence {turn.key!r:.60} is being"
                    " answered. Wait for each answer before the next request of a sequence.",
                )
            known.busy = True
            return known

    def _new(self, turn: SequenceTurn) -> LiveSequence:
        if not turn.start:
            raise RefusedRequest(
                400,
                f"E_STREAM_KEY: sequence {turn.key!r:.60} is not live: it was never started, has"
                f" ended, or had no request for {self._limits.idle:g} s. Start it with"
                " sequence_start.",
            )
        if len(self._live) >= self._limits.streams:
            raise RefusedRequest(
                503,
                f"E_STREAM_MANY: at most {self._limits.streams:,} sequences may be live, and all"
                " are. End some with sequence_end, or raise --streams.",
            )
        return LiveSequence()

    def _expire(self) -> None:
        """Drop the sequences that are idle; the caller holds the lock."""
        moment = monotonic() - self._limits.idle
        idle = []
        for key, live in self._live.items():
            if live.used > moment:
                break
            if not live.busy:
                idle.append(key)
        for key in idle:
            del self._live[key]
        self.expired += len(idle)
