"""The contenders: all compute the same thing, or their times could not be compared."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqrt.bench.contenders import OnnxRuntime, Seqrt, Torch

NAMES = ("lstm-last", "gru-sequence", "rnn-relu", "gru-bidirectional-last", "gru-norm-classes")
each_net = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def torch_contender():
    """Make PyTorch's contender, and restore torch's settings afterwards."""
    threads = torch.get_num_threads()
    yield Torch
    torch.set_num_threads(threads)
    torch.set_grad_enabled(True)


@each_net
def test_seqrt_and_onnxruntime_answer_alike(work, name):
    given = work(name, threads=1)
    own, bare = Seqrt(given.job("seqrt")), OnnxRuntime(given.job("onnxruntime"))
    x, ragged = given.draw(5, 9), given.ragged()[:70]

    np.testing.assert_allclose(own.predict(x), bare.predict(x), rtol=1e-5, atol=1e-5)
    first, second = bare.ragged(ragged)
    answers = [*first, *second]
    assert len(answers) == len(ragged)
    for mine, other in zip(own.ragged(ragged), answers, strict=True):
        np.testing.assert_allclose(mine, other[: len(mine)], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm-last", "gru-sequence", "rnn-last"])
def test_steps_of_both_answer_alike_and_begin_again_after_a_reset(work, name):
    given = work(name, threads=1)
    x = given.draw(6)
    answers = []
    for contender in (Seqrt(given.job("seqrt")), OnnxRuntime(given.job("onnxruntime"))):
        for _ in range(2):
            contender.reset()
            answers.append([np.ravel(contender.step(step)) for step in contender.inputs(x)])

    for other in answers[1:]:
        np.testing.assert_allclose(other, answers[0], rtol=1e-5, atol=1e-5)


@each_net
def test_torch_answers_in_the_same_shapes(work, torch_contender, name):
    given = work(name)
    own, other = Seqrt(given.job("seqrt")), torch_contender(given.job("torch"))
    x, ragged = given.draw(5, 9), given.ragged()[:70]

    assert tuple(other.predict(x).shape) == own.predict(x).shape
    first, second = other.ragged(ragged)
    assert (len(first), len(second)) == (64, 6)
    assert first.shape[-1] == given.outputs


def test_the_cells_of_torch_take_steps_one_by_one(work, torch_contender):
    given = work("lstm-last")
    contender = torch_contender(given.job("torch"))

    contender.reset()
    first, second = (contender.step(x) for x in contender.inputs(given.draw(1).repeat(2, 0)))

    assert first.shape == (1, given.outputs)
    assert not torch.equal(first, second), "the state is carried"


def test_torch_settles_on_some_number_of_threads_up_to_its_own(work, torch_contender):
    contender = torch_contender(work("lstm-last").job("torch"))
    default, calls = torch.get_num_threads(), []

    contender.warm(lambda: calls.append(torch.get_num_threads()))

    # torch's default counts cores, and may be less than the processors that are allowed
    assert calls[0] == default
    assert set(calls[1:]) == {1, work("lstm-last").threads}
    assert torch.get_num_threads() in calls[1:]
