"""The work: the same inputs for every contender, from the training range, in fitting amounts."""

from __future__ import annotations

import ast
from types import SimpleNamespace

import numpy as np
import pytest

from seqrt.bench.work import Work
from seqrt.contract import Column, Layer, Manifest
from seqrt.runtime import load


def model_of(*units, low=None):
    """The attributes that Work reads of a model, for an LSTM that is never built."""
    high = None if low is None else low + 1
    manifest = Manifest(
        name="net",
        producer="tests",
        task="regress",
        head="last",
        activation="none",
        layers=tuple(Layer("lstm", size) for size in units),
        features=(Column("x", mean=10, scale=2, low=low, high=high),),
        outputs=(Column("y"),),
        window=7,
    )
    return SimpleNamespace(manifest=manifest, threads=2, digest="", sealed=True)


def test_inputs_are_drawn_from_the_range_that_training_saw(work):
    x = work("lstm-last").draw(50, 20)

    low, high = x.min((0, 1)), x.max((0, 1))
    assert x.shape == (50, 20, 2)
    assert x.dtype == np.float32
    np.testing.assert_array_less([-0.01, -2.51], low)
    np.testing.assert_array_less(high, [30.01, 0.51])
    np.testing.assert_array_less([29, 2.9], high - low)


def test_inputs_lie_about_the_mean_where_no_range_is_known():
    assert Work.of(model_of(4), "", quick=True, threads=None).ranges == ((6, 14),)
    assert Work.of(model_of(4, low=3.0), "", quick=True, threads=None).ranges == ((3, 4),)


def test_everybody_is_given_the_same(work):
    mine, yours = work("gru-last"), work("gru-last")

    np.testing.assert_array_equal(mine.draw(3, 4), yours.draw(3, 4))
    for a, b in zip(mine.ragged(), yours.ragged(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_ragged_lengths_are_exponential_with_the_mean_of_the_uniform_ones(work):
    given = work("lstm-last")
    lengths = np.array([len(item) for item in given.ragged()])

    assert len(lengths) == given.sequences == 1024
    assert lengths.min() >= 1
    assert lengths.max() > 5 * given.steps
    assert np.median(lengths) < lengths.mean() < 1.1 * given.steps
    np.testing.assert_array_equal(lengths, given.lengths())


@pytest.mark.parametrize("quick", [True, False])
def test_a_larger_network_gets_less_to_do(quick):
    units = [(4,), (64, 32), (256, 256), (2048, 2048)]
    given = [Work.of(model_of(*sizes), "", quick=quick, threads=None) for sizes in units]

    amounts = [work.sequences * work.steps for work in given]
    assert amounts == sorted(amounts, reverse=True)
    assert (given[0].sequences, given[0].steps) == (1024, 100)
    assert (given[-1].sequences, given[-1].steps) == (256, 10)


def test_a_job_is_plain_values_that_survive_being_written_out(work):
    given = work("rnn-relu", threads=1)

    job = ast.literal_eval(repr(given.job("seqrt")))

    assert job["contender"] == "seqrt"
    assert job["middle"] == [15, -1]
    assert Work.from_job(job) == given


def test_threads_are_those_of_the_model_and_a_session_has_its_own_default(work):
    assert work("gru-last").session_threads is None
    assert work("gru-last").threads == load(work("gru-last").path).threads
    assert (work("gru-last", 1).threads, work("gru-last", 1).session_threads) == (1, 1)
