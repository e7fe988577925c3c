"""Saved states: one stream, or many with their keys, as bytes that belong to one model.

After the state of a watched stream come the numbers by which its next row is judged. The last 32
bytes are the SHA-256 of all bytes before them, which reveals damage. States of version 1 have no
such checksum and are still read.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqrt.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats

_ONE, _ONE_VERSION_1 = b"seqrt.state.2\n", b"seqrt.state.1\n"
_MANY, _MANY_VERSION_1 = b"seqrt.states.2\n", b"seqrt.states.1\n"
_CHECKSUM = hashlib.sha256().digest_size
_MOST_STEPS = (1 << 63) - 1

# Magic, SHA-256 of the model, steps; the state follows.
_HEAD = struct.Struct(f"<{len(_ONE)}s32sQ")
# Magic, SHA-256 of the model, number of streams, bytes of the keys; the keys as JSON, steps and
# states follow.
_HEAD_MANY = struct.Struct(f"<{len(_MANY)}s32sQQ")


def is_state(saved: bytes) -> bool:
    """Return whether `saved` begins like the bytes that `pack_state` returns."""
    return saved.startswith((_ONE, _ONE_VERSION_1))


def is_snapshot(saved: bytes) -> bool:
    """Return whether `saved` begins like the bytes that `pack_snapshot` returns."""
    return saved.startswith((_MANY, _MANY_VERSION_1))


class Snapshot(NamedTuple):
    """The keys of many streams, the steps that each has taken, and the states (N, S)."""

    keys: list[Hashable]
    steps: NDArray[np.int64]
    states: Floats


def pack_state(digest: str, steps: int, state: Floats) -> bytes:
    """Return one state and its number of steps as bytes."""
    head = _HEAD.pack(_ONE, bytes.fromhex(digest), steps)
    return _with_checksum(head, state.astype("<f4").tobytes())


def unpack_state(saved: Any, digest: str, size: int, more: int = 0) -> tuple[Floats, int]:
    """Return the state (S + M,) and its number of steps.

    The `more` M numbers are the memory of a watched stream. They are zeros in the state of a stream
    that was not watched, and are dropped where M is 0.

    Raises InputError for anything that `pack_state` did not return for this model.
    """
    content = _content(saved, (_ONE, _ONE_VERSION_1), "saved state")
    if content is None:
        raise InputError("E_STATE: a saved state must be the bytes that Stream.save returned.")
    if len(content) < _HEAD.size:
        raise _damaged("saved state")
    _, owner, steps = _HEAD.unpack_from(content)
    _check_owner(owner.hex(), digest)
    numbers, left = divmod(len(content) - _HEAD.size, 4)
    if left or steps > _MOST_STEPS:
        raise _damaged("saved state")
    state = np.frombuffer(content, "<f4", offset=_HEAD.size).astype(np.float32)
    old = saved.startswith(_ONE_VERSION_1)
    return _fitted("saved state", state.reshape(1, numbers), size, more, old=old)[0], steps


def pack_snapshot(digest: str, snapshot: Snapshot) -> bytes:
    """Return many states as bytes; raise InputError unless each key is a str or an int."""
    for key in snapshot.keys:
        if type(key) not in (str, int):
            raise InputError(
                f"E_STREAM_KEY: the keys in a snapshot must be str or int, got {key!r:.60}, a"
                f" {type(key).__name__}. Use such keys, or save the streams one by one."
            )
    keys = json.dumps(snapshot.keys, separators=(",", ":")).encode()
    head = _HEAD_MANY.pack(_MANY, bytes.fromhex(digest), len(snapshot.keys), len(keys))
    steps, states = snapshot.steps.astype("<i8"), snapshot.states.astype("<f4", copy=False)
    return _with_checksum(head, keys, steps.tobytes(), states.tobytes())


def unpack_snapshot(saved: Any, digest: str, size: int, more: int = 0) -> Snapshot:
    """Return the states of a snapshot, each with `more` numbers of memory as in `unpack_state`.

    Raises InputError for anything that `pack_snapshot` did not return for this model.
    """
    content = _content(saved, (_MANY, _MANY_VERSION_1), "snapshot")
    if content is None:
        raise InputError("E_STATE: a snapshot must be the bytes that Streams.snapshot returned.")
    if len(content) < _HEAD_MANY.size:
        raise _damaged("snapshot")
    _, owner, count, width = _HEAD_MANY.unpack_from(content)
    _check_owner(owner.hex(), digest)
    at = _HEAD_MANY.size + width
    each, left = divmod(len(content) - at, count) if count else (8 + 4 * size, len(content) - at)
    if left or each < 8 or each % 4:
        raise _damaged("snapshot")
    keys = _keys(bytes(content[_HEAD_MANY.size : at]), count)
    steps = np.frombuffer(content, "<i8", count, at).astype(np.int64)
    if steps.min(initial=0) < 0:
        raise _damaged("snapshot")
    states = np.frombuffer(content, "<f4", offset=at + 8 * count).astype(np.float32)
    old = saved.startswith(_MANY_VERSION_1)
    states = _fitted("snapshot", states.reshape(count, each // 4 - 2), size, more, old=old)
    return Snapshot(keys, steps, states)


def _fitted(what: str, states: Floats, size: int, more: int, *, old: bool) -> Floats:
    """Return states (N, S + M) from those that were saved, with or without memory."""
    extra = states.shape[1] - size
    if extra < 0 or (extra and (old or more not in (0, extra))):
        raise _damaged(what)
    fitted = np.zeros((len(states), size + more), np.float32)
    fitted[:, : min(size + more, states.shape[1])] = states[:, : size + more]
    return fitted


def _with_checksum(*parts: bytes) -> bytes:
    checksum = hashlib.sha256()
    for part in parts:
        checksum.update(part)
    return b"".join([*parts, checksum.digest()])


def _content(saved: Any, magics: tuple[bytes, bytes], what: str) -> memoryview | None:
    """Return the bytes before the checksum, or None where they start with neither magic.

    Raises InputError where the checksum is wrong.
    """
    if not isinstance(saved, bytes) or not saved.startswith(magics):
        return None
    whole = memoryview(saved)
    if saved.startswith(magics[1]):
        return whole
    content = whole[:-_CHECKSUM]
    if hashlib.sha256(content).digest() != whole[-_CHECKSUM:]:
        raise _damaged(what)
    return content


def _keys(text: bytes, count: int) -> list[Hashable]:
    try:
        keys: Sequence[Hashable] = json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged("snapshot") from None
    sound = isinstance(keys, list) and all(type(key) in (str, int) for key in keys)
    if not sound or len(set(keys)) != count or len(keys) != count:
        raise _damaged("snapshot")
    return list(keys)


def _check_owner(owner: str, digest: str) -> None:
    if owner != digest:
        raise InputError(
            f"E_STATE_MODEL: the state was saved by the model with SHA-256 {owner[:12]}..., but"
            f" this model is {digest[:12]}... Use the model that saved it."
        )


def _damaged(what: str) -> InputError:
    return InputError(f"E_STATE: the {what} is damaged. Copy it again.")
