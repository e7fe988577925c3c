"""States as bytes: of one stream, or of many with their keys, tied to the model they belong to."""

from __future__ import annotations

import json
import struct
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqrt.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.kinds import Floats

_ONE = b"seqrt.state.1\n"
_MANY = b"seqrt.states.1\n"
_MOST_STEPS = (1 << 63) - 1

# Magic, SHA-256 of the model, steps; then the state.
_HEAD = struct.Struct(f"<{len(_ONE)}s32sQ")
# Magic, SHA-256 of the model, streams, bytes of the keys; then the keys as JSON, steps, states.
_HEAD_MANY = struct.Struct(f"<{len(_MANY)}s32sQQ")


class Snapshot(NamedTuple):
    """Keys, the steps that each stream has taken, and the states (N, S)."""

    keys: list[Hashable]
    steps: NDArray[np.int64]
    states: Floats


def pack(digest: str, steps: int, state: Floats) -> bytes:
    """Return one state and its steps as bytes."""
    return _HEAD.pack(_ONE, bytes.fromhex(digest), steps) + state.astype("<f4").tobytes()


def unpack(saved: Any, digest: str, size: int) -> tuple[Floats, int]:
    """Return the state (S,) and its steps; raise InputError for anything else and other models'."""
    if not isinstance(saved, bytes) or not saved.startswith(_ONE):
        raise InputError("E_STATE: a saved state must be the bytes that Stream.save gave.")
    if len(saved) >= _HEAD.size:
        _, owner, steps = _HEAD.unpack_from(saved)
        _check_owner(owner.hex(), digest)
    if len(saved) != _HEAD.size + 4 * size:
        raise InputError(
            f"E_STATE: a saved state of this model must be {_HEAD.size + 4 * size} bytes,"
            f" got {len(saved)}."
        )
    if steps > _MOST_STEPS:
        raise InputError("E_STATE: a saved state must be whole, and this one is damaged.")
    return np.frombuffer(saved, "<f4", offset=_HEAD.size).astype(np.float32), steps


def pack_many(digest: str, snapshot: Snapshot) -> bytes:
    """Return many states as bytes; raise InputError for a key that is neither text nor an int."""
    for key in snapshot.keys:
        if type(key) not in (str, int):
            raise InputError(
                f"E_STREAM_KEY: the keys in a snapshot must be str or int, got {key!r:.60}, a"
                f" {type(key).__name__}. Use such keys, or save the streams one by one."
            )
    keys = json.dumps(snapshot.keys, separators=(",", ":")).encode()
    head = _HEAD_MANY.pack(_MANY, bytes.fromhex(digest), len(snapshot.keys), len(keys))
    steps, states = snapshot.steps.astype("<i8"), snapshot.states.astype("<f4", copy=False)
    return b"".join([head, keys, steps.tobytes(), states.tobytes()])


def unpack_many(saved: Any, digest: str, size: int) -> Snapshot:
    """Return the states of a snapshot; raise InputError for anything else and other models'."""
    if not isinstance(saved, bytes) or not saved.startswith(_MANY):
        raise InputError("E_STATE: a snapshot must be the bytes that Streams.snapshot gave.")
    if len(saved) < _HEAD_MANY.size:
        raise _damaged()
    _, owner, count, width = _HEAD_MANY.unpack_from(saved)
    _check_owner(owner.hex(), digest)
    at = _HEAD_MANY.size + width
    if len(saved) != at + count * (8 + 4 * size):
        raise _damaged()
    keys = _keys(saved[_HEAD_MANY.size : at], count)
    steps = np.frombuffer(saved, "<i8", count, at).astype(np.int64)
    if steps.min(initial=0) < 0:
        raise _damaged()
    states = np.frombuffer(saved, "<f4", offset=at + 8 * count).astype(np.float32)
    return Snapshot(keys, steps, states.reshape(count, size))


def _keys(text: bytes, count: int) -> list[Hashable]:
    try:
        keys: Sequence[Hashable] = json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged() from None
    sound = isinstance(keys, list) and all(type(key) in (str, int) for key in keys)
    if not sound or len(set(keys)) != count or len(keys) != count:
        raise _damaged()
    return list(keys)


def _check_owner(owner: str, digest: str) -> None:
    if owner != digest:
        raise InputError(
            "E_STATE_MODEL: a state belongs to the model that saved it, with SHA-256"
            f" {owner[:12]}..., and this model is {digest[:12]}..."
        )


def _damaged() -> InputError:
    return InputError("E_STATE: a snapshot must be whole, and this one is damaged. Copy it again.")
