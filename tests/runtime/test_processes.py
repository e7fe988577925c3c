"""A Model goes where its program goes: pickled, forked, spawned, on threads and in asyncio."""

from __future__ import annotations

import asyncio
import copy
import multiprocessing
import os
import pickle

import numpy as np
import pytest

from seqrt import Model, ModelError


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


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_worker_processes_answer_the_same(lstm, x, method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        answers = pool.starmap(Model.predict, [(lstm, x), (lstm, x[::-1])])

    np.testing.assert_array_equal(answers[0], lstm.predict(x))
    np.testing.assert_array_equal(answers[1][::-1], lstm.predict(x))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_goes_on_with_model_and_stream(causal, x):
    stream = causal.stream()
    stream.push(x[0, 0])
    want = causal.stream(stream.save()).push(x[0, 1])
    want_y = causal.predict(x)

    child = os.fork()
    if child == 0:
        same = np.array_equal(stream.push(x[0, 1]), want)
        same = same and np.array_equal(causal.predict(x), want_y)
        os._exit(0 if same else 1)

    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(stream.push(x[0, 1]), want)


def test_asyncio_threads_share_a_model(lstm, x):
    async def ask():
        return await asyncio.gather(*(asyncio.to_thread(lstm.predict, x) for _ in range(8)))

    for answer in asyncio.run(ask()):
        np.testing.assert_array_equal(answer, lstm.predict(x))
