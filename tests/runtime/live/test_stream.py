"""One live sequence: pushed in chunks, saved, resumed, refused by another model."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest

from seqrt import InputError, ModelError, UsageError


@pytest.mark.parametrize("sizes", [[19], [1] * 19, [0, 5, 0, 9, 5], [18, 1], [2, 17, 0]])
def test_however_it_is_cut_a_stream_answers_the_whole(causal, x, sizes):
    whole = causal.predict(x[:1])[0]
    stream = causal.stream()
    cuts = np.cumsum([0, *sizes])

    answers = [stream.push(x[0, a:b]) for a, b in pairwise(cuts) if b > a or a == 0]

    np.testing.assert_array_equal(
        np.concatenate(answers) if whole.ndim == 2 else answers[-1], whole
    )


def test_a_step_and_a_chunk_of_one_step_answer_the_same(causal, x):
    step, chunk = causal.stream(), causal.stream()

    one, many = step.push(x[0, 0]), chunk.push(x[0, :1])

    np.testing.assert_array_equal(one, many.reshape(one.shape))
    assert one.shape == (2,)


def test_no_steps_change_nothing(causal, x):
    stream = causal.stream()
    stream.push(x[0, :5])
    before = stream.save()

    stream.push(x[0, :0])

    assert stream.save() == before


def test_a_saved_stream_goes_on_bit_for_bit(causal, x):
    stream = causal.stream()
    stream.push(x[0, :8])

    resumed = causal.stream(stream.save())

    assert resumed.steps == 8
    np.testing.assert_array_equal(resumed.push(x[0, 8:]), stream.push(x[0, 8:]))
    assert resumed.save() == stream.save()


def test_reset_goes_back_to_the_start(causal, x):
    stream = causal.stream()
    first = stream.push(x[0])

    stream.reset()

    np.testing.assert_array_equal(stream.push(x[0]), first)


def test_a_refused_chunk_leaves_the_stream_where_it_was(causal, x):
    stream = causal.stream()
    stream.push(x[0, :5])
    before = stream.save()
    x[0, 6, 0] = np.nan

    with pytest.raises(InputError, match="E_INPUT_NONFINITE"):
        stream.push(x[0, 5:])

    assert stream.save() == before


def test_a_state_of_another_model_is_refused(lstm, tagger, x):
    saved = tagger.stream().save()

    with pytest.raises(InputError, match="E_STATE_MODEL: the state was saved by the model"):
        lstm.stream(saved)


@pytest.mark.parametrize("saved", [b"", b"rubbish", "text", b"seqrt.state.1\n", b"\0" * 200])
def test_bytes_that_are_no_state_are_refused(lstm, saved):
    with pytest.raises(InputError, match="E_STATE: "):
        lstm.stream(saved)


def test_every_cut_and_every_bit_that_flips_in_a_saved_state_is_seen(causal, x):
    stream = causal.stream()
    stream.push(x[0])
    saved = stream.save()

    for size in range(len(saved)):
        with pytest.raises(InputError, match=r"E_STATE: (a|the) saved state "):
            stream.restore(saved[:size])
    for bit in range(8 * len(saved)):
        changed = bytearray(saved)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InputError, match=r"E_STATE: (a|the) saved state "):
            stream.restore(bytes(changed))
    assert stream.save() == saved


def test_a_state_saved_before_there_was_a_sum_is_read_or_refused_where_it_is_cut(causal, x):
    stream = causal.stream()
    stream.push(x[0])
    saved = stream.save()
    older = saved[:-32].replace(b"seqrt.state.2", b"seqrt.state.1", 1)

    assert causal.stream(older).save() == saved
    for size in range(len(older)):
        with pytest.raises(InputError, match=r"E_STATE: (a|the) saved state "):
            causal.stream(older[:size])


def test_steps_and_chunks_may_follow_each_other_in_any_order(causal, x):
    whole = causal.predict(x[:1])[0]
    stream = causal.stream()

    answers = [
        stream.push(x[0, :3]),
        *(stream.push(step) for step in x[0, 3:7]),
        stream.push(x[0, 7:16]),
        *(stream.push(step) for step in x[0, 16:]),
    ]

    np.testing.assert_array_equal(
        np.concatenate([np.atleast_2d(a) for a in answers]) if whole.ndim == 2 else answers[-1],
        whole,
    )


def test_an_answer_is_not_written_by_the_next_push(causal, x):
    stream = causal.stream()
    first = stream.push(x[0, 0])
    before = first.copy()

    stream.push(x[0, 1])

    np.testing.assert_array_equal(first, before)


def test_a_fork_goes_its_own_way(causal, x):
    stream = causal.stream()
    for step in x[0, :5]:
        stream.push(step)

    other = stream.fork()
    stream.push(x[1, 0])

    np.testing.assert_array_equal(other.push(x[0, 5:]), _after(causal, x[0, :5]).push(x[0, 5:]))


def test_a_stream_can_be_put_back(causal, x):
    stream = causal.stream()
    stream.push(x[0, 0])
    saved = stream.save()
    first = [stream.push(step) for step in x[0, 1:5]]

    stream.restore(saved)

    for step, answer in zip(x[0, 1:5], first, strict=True):
        np.testing.assert_array_equal(stream.push(step), answer)


def test_a_nonfinite_step_is_refused_or_carried_on(causal, x):
    stream = causal.stream()
    stream.push(x[0, 0])
    saved = stream.save()
    bad = x[0, 1].copy()
    bad[1] = np.nan

    with pytest.raises(InputError, match="E_INPUT_NONFINITE"):
        stream.push(bad)
    assert stream.save() == saved
    assert np.isnan(stream.push(bad, nonfinite="propagate")).all()
    with pytest.raises(InputError, match=r"E_INPUT_NONFINITE: state must be finite"):
        stream.push(x[0, 2])
    assert np.isnan(stream.push(x[0, 2], nonfinite="propagate")).all()
    stream.reset()
    assert np.isfinite(stream.push(x[0, 2])).all()


def test_a_second_thread_in_a_stream_is_an_error_and_no_corruption(causal, x, monkeypatch):
    stream = causal.stream()
    inside, go_on = threading.Event(), threading.Event()
    advance = causal._engine.advance

    def wait(*args):
        inside.set()
        assert go_on.wait(600)
        return advance(*args)

    monkeypatch.setattr(causal._engine, "advance", wait)
    first = threading.Thread(target=stream.push, args=(x[0, :5],))
    first.start()
    assert inside.wait(600)

    with pytest.raises(UsageError, match="E_STREAM_BUSY: another thread is using this stream"):
        stream.push(x[0, 0])
    go_on.set()
    first.join()
    monkeypatch.undo()

    assert stream.save() == _after(causal, x[0, :5]).save()


def test_a_bidirectional_network_cannot_stream(bidirectional):
    with pytest.raises(ModelError, match="E_STREAM: a bidirectional network cannot stream"):
        bidirectional.stream()


@pytest.mark.parametrize("shape", [(3,), (1, 5, 2), (5, 3)])
def test_a_chunk_of_the_wrong_shape_is_named(lstm, shape):
    with pytest.raises(InputError, match="E_INPUT_SHAPE: x must have shape"):
        lstm.stream().push(np.zeros(shape, np.float32))


def test_twenty_thousand_steps_stay_bit_equal(load):
    model = load("lstm-sequence")
    x = np.random.default_rng(2).random((20_000, 2), dtype=np.float32)
    whole = model.predict(x[None])[0]
    stream = model.stream()

    pieces = [stream.push(x[i : i + 777]) for i in range(0, len(x), 777)]

    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert stream.steps == 20_000


def _after(model, steps):
    stream = model.stream()
    stream.push(steps)
    return stream
