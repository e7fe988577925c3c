"""Many keyed sequences of one model: together they give what each gives alone."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt import InputError, ModelError, ResourceError, UsageError
from seqrt.runtime.compute.workers import Workers
from seqrt.runtime.live import states, streams
from seqrt.runtime.live.saved_state import Snapshot, pack_snapshot
from seqrt.runtime.live.streams import Streams

TUTORIAL = Path(__file__).parents[3] / "models" / "tutorial-lstm.onnx"


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test sets it."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(streams, "monotonic", lambda: Clock.now)
    return Clock


# Laws


@pytest.mark.parametrize("threads", [1, 3])
def test_whoever_comes_and_goes_each_stream_answers_as_alone(causal, engine_of, threads):
    rng = np.random.default_rng(threads)
    many = Streams(engine_of(causal, thread=20_000), Workers(threads), causal.digest)
    alone = {}

    for _ in range(40):
        keys = rng.choice(60, rng.integers(1, 40), replace=False).tolist()
        chunks = {key: _chunk(rng) for key in keys}
        want = {key: alone.setdefault(key, causal.stream()).push(chunks[key]) for key in keys}

        _same(many.push(chunks), want)
        for key in rng.choice(list(alone), 3).tolist():
            if key in many and rng.random() < 0.5:
                many.leave(key)
                del alone[key]
            elif key in many:
                many.reset(key)
                alone[key].reset()

    assert set(many) == set(alone)
    for key, stream in alone.items():
        assert many.steps(key) == stream.steps
        assert many.save(key) == stream.save()


@pytest.mark.parametrize("count", [1, 2, 33, 500])
def test_a_step_for_each_is_what_each_answers_alone(causal, count):
    x = np.random.default_rng(count).random((3, count, 2), dtype=np.float32)
    many, alone = causal.streams(), [causal.stream() for _ in range(count)]

    for steps in x:
        answers = many.push(dict(enumerate(steps)))
        _same(answers, {i: alone[i].push(step) for i, step in enumerate(steps)})

    assert answers[0].shape == (2,)


def test_many_steps_are_one_run(lstm, monkeypatch):
    runs = _count_runs(lstm, monkeypatch)

    lstm.streams().push({key: np.zeros(2, np.float32) for key in range(1000)})

    assert runs == [(1000, 1)]


def test_a_long_chunk_does_not_pad_the_short_ones(lstm, monkeypatch):
    runs = _count_runs(lstm, monkeypatch)
    lengths = [5000, *[1] * 30, *[2] * 30]

    lstm.streams().push({i: np.zeros((t, 2), np.float32) for i, t in enumerate(lengths)})

    assert sum(rows * time for rows, time in runs) < 1.1 * sum(lengths)
    assert len(runs) <= 4


@pytest.mark.parametrize("kind", [np.float64, ">f4", np.float16, np.int16, bool, list])
def test_numbers_of_any_kind_are_read_as_a_stream_reads_them(causal, kind):
    steps = np.random.default_rng(1).integers(0, 2, (9, 4, 2))
    chunks = {i: row.tolist() if kind is list else row.astype(kind) for i, row in enumerate(steps)}

    _same(causal.streams().push(chunks), {i: causal.stream().push(chunks[i]) for i in chunks})


def test_chunks_of_no_steps_change_nothing_but_let_a_stream_join(causal, x):
    many, alone = causal.streams(), causal.stream()
    many.push({"a": x[0]})
    alone.push(x[0])
    before = many.save("a")

    answers = many.push({"a": x[0, :0], "b": x[0, :0]})

    _same(answers, {"a": alone.push(x[0, :0]), "b": causal.stream().push(x[0, :0])})
    assert many.save("a") == before
    assert many.save("b") == causal.stream().save()
    assert many.push({}) == {}


def test_an_empty_chunk_among_others_answers_as_alone(causal, x):
    many = causal.streams()

    answers = many.push({"a": x[0], "b": x[1, :0], "c": x[2, 0]})

    want = {"a": x[0], "b": x[1, :0], "c": x[2, 0]}
    _same(answers, {key: causal.stream().push(chunk) for key, chunk in want.items()})


def test_no_answer_is_written_by_the_next_push_and_no_array_of_the_caller(causal, x):
    many, mine = causal.streams(), x.copy()
    chunks = dict(enumerate(x))
    first = many.push(chunks)
    before = {key: answer.copy() for key, answer in first.items()}

    many.push(chunks)

    _same(first, before)
    np.testing.assert_array_equal(x, mine)


# Keys


def test_it_is_read_like_a_dict_and_keys_may_be_anything(lstm):
    many = lstm.streams()
    keys = ["car-7", 7, ("line", 3), None, frozenset({1})]

    many.push({key: [1.0, 2.0] for key in keys})

    assert list(many) == keys
    assert len(many) == 5
    assert ("line", 3) in many
    assert "car-9" not in many
    assert repr(many).startswith("<seqrt.Streams: 5 of model")
    for key in many:
        many.leave(key)
    assert len(many) == 0


def test_a_stream_that_left_and_comes_again_starts_anew(causal, x):
    many = causal.streams()
    first = many.push({"a": x[0], "b": x[1]})

    many.leave("a")

    assert "a" not in many
    np.testing.assert_array_equal(many.push({"a": x[0]})["a"], first["a"])
    assert many.steps("a") == 19


@pytest.mark.parametrize("act", ["leave", "reset", "save", "steps"])
def test_a_key_that_is_not_there_is_named(lstm, act):
    with pytest.raises(UsageError, match=r"E_STREAM_KEY: none of the .* has the key 'car-8'"):
        getattr(lstm.streams(), act)("car-8")


def test_streams_that_nothing_was_pushed_to_expire(lstm, clock):
    many = lstm.streams()
    many.push({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [1.0, 2.0]})
    saved = many.save("c")
    clock.now += 50
    many.push({"b": [1.0, 2.0]})
    many.restore("c", saved)
    clock.now += 10

    assert many.expire(60.5) == []
    assert many.expire(60) == ["a"]
    assert list(many) == ["b", "c"]
    assert many.expire(0) == ["b", "c"]
    with pytest.raises(UsageError, match="seconds must be a number from 0, got -1"):
        many.expire(-1)


# Saved


def test_a_stream_moves_between_the_many_and_the_one(causal, x):
    many, alone = causal.streams(), causal.stream()
    alone.push(x[0, :5])
    many.push({"b": x[1]})

    many.restore("a", alone.save())

    assert many.steps("a") == 5
    assert many.save("a") == alone.save()
    np.testing.assert_array_equal(many.push({"a": x[0, 5:]})["a"], alone.push(x[0, 5:]))
    np.testing.assert_array_equal(
        causal.stream(many.save("a")).push(x[2]), many.push({"a": x[2]})["a"]
    )


def test_a_snapshot_of_all_goes_on_bit_for_bit(causal, x):
    many = causal.streams()
    many.push({"ä": x[0], 7: x[1, :3], "7": x[2, :0]})
    many.push({"gone": x[0]})
    many.leave("gone")

    again = causal.streams(many.snapshot())

    assert list(again) == ["ä", 7, "7"]
    assert [again.steps(key) for key in again] == [19, 3, 0]
    assert again.snapshot() == many.snapshot()
    _same(again.push({7: x[0], "7": x[0]}), many.push({7: x[0], "7": x[0]}))
    assert len(causal.streams(causal.streams().snapshot())) == 0


@pytest.mark.parametrize("key", [("a", 1), 1.5, None, True, b"a"])
def test_a_key_that_json_would_change_is_refused_by_a_snapshot(lstm, key):
    many = lstm.streams()
    many.push({"a": [1.0, 2.0], key: [1.0, 2.0]})

    with pytest.raises(InputError, match="E_STREAM_KEY: the keys in a snapshot must be str or int"):
        many.snapshot()


def test_a_snapshot_and_a_state_of_another_model_are_refused(lstm, tagger):
    with pytest.raises(InputError, match="E_STATE_MODEL: the state was saved by the model"):
        lstm.streams(tagger.streams().snapshot())
    with pytest.raises(InputError, match="E_STATE_MODEL: the state was saved by the model"):
        lstm.streams().restore("a", tagger.stream().save())


@pytest.mark.parametrize("saved", [b"", b"rubbish", "text", b"seqrt.state.1\n", b"\0" * 200])
def test_bytes_that_are_no_snapshot_are_refused(lstm, saved):
    with pytest.raises(InputError, match="E_STATE: a snapshot must be the bytes"):
        lstm.streams(saved)


@pytest.fixture
def snapshot(lstm):
    many = lstm.streams()
    many.push({"car-7": [1.0, 2.0], "car-8": [1.0, 2.0], 9: [1.0, 2.0]})
    return many.snapshot()


def test_every_cut_and_every_bit_that_flips_in_a_snapshot_is_seen(lstm, snapshot):
    for size in range(len(snapshot)):
        with pytest.raises(InputError, match=r"E_STATE: (a|the) snapshot "):
            lstm.streams(snapshot[:size])
    for bit in range(8 * len(snapshot)):
        with pytest.raises(InputError, match=r"E_STATE: (a|the) snapshot "):
            lstm.streams(flipped(snapshot, bit))


def without_sum(saved):
    """Return the bytes in version 1 of the format, which has no checksum."""
    return saved[:-32].replace(b".2\n", b".1\n", 1)


def test_a_snapshot_from_before_there_was_a_sum_is_read(lstm, snapshot):
    assert lstm.streams(without_sum(snapshot)).snapshot() == snapshot


def test_a_damaged_snapshot_without_a_sum_is_refused_or_read_and_never_a_surprise(lstm, snapshot):
    older = without_sum(snapshot)

    for size in range(len(older)):
        with pytest.raises(InputError, match="E_STATE: "):
            lstm.streams(older[:size])
    for bit in range(8 * len(older)):
        try:
            assert len(lstm.streams(flipped(older, bit))) == 3
        except InputError as error:
            assert error.code in {"E_STATE", "E_STATE_MODEL"}


def test_a_state_from_beyond_64_bits_of_steps_is_refused(lstm):
    saved = without_sum(lstm.stream().save())
    steps = len(saved) - 8 - 4 * lstm.manifest.state_size

    with pytest.raises(InputError, match="E_STATE: the saved state is damaged"):
        lstm.streams().restore("a", saved[:steps] + b"\xff" * 8 + saved[steps + 8 :])


def test_a_snapshot_that_counts_below_zero_is_refused(lstm):
    many = Snapshot(["a"], np.array([-1]), lstm.zero_state(1))

    with pytest.raises(InputError, match="E_STATE: the snapshot is damaged"):
        lstm.streams(pack_snapshot(lstm.digest, many))


def test_steps_are_counted_beyond_32_bits(lstm):
    stream = lstm.stream()
    stream.steps = 2**40
    many = lstm.streams()

    many.restore("a", stream.save())
    many.push({"a": [1.0, 2.0]})

    assert many.steps("a") == 2**40 + 1


# Faults


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        ([[1.0, 2.0], [np.nan, 0.0]], r"E_INPUT_NONFINITE: x\['b'\] must be .*\[step 1, feature 0"),
        (np.array([np.inf, 1.0]), r"E_INPUT_NONFINITE: x\['b'\] must be finite"),
        (np.zeros((3, 3)), r"E_INPUT_SHAPE: x\['b'\] must have shape \(time, 2\), got \(3, 3\)"),
        (np.zeros(3), r"E_INPUT_SHAPE: x\['b'\] must have shape \(2,\), got \(3,\)"),
        (np.zeros((1, 1, 2)), r"E_INPUT_SHAPE: x\['b'\] must have shape"),
        (np.array([1e300, 1.0]), r"E_INPUT_RANGE: x\['b'\]"),
        (np.array([2**24 + 1, 1]), r"E_INPUT_RANGE: x\['b'\]"),
        (np.array(["a", "b"]), r"E_INPUT_DTYPE: x\['b'\] must hold numbers"),
        (np.array(["1999", "2000"], "M8[Y]"), r"E_INPUT_DTYPE: x\['b'\] must hold numbers"),
        (np.ma.masked_equal([1.0, 2.0], 2.0), r"E_INPUT_TYPE: x\['b'\] must be a plain array"),
        (None, r"E_INPUT_TYPE: x\['b'\] must be an array"),
        (np.float32(1), r"E_INPUT_(TYPE|SHAPE): x\['b'\] must"),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_a_chunk_that_is_refused_is_named_and_leaves_all_where_they_were(
    causal, x, chunk, message, beside
):
    many = causal.streams()
    many.push({"a": x[0], "b": x[1]})
    before = many.snapshot()
    others = {"a": x[0], "new": x[1]} if beside else {}

    with pytest.raises(InputError, match=message):
        many.push({**others, "b": chunk})

    assert many.snapshot() == before


@pytest.mark.parametrize("chunks", [[[1.0, 2.0]], np.zeros((2, 2)), None])
def test_what_has_no_keys_is_refused(lstm, chunks):
    with pytest.raises(InputError, match=r"E_INPUT_TYPE: push takes a mapping \{key: chunk\}"):
        lstm.streams().push(chunks)


@pytest.mark.parametrize("first", [True, False])
def test_a_run_that_fails_leaves_all_where_they_were(causal, x, monkeypatch, first):
    many = causal.streams()
    many.push({"a": x[0]})
    before, advance, runs = many.snapshot(), causal._engine.advance, []

    def fail(*arguments):
        runs.append(1)
        if first or len(runs) > 1:
            raise ResourceError("E_MEMORY: no more.")
        return advance(*arguments)

    monkeypatch.setattr(causal._engine, "advance", fail)
    with pytest.raises(ResourceError):
        many.push({"a": np.tile(x[0], (2000, 1)), "b": x[1], "c": x[2]})

    assert many.snapshot() == before
    monkeypatch.undo()
    _same(many.push({"b": x[1]}), {"b": causal.stream().push(x[1])})


def test_memory_that_runs_out_leaves_all_where_they_were(lstm, x, monkeypatch):
    many = lstm.streams()
    many.push({"a": x[0]})
    before = many.snapshot()

    def none_left(*_):
        raise MemoryError

    monkeypatch.setattr(states.np, "zeros", none_left)
    with pytest.raises(ResourceError, match="E_MEMORY: the states of 100 streams do not fit"):
        many.push(dict.fromkeys(range(99), x[1, 0]))
    monkeypatch.undo()

    assert many.snapshot() == before


@pytest.mark.parametrize("alike", [True, False])
def test_nan_goes_to_its_own_stream_alone(causal, x, alike):
    x[1, 3, 0] = np.nan
    chunks = {i: row if alike else row[: 19 - i] for i, row in enumerate(x)}
    many, alone = causal.streams(), {i: causal.stream() for i in chunks}

    for _ in range(2):
        answers = many.push(chunks, nonfinite="propagate")
        want = {i: alone[i].push(chunks[i], nonfinite="propagate") for i in chunks}
        _same(answers, want)

    assert np.isnan(answers[1]).all()
    with pytest.raises(InputError, match=r"E_INPUT_NONFINITE: state\[1\] must be finite"):
        many.push({0: x[0], 1: x[0]})
    many.reset(1)
    _same(many.push({1: x[0]}), {1: causal.stream().push(x[0])})


def test_nan_that_is_allowed_does_what_it_does_alone(causal, x):
    x[1, 3, 0] = np.nan
    chunks = dict(enumerate(x))

    answers = causal.streams().push(chunks, nonfinite="allow")

    _same(answers, {i: causal.stream().push(c, nonfinite="allow") for i, c in chunks.items()})


def test_a_wrong_choice_of_nonfinite_is_refused(lstm):
    with pytest.raises(UsageError, match="nonfinite must be"):
        lstm.streams().push({"a": [1.0, 2.0]}, nonfinite="ignore")


def test_a_bidirectional_network_has_no_streams(bidirectional):
    with pytest.raises(ModelError, match="E_STREAM: a bidirectional network cannot stream"):
        bidirectional.streams()


def test_a_second_thread_inside_is_an_error_and_no_corruption(causal, x, monkeypatch):
    many = causal.streams()
    inside, go_on = threading.Event(), threading.Event()
    advance = causal._engine.advance

    def wait(*arguments):
        inside.set()
        assert go_on.wait(600)
        return advance(*arguments)

    monkeypatch.setattr(causal._engine, "advance", wait)
    first = threading.Thread(target=many.push, args=({"a": x[0], "b": x[1, :3]},))
    first.start()
    assert inside.wait(600)

    for act in (many.snapshot, lambda: many.push({"a": x[0]}), lambda: many.expire(0)):
        with pytest.raises(
            UsageError, match="E_STREAM_BUSY: another thread is using these streams"
        ):
            act()
    go_on.set()
    first.join()
    monkeypatch.undo()

    alone = causal.stream()
    alone.push(x[0])
    assert many.save("a") == alone.save()


# Memory


def test_rows_are_used_again_so_that_coming_and_going_takes_no_memory(lstm):
    many = lstm.streams()

    for i in range(2000):
        many.push({i: [1.0, 2.0], -i - 1: [2.0, 1.0]})
        many.leave(i)
        if i >= 5:
            many.leave(-i + 4)

    assert len(many) == 5
    assert len(many._states._state) == 16


def test_a_hundred_thousand_streams_of_the_tutorial_fit_in_200_mb():
    model, count = seqrt.load(TUTORIAL), 10_000
    step = np.ones(1, np.float32)
    tracemalloc.start()
    many = model.streams()

    for start in range(0, count, 1000):
        many.push({f"car-{i}": step for i in range(start, start + 1000)})
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert len(many) == count
    assert 10 * taken < 200e6


def _chunk(rng):
    steps = int(rng.choice([0, 1, 1, 2, 5, 40]))
    chunk = rng.random((steps, 2), dtype=np.float32)
    return chunk[0] if steps == 1 and rng.random() < 0.7 else chunk


def _count_runs(model, monkeypatch):
    runs, advance = [], model._engine.advance

    def counted(x, *rest):
        runs.append(x.shape[:2])
        return advance(x, *rest)

    monkeypatch.setattr(model._engine, "advance", counted)
    return runs


def _same(got, want):
    assert list(got) == list(want)
    for key, answer in want.items():
        np.testing.assert_array_equal(got[key], answer, err_msg=repr(key), strict=True)


def flipped(saved, bit):
    changed = bytearray(saved)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
