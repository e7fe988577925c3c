"""`predict_iter` gives what `predict` gives for each batch, in order, in bounded memory."""

from __future__ import annotations

import itertools
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt import InputError, UsageError

NETS = Path(__file__).parents[1] / "nets"


def some(*shape):
    return np.random.default_rng(sum(shape)).random(shape, dtype=np.float32)


def mixed():
    """Batches of every form: some too small for a thread, some for one thread, one for all."""
    return [
        some(3, 7, 2),
        some(24, 40, 2),
        some(30, 31, 2).astype(">f8"),
        [some(5, 2), some(0, 2), some(900, 2)],
        (some(40, 20, 2), np.arange(40) // 2),
        (some(2, 3, 2), None),
        some(700, 100, 2),
        some(24, 41, 2),
        some(0, 5, 2),
        [],
        some(4, 0, 2),
        some(24, 42, 2)[::-1],
    ]


def predicted(model, batch, **options):
    return model.predict(*batch, **options) if isinstance(batch, tuple) else model.predict(batch)


def check_equal(got, want):
    if isinstance(want, list):
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            np.testing.assert_array_equal(one, other)
    else:
        np.testing.assert_array_equal(got, want)


@pytest.fixture(params=[1, 3])
def gru(request):
    return seqrt.load(NETS / "gru-last.onnx", threads=request.param)


@pytest.fixture
def batches():
    """Thirty batches, each large enough for a thread, no two alike."""
    return [some(24, 20 + i, 2) for i in range(30)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", ["lstm-sequence", "gru-last", "rnn-bidirectional-last"])
def test_every_batch_is_answered_as_predict_does_and_in_order(name, threads):
    model = seqrt.load(NETS / f"{name}.onnx", threads=threads)

    answers = list(model.predict_iter(mixed() * 2))

    for got, batch in zip(answers, mixed() * 2, strict=True):
        check_equal(got, predicted(model, batch))


def test_no_batches_give_no_answers(gru):
    assert list(gru.predict_iter([])) == []


def test_an_endless_stream_is_read_a_few_batches_ahead_and_no_further(gru, batches):
    read = []

    def endless():
        for i in itertools.count():
            read.append(i)
            yield batches[i % 30]

    answers = gru.predict_iter(endless())
    assert read == []

    for i, got in enumerate(itertools.islice(answers, 50)):
        np.testing.assert_array_equal(got, gru.predict(batches[i % 30]))
        assert len(read) <= i + (2 * gru.threads if gru.threads > 1 else 1)


def test_a_large_batch_is_not_read_past_before_it_is_answered(gru):
    read = []

    def large():
        for i in range(3):
            read.append(i)
            yield some(700, 100 + i, 2)

    for i, _ in enumerate(gru.predict_iter(large())):
        assert read == list(range(i + 1))


@pytest.mark.parametrize("shape", [(2, 5, 2), (24, 40, 2), (700, 100, 2)])
def test_an_array_may_be_filled_anew_for_the_next_batch(gru, shape):
    x = some(*shape)
    buffer = np.empty_like(x)

    def refilled():
        for i in range(9):
            buffer[:] = x * i
            yield buffer

    for i, got in enumerate(gru.predict_iter(refilled())):
        np.testing.assert_array_equal(got, gru.predict(x * i))


def test_several_batches_are_worked_on_at_a_time(batches):
    class Meeting(seqrt.Model):
        meeting = threading.Barrier(3)

        def predict(self, *args, **options):
            self.meeting.wait(timeout=600)  # raises if fewer than three threads arrive
            return super().predict(*args, **options)

    model = Meeting(NETS / "gru-last.onnx", threads=3)
    plain = seqrt.load(NETS / "gru-last.onnx")

    for got, batch in zip(model.predict_iter(batches), batches, strict=True):
        np.testing.assert_array_equal(got, plain.predict(batch))


def test_an_error_of_the_stream_comes_after_the_answers_before_it(gru, batches):
    def broken():
        yield from batches[:5]
        raise OSError("the disk is gone")

    answers = gru.predict_iter(broken())

    for batch in batches[:5]:
        np.testing.assert_array_equal(next(answers), gru.predict(batch))
    with pytest.raises(OSError, match="the disk is gone"):
        next(answers)
    assert list(answers) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.full((24, 30, 2), np.nan), r"E_INPUT_NONFINITE: batch 5: x must be finite; x\[item 0,"),
        (some(24, 30, 3), r"E_INPUT_SHAPE: batch 5: x must have shape \(batch, time, 2\)"),
        (some(30, 2), r"E_INPUT_SHAPE: batch 5: .* Try x\[None\] for one sequence"),
        ([some(30, 2), some(3, 1)], r"E_INPUT_SHAPE: batch 5: x\[item 1\] must have shape"),
        ((some(24, 30, 2), [1]), r"E_INPUT_SHAPE: batch 5: lengths must have shape \(24,\)"),
        ((some(2, 3, 2),) * 3, r"E_INPUT_TYPE: batch 5 must be .* got a tuple of 3"),
        ((), r"E_INPUT_TYPE: batch 5 must be .* got a tuple of 0"),
        (None, r"E_INPUT_TYPE: batch 5: x must be an array of numbers, got NoneType"),
        ([None, 7], r"E_INPUT_TYPE: batch 5: x\[item 0\] must be an array"),
    ],
)
def test_a_wrong_batch_is_named_after_the_answers_before_it(gru, batches, wrong, message):
    answers = gru.predict_iter([*batches[:5], wrong, *batches])

    for batch in batches[:5]:
        np.testing.assert_array_equal(next(answers), gru.predict(batch))
    with pytest.raises(InputError, match=message):
        next(answers)
    assert list(answers) == []


def test_nan_is_carried_to_the_answers_where_that_is_asked_for(gru, batches):
    batches[2][3, 4] = np.nan

    answers = list(gru.predict_iter(batches, nonfinite="propagate"))

    assert np.isnan(answers[2][3]).all()
    for got, batch in zip(answers, batches, strict=True):
        np.testing.assert_array_equal(got, gru.predict(batch, nonfinite="propagate"))


def test_what_is_no_stream_is_refused_at_once(gru):
    with pytest.raises(InputError, match="E_INPUT_TYPE: batches must be an iterable"):
        gru.predict_iter(7)
    with pytest.raises(UsageError, match="nonfinite must be"):
        gru.predict_iter([], nonfinite="drop")


def test_breaking_off_reads_no_further_and_ends_the_threads(gru, batches, threads_alive):
    read = []

    def endless():
        for i in itertools.count():
            read.append(i)
            yield batches[i % 30]

    answers = gru.predict_iter(endless())
    next(answers)
    before = len(read)
    assert (threads_alive() > 0) == (gru.threads > 1)
    answers.close()

    assert len(read) == before
    for _ in range(6000):
        if not threads_alive():
            break
        time.sleep(0.1)
    assert not threads_alive()


def test_an_interrupt_in_the_stream_comes_out_at_once(gru, batches):
    def interrupted():
        yield batches[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(gru.predict_iter(interrupted()))


def test_several_streams_share_a_model(gru, batches):
    streams = [gru.predict_iter(batches[i:] + batches[:i]) for i in range(4)]

    for i, answers in enumerate(zip(*streams, strict=True)):
        for k, got in enumerate(answers):
            np.testing.assert_array_equal(got, gru.predict(batches[(i + k) % 30]))


def test_streams_on_several_threads_share_a_model(gru, batches):
    want = [gru.predict(batch) for batch in batches]
    found = []

    def ask():
        answers = list(gru.predict_iter(batches))
        found.append(all(map(np.array_equal, answers, want)))

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()

    assert found == [True] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_goes_on_with_the_stream_and_so_does_its_parent(gru, batches):
    want = [gru.predict(batch) for batch in batches]
    answers = gru.predict_iter(batches)
    next(answers)

    child = os.fork()
    if child == 0:
        rest = list(answers)
        os._exit(0 if len(rest) == 29 and all(map(np.array_equal, rest, want[1:])) else 1)

    rest = list(answers)
    assert len(rest) == 29
    assert all(map(np.array_equal, rest, want[1:]))
    for _ in range(6000):  # a child that hangs must not hang the tests
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.1)
    assert (ended, status) == (child, 0)
