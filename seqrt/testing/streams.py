"""Live sequences keep what they know: whatever is pushed, refused, saved, or mixed up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from seqrt.errors import UsageError
from seqrt.runtime.live.saved_state import Snapshot, pack, pack_many, unpack
from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_refused, assert_same
from seqrt.testing.model_under_test import ModelUnderTest

_MANY_STEPS = 2**40


def faults(model: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file that apply to the model."""
    if not model.manifest.streamable:
        return [a_network_that_reads_both_ways_refuses_to_stream]
    return [
        what_a_stream_refuses_leaves_it_where_it_was,
        a_stream_that_is_pushed_nothing_stays_where_it_is,
        a_stream_with_a_caller_in_it_is_busy,
        a_saved_state_that_is_damaged_or_of_another_model_is_refused,
        a_stream_counts_past_32_bits,
        many_streams_are_each_as_if_alone,
        a_snapshot_that_is_damaged_or_of_another_model_is_refused,
    ]


def a_network_that_reads_both_ways_refuses_to_stream(tested: ModelUnderTest) -> None:
    """It has no state to keep: E_STREAM."""
    assert_refused("E_STREAM", "a stream", tested.model.stream)
    assert_refused("E_STREAM", "streams", tested.model.streams)


def what_a_stream_refuses_leaves_it_where_it_was(tested: ModelUnderTest) -> None:
    """A wrong shape, Inf, text: refused, and the next step is answered as if it had not been."""
    x, stream = tested.x[0], tested.model.stream()
    stream.push(x[:5])
    saved = stream.save()
    codes = "E_INPUT_SHAPE E_INPUT_NONFINITE E_INPUT_TYPE E_INPUT_DTYPE"
    wrong: list[Any] = [x[None], np.zeros(x.shape[1] + 1), x[0] + np.inf, x[:3] - np.inf, None]
    for chunk in [*wrong, "x", x.astype(str)]:
        assert_refused(codes, f"a push of {chunk!r:.40}", stream.push, chunk)
    if stream.save() != saved:
        raise AssertionError("a stream must stay where it was when a push is refused, and moved.")


def a_stream_that_is_pushed_nothing_stays_where_it_is(tested: ModelUnderTest) -> None:
    """A chunk (0, D) answers no steps, or zeros, and counts as none."""
    x, stream = tested.x[0], tested.model.stream()
    stream.push(x[:5])
    saved = stream.save()
    y = stream.push(x[:0])
    if stream.save() != saved or stream.steps != 5 or np.any(y):
        raise AssertionError("no steps must leave a stream where it is, and did not.")


def a_stream_with_a_caller_in_it_is_busy(tested: ModelUnderTest) -> None:
    """A second thread in a stream is refused with E_STREAM_BUSY, and the first goes on."""
    x, stream, streams = tested.x[0], tested.model.stream(), tested.model.streams()
    held = [_Held(x, lambda: stream.push(x[0])), _Held(x, lambda: streams.push({"a": x[0]}))]
    y = stream.push(held[0])
    answers = streams.push({"a": held[1]})
    for second in held:
        if not isinstance(second.met, UsageError) or second.met.code != "E_STREAM_BUSY":
            raise AssertionError(f"a second caller must be refused, got {second.met!r:.100}.")
    want = tested.model.stream().push(x)
    assert_same(y, want, "answers of a stream with a second caller and without")
    assert_same(answers["a"], want, "answers of streams with a second caller and without")


class _Held:
    """An array that, while it is being read, has another thread call; `met` is what that met."""

    def __init__(self, x: Any, call: Callable[[], object]) -> None:
        self._x, self._call = x, call
        self.met: object = None

    def __dlpack__(self) -> None:
        """Have the door take this for an array; numpy itself reads `__array__`."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        other = threading.Thread(target=self._meet)
        other.start()
        other.join()
        return self._x

    def _meet(self) -> None:
        try:
            self.met = self._call()
        except Exception as error:  # noqa: BLE001 - whatever it is, the check tells it
            self.met = error


def a_saved_state_that_is_damaged_or_of_another_model_is_refused(tested: ModelUnderTest) -> None:
    """Cut, longer, a bit flipped, of another model, or no state at all: refused, nothing moved."""
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
    foreign = pack("0" * 64, 3, tested.state(1))
    assert_refused("E_STATE_MODEL", "another model's state", stream.restore, foreign)
    if stream.save() != saved:
        raise AssertionError("a stream must stay where it was when a state is refused, and moved.")


def a_stream_counts_past_32_bits(tested: ModelUnderTest) -> None:
    """After 2^40 steps the next one is step 2^40 + 1, and the state goes on."""
    state, x = tested.state(1), tested.x[0]
    saved = pack(tested.model.digest, _MANY_STEPS, state)
    stream, streams = tested.model.stream(saved), tested.model.streams()
    streams.restore("a", saved)
    want = tested.model.run(x[None], None, state)[0][0]
    assert_same(stream.push(x), want, "answers after 2^40 steps and from the same state")
    assert_same(
        streams.push({"a": x})["a"], want, "answers after 2^40 steps and from the same state"
    )
    for steps in (stream.steps, streams.steps("a")):
        if steps != _MANY_STEPS + len(x):
            raise AssertionError(f"steps must be 2^40 + {len(x)}, got {steps}.")


def many_streams_are_each_as_if_alone(tested: ModelUnderTest) -> None:
    """Chunks of any length in one push, an empty and a refused one among them."""
    x, streams = tested.x, tested.model.streams()
    streams.push({"a": x[0, :3], "b": x[1, :0], 3: x[2, 0], "late": x[3, :7]})
    assert_refused(
        "E_INPUT_NONFINITE", "Inf for one", streams.push, {"a": x[0], "b": x[1] + np.inf}
    )
    streams.push({"a": x[0, 3:], "b": x[1], 3: x[2, 1:]})
    for key, row in (("a", x[0]), ("b", x[1]), (3, x[2])):
        alone = tested.model.stream()
        alone.push(row)
        got, want = _reached(tested, streams.save(key)), _reached(tested, alone.save())
        tested.states_close(got, want, f"the states of stream {key!r} among others and alone")
    assert_refused("E_STREAM_KEY", "a key that is not there", streams.leave, "nobody")
    assert_refused("E_INPUT_TYPE", "a list of chunks", streams.push, [x[0]])


def a_snapshot_that_is_damaged_or_of_another_model_is_refused(tested: ModelUnderTest) -> None:
    """Cut, longer, a bit flipped, a state of one stream: refused; whole, it brings all back."""
    streams = tested.model.streams()
    streams.push({"a": tested.x[0], 2: tested.x[1]})
    saved = streams.snapshot()
    for cut in range(0, len(saved), max(1, len(saved) // 50)):
        assert_refused("E_STATE E_STATE_MODEL", f"{cut} bytes", tested.model.streams, saved[:cut])
    for damaged in [saved + b"\0", *_flipped(saved)]:
        assert_refused("E_STATE", "a byte more or another", tested.model.streams, damaged)
    alone = Snapshot(["a"], np.ones(1, np.int64), tested.state(1))
    foreign = pack_many("0" * 64, alone)
    assert_refused("E_STATE_MODEL", "another model's streams", tested.model.streams, foreign)
    assert_refused("E_STATE", "one stream's state", tested.model.streams, streams.save("a"))
    if tested.model.streams(saved).snapshot() != saved:
        raise AssertionError("a snapshot must bring all streams back, and did not.")


def _flipped(saved: bytes) -> Iterator[bytes]:
    """Yield the bytes with one bit flipped, at some 50 places."""
    for number, place in enumerate(range(0, len(saved), max(1, len(saved) // 50))):
        changed = bytearray(saved)
        changed[place] ^= 1 << number % 8
        yield bytes(changed)


def _reached(tested: ModelUnderTest, saved: bytes) -> Any:
    return unpack(saved, tested.model.digest, tested.model.manifest.state_size)[0]
