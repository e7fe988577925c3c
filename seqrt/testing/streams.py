"""Checks of streams: faulty pushes, saved states, snapshots, many streams, two threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from seqrt.errors import UsageError
from seqrt.runtime.live.saved_state import Snapshot, pack_snapshot, pack_state, unpack_state
from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_refused, assert_same
from seqrt.testing.model_under_test import ModelUnderTest

_MANY_STEPS = 2**40


def checks_for(model: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file that apply to the model."""
    if not model.manifest.streamable:
        return [a_bidirectional_network_refuses_to_stream]
    return [
        a_refused_push_leaves_a_stream_unchanged,
        an_empty_push_leaves_a_stream_unchanged,
        a_stream_in_use_refuses_a_second_thread,
        a_damaged_or_foreign_saved_state_is_refused,
        a_stream_counts_steps_past_32_bits,
        each_of_many_streams_is_as_if_alone,
        a_damaged_or_foreign_snapshot_is_refused,
    ]


def a_bidirectional_network_refuses_to_stream(tested: ModelUnderTest) -> None:
    """It has no state to carry: E_STREAM."""
    assert_refused("E_STREAM", "a stream", tested.model.stream)
    assert_refused("E_STREAM", "streams", tested.model.streams)


def a_refused_push_leaves_a_stream_unchanged(tested: ModelUnderTest) -> None:
    """A wrong shape, Inf or text is refused, and the state stays as it was."""
    x, stream = tested.x[0], tested.model.stream()
    stream.push(x[:5])
    saved = stream.save()
    codes = "E_INPUT_SHAPE E_INPUT_NONFINITE E_INPUT_TYPE E_INPUT_DTYPE E_INPUT_RANGE"
    wrong: list[Any] = [x[None], x[0] + np.inf, x[:3] - np.inf, None]
    wrong += [-1, [tested.tokens]] if tested.tokens else [np.zeros(x.shape[1] + 1)]
    wrong += ["x"] if tested.model.manifest.text is None else []
    for chunk in [*wrong, x.astype(str)]:
        assert_refused(codes, f"a push of {chunk!r:.40}", stream.push, chunk)
    if stream.save() != saved:
        raise AssertionError(
            "a refused push must leave the state of a stream unchanged, but changed it."
        )


def an_empty_push_leaves_a_stream_unchanged(tested: ModelUnderTest) -> None:
    """A chunk (0, D) gives no steps, or zeros, and the step count stays."""
    x, stream = tested.x[0], tested.model.stream()
    stream.push(x[:5])
    saved = stream.save()
    y = stream.push(x[:0])
    if stream.save() != saved or stream.steps != 5 or np.any(y):
        raise AssertionError("an empty push must leave a stream unchanged, but changed it.")


def a_stream_in_use_refuses_a_second_thread(tested: ModelUnderTest) -> None:
    """A second thread gets E_STREAM_BUSY, and the first is not disturbed."""
    x, stream, streams = tested.x[0], tested.model.stream(), tested.model.streams()
    arrays = [
        _Calling(x, lambda: stream.push(x[0])),
        _Calling(x, lambda: streams.push({"a": x[0]})),
    ]
    y = stream.push(arrays[0])
    of_streams = streams.push({"a": arrays[1]})
    for array in arrays:
        if not isinstance(array.result, UsageError) or array.result.code != "E_STREAM_BUSY":
            raise AssertionError(f"a second thread must be refused, got {array.result!r:.100}.")
    want = tested.model.stream().push(x)
    assert_same(y, want, "predictions of a stream with a second thread and without")
    assert_same(of_streams["a"], want, "predictions of streams with a second thread and without")


class _Calling:
    """An array that makes a call in another thread while it is read, and keeps its `result`."""

    def __init__(self, x: Any, call: Callable[[], object]) -> None:
        self._x, self._call = x, call
        self.result: object = None

    def __dlpack__(self) -> None:
        """Make seqrt take this for an array; numpy itself reads `__array__`."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        other = threading.Thread(target=self._run)
        other.start()
        other.join()
        return self._x

    def _run(self) -> None:
        try:
            self.result = self._call()
        except Exception as error:  # noqa: BLE001 - the check reports any
            self.result = error


def a_damaged_or_foreign_saved_state_is_refused(tested: ModelUnderTest) -> None:
    """A truncated, extended or changed state, another model's, or another object: refused."""
    stream = tested.model.stream()
    stream.push(tested.x[0])
    saved = stream.save()
    wrong: list[Any] = [saved[:cut] for cut in (0, 10, 40, len(saved) - 1)]
    for damaged in [
        *wrong,
        *_flipped(saved),
        saved + b"\0",
        b"x" + saved,
        None,
        "text",
        bytearray(saved),
        7,
    ]:
        assert_refused("E_STATE E_STATE_MODEL", "a damaged state", stream.restore, damaged)
        assert_refused(
            "E_STATE E_STATE_MODEL", "a damaged state", tested.model.stream, damaged or b""
        )
    foreign = pack_state("0" * 64, 3, tested.state(1))
    assert_refused("E_STATE_MODEL", "a state of another model", stream.restore, foreign)
    if stream.save() != saved:
        raise AssertionError("a refused state must leave a stream unchanged, but changed it.")


def a_stream_counts_steps_past_32_bits(tested: ModelUnderTest) -> None:
    """After 2^40 steps the next one is step 2^40 + 1, and the state is still right."""
    state, x = tested.state(1), tested.x[0]
    saved = pack_state(tested.model.digest, _MANY_STEPS, state)
    stream, streams = tested.model.stream(saved), tested.model.streams()
    streams.restore("a", saved)
    want = tested.model.run(x[None], None, state)[0][0]
    assert_same(stream.push(x), want, "predictions after 2^40 steps and from the same state")
    assert_same(
        streams.push({"a": x})["a"], want, "predictions after 2^40 steps and from the same state"
    )
    for steps in (stream.steps, streams.steps("a")):
        if steps != _MANY_STEPS + len(x):
            raise AssertionError(f"steps must be 2^40 + {len(x)}, got {steps}.")


def each_of_many_streams_is_as_if_alone(tested: ModelUnderTest) -> None:
    """Chunks of several lengths in one push, one of them empty; one push is refused."""
    x, streams = tested.x, tested.model.streams()
    streams.push({"a": x[0, :3], "b": x[1, :0], 3: x[2, 0], "late": x[3, :7]})
    assert_refused(
        "E_INPUT_NONFINITE E_INPUT_DTYPE",
        "Inf in one chunk",
        streams.push,
        {"a": x[0], "b": x[1] + np.inf},
    )
    streams.push({"a": x[0, 3:], "b": x[1], 3: x[2, 1:]})
    for key, row in (("a", x[0]), ("b", x[1]), (3, x[2])):
        alone = tested.model.stream()
        alone.push(row)
        got, want = _state_of(tested, streams.save(key)), _state_of(tested, alone.save())
        tested.assert_states_close(
            got, want, f"the states of stream {key!r} among others and alone"
        )
    assert_refused("E_STREAM_KEY", "an unknown key", streams.leave, "nobody")
    assert_refused("E_INPUT_TYPE", "a list of chunks", streams.push, [x[0]])


def a_damaged_or_foreign_snapshot_is_refused(tested: ModelUnderTest) -> None:
    """A truncated, extended or changed snapshot, or a single stream's state: refused."""
    streams = tested.model.streams()
    streams.push({"a": tested.x[0], 2: tested.x[1]})
    saved = streams.snapshot()
    for cut in range(0, len(saved), max(1, len(saved) // 50)):
        assert_refused("E_STATE E_STATE_MODEL", f"{cut} bytes", tested.model.streams, saved[:cut])
    for damaged in [saved + b"\0", *_flipped(saved)]:
        assert_refused("E_STATE", "a changed or extended snapshot", tested.model.streams, damaged)
    alone = Snapshot(["a"], np.ones(1, np.int64), tested.state(1))
    foreign = pack_snapshot("0" * 64, alone)
    assert_refused("E_STATE_MODEL", "a snapshot of another model", tested.model.streams, foreign)
    assert_refused("E_STATE", "the state of one stream", tested.model.streams, streams.save("a"))
    if tested.model.streams(saved).snapshot() != saved:
        raise AssertionError("a snapshot must restore all streams, but did not.")


def _flipped(saved: bytes) -> Iterator[bytes]:
    """Yield the bytes with one bit flipped, at about 50 places."""
    for number, place in enumerate(range(0, len(saved), max(1, len(saved) // 50))):
        changed = bytearray(saved)
        changed[place] ^= 1 << number % 8
        yield bytes(changed)


def _state_of(tested: ModelUnderTest, saved: bytes) -> Any:
    return unpack_state(saved, tested.model.digest, tested.model.manifest.state_size)[0]
