"""The threads of a model share the jobs of a call, last from call to call, never deadlock."""

from __future__ import annotations

import os
import threading
from functools import partial

import numpy as np
import pytest

from seqrt.runtime.compute import pool
from seqrt.runtime.compute.predict import predict_batch
from seqrt.runtime.compute.predict_iter import predict_iter
from seqrt.runtime.compute.workers import Workers


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("jobs", [0, 1, 2, 300])
def test_every_job_is_done_once_and_begun_in_order(threads, jobs):
    begun, done = [], []

    def work(job, stopped):
        begun.append(job)
        done.append(job)

    Workers(threads).share(range(jobs), work, threads)

    assert sorted(done) == list(range(jobs))
    assert threads > 1 or begun == list(range(jobs))


def test_two_jobs_run_at_a_time():
    both = threading.Barrier(2, timeout=600)

    Workers(2).share([1, 2], lambda job, stopped: both.wait(), 2)


def test_the_threads_last_from_call_to_call():
    workers, both, names = Workers(2), threading.Barrier(2, timeout=600), set()

    def work(job, stopped):
        names.add(threading.current_thread().name)
        both.wait()

    for _ in range(20):
        workers.share([1, 2], work, 2)

    assert len(names) == 2


@pytest.fixture(params=["none", "one", "two", "stillborn"])
def few_threads(request, monkeypatch):
    """A system that starts few threads, or some that never run, as when memory is short."""
    start = pool.start_new_thread
    left = {"none": [], "one": [start], "two": [start] * 2, "stillborn": [lambda *_: 0] * 100}

    def started(*arguments):
        if not left[request.param]:
            raise RuntimeError("can't start new thread")
        return left[request.param].pop()(*arguments)

    monkeypatch.setattr(pool, "start_new_thread", started)


def test_where_the_system_gives_no_more_threads_those_that_there_are_do_all(few_threads):
    workers = Workers(5)

    for _ in range(20):
        done = []
        workers.share(range(100), lambda job, stopped, done=done: done.append(job), 5)
        assert sorted(done) == list(range(100))


def test_with_few_threads_the_answers_are_the_same(few_threads, load, engine_of):
    one = load("lstm-sequence", threads=1)
    engine = engine_of(one, thread=1, smallest_task=1)
    on_four = partial(predict_batch, engine, Workers(4))
    x = np.random.default_rng(0).random((300, 9, 2), np.float32)

    answers = list(
        predict_iter(
            on_four,
            [list(x), x, list(x[:40])],
            threads=4,
            operations=engine.operations,
            limits=engine.limits,
        )
    )

    want = one.predict(x)
    np.testing.assert_array_equal(answers[0], want)
    np.testing.assert_array_equal(answers[1], want)
    np.testing.assert_array_equal(answers[2], want[:40])
    np.testing.assert_array_equal(on_four(list(x)), want)


def test_work_that_no_thread_has_begun_is_not_begun_when_its_call_is_over():
    workers, hold, begun, done = (
        Workers(2),
        threading.Event(),
        threading.Barrier(3, timeout=600),
        [],
    )

    def wait(job, stopped):
        begun.wait()
        assert hold.wait(600)

    first = threading.Thread(target=workers.share, args=([1, 2], wait, 2))
    first.start()
    begun.wait()
    workers.share([1, 2], lambda job, stopped: done.append(threading.current_thread()), 2)
    hold.set()
    first.join()
    workers.share([3, 4], lambda job, stopped: None, 2)

    assert done == [threading.current_thread()] * 2


def test_a_caller_who_finds_all_threads_busy_does_its_jobs_alone():
    workers, hold, begun = Workers(2), threading.Event(), threading.Barrier(3, timeout=600)

    def wait(job, stopped):
        begun.wait()
        assert hold.wait(600)

    first = threading.Thread(target=workers.share, args=([1, 2], wait, 2))
    first.start()
    begun.wait()
    done = []
    workers.share(range(9), lambda job, stopped: done.append(job), 2)
    hold.set()
    first.join()

    assert done == list(range(9))


@pytest.mark.parametrize("failing", [0, 1])
def test_the_error_of_a_job_comes_out_whichever_thread_it_is_in(failing):
    both = threading.Barrier(2, timeout=600)

    def work(job, stopped):
        both.wait()
        if job == failing:
            raise ValueError(f"job {job}")

    with pytest.raises(ValueError, match=f"job {failing}"):
        Workers(2).share([0, 1], work, 2)


def test_an_interrupt_tells_the_jobs_in_hand_to_stop():
    both, noticed = threading.Barrier(2, timeout=600), threading.Event()

    def work(job, stopped):
        both.wait()
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        assert stopped.wait(600)
        noticed.set()

    with pytest.raises(KeyboardInterrupt):
        Workers(2).share(range(100), work, 2)

    assert noticed.wait(600)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_forked_after_the_threads_have_worked_makes_its_own(lstm, engine_of):
    on_three = partial(predict_batch, engine_of(lstm, thread=1), Workers(3))
    many = [np.full((9, 2), i, np.float32) for i in range(99)]
    want = on_three(many)

    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(on_three(many), want) else 1)

    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(on_three(many), want)
