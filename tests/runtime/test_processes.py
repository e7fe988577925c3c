"""A Model works wherever its program runs: pickled, forked, spawned, on threads, in asyncio."""

from __future__ import annotations

import asyncio
import copy
import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from seqrt import InputError, Model, ModelError

forks_with_threads = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


def test_a_pickled_model_answers_the_same(model, x):
    again = pickle.loads(pickle.dumps(model))

    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert (again.digest, again.threads, again.device) == (model.digest, model.threads, "cpu")
    assert repr(copy.deepcopy(model)) == repr(model)


def test_a_pickle_that_was_changed_is_refused(lstm):
    data = pickle.dumps(lstm)
    at = data.index(b"layer0_R") + 20
    damaged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    with pytest.raises(ModelError, match="E_MODEL_DAMAGED"):
        pickle.loads(damaged)


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def processes(request):
    """A pool of two worker processes; each gets a Model as an argument of its task."""
    context = multiprocessing.get_context(request.param)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        yield pool


@forks_with_threads
def test_worker_processes_answer_the_same(processes, lstm, x):
    answers = list(processes.map(Model.predict, [lstm] * 3, [x, x[::-1], list(x)]))

    np.testing.assert_array_equal(answers[0], lstm.predict(x))
    np.testing.assert_array_equal(answers[1][::-1], lstm.predict(x))
    np.testing.assert_array_equal(answers[2], lstm.predict(x))


@forks_with_threads
def test_an_error_of_a_worker_process_keeps_its_class_and_words(processes, lstm, x):
    with pytest.raises(InputError, match=r"^E_INPUT_SHAPE: x must have shape \(batch, time, 2\)"):
        processes.submit(Model.predict, lstm, x[:, :, :1]).result()


@forks_with_threads
def test_a_pool_works_in_its_order(lstm, x):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        answers = pool.map(lstm.predict, np.split(x, 7))

    np.testing.assert_array_equal(np.concatenate(answers), lstm.predict(x))


@forks_with_threads
def test_a_forked_child_goes_on_with_model_and_stream(causal, x):
    stream = causal.stream()
    stream.push(x[0, 0])
    want = causal.stream(stream.save()).push(x[0, 1])
    want_y = causal.predict(x)

    def same() -> bool:
        return np.array_equal(stream.push(x[0, 1]), want) and np.array_equal(
            causal.predict(x), want_y
        )

    assert _child_that(same) == 0
    np.testing.assert_array_equal(stream.push(x[0, 1]), want)


@forks_with_threads
def test_a_child_forked_in_the_middle_of_predictions_answers_the_same(lstm, x):
    want = lstm.predict(x)
    over = threading.Event()

    def go_on():
        while not over.is_set():
            lstm.predict(x)

    with ThreadPoolExecutor(4) as threads:
        busy = [threads.submit(go_on) for _ in range(4)]
        try:
            ends = [_child_that(lambda: np.array_equal(lstm.predict(x), want)) for _ in range(5)]
        finally:
            over.set()

    assert ends == [0] * 5
    assert [work.result() for work in busy] == [None] * 4


def _child_that(holds) -> int:
    """Return the exit status of a forked child: 0 where `holds` returns true in it."""
    child = os.fork()
    if child == 0:
        signal.alarm(600)  # ends a child that hangs, as a failure
        ok = False
        try:
            ok = holds()
        finally:
            os._exit(0 if ok else 1)
    return os.waitpid(child, 0)[1]


def test_threads_share_a_model(model, x):
    asked = [x[:rows, :steps] for rows in (1, 3, 7) for steps in (1, 8, 19)] * 8
    want = [model.predict(part) for part in asked]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(model.predict, asked))

    for answer, expected in zip(answers, want, strict=True):
        np.testing.assert_array_equal(answer, expected)


def test_asyncio_threads_share_a_model(lstm, x):
    async def ask():
        return await asyncio.gather(*(asyncio.to_thread(lstm.predict, x) for _ in range(8)))

    for answer in asyncio.run(ask()):
        np.testing.assert_array_equal(answer, lstm.predict(x))


def test_use_never_changes_a_model(model, x):
    before = pickle.dumps(model), repr(model), model.manifest

    model.predict(x)
    model.predict(list(x))
    model.run(x)
    model.validate()
    if model.manifest.streamable:
        model.stream().push(x[0])
        model.streams().push({"a": x[0], "b": x[1]})

    assert (pickle.dumps(model), repr(model), model.manifest) == before


@pytest.mark.parametrize("name", ["device", "digest", "manifest", "threads"])
def test_what_a_model_is_cannot_be_set(lstm, name):
    with pytest.raises(AttributeError):
        setattr(lstm, name, None)
