"""Drawing classes: by their probabilities, repeatably, and never one that cannot be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqrt.errors import ModelError, UsageError
from seqrt.runtime.text.sampler import Sampler, most_probable

P = np.array([0.0, 0.1, 0.4, 0.1, 0.4, 0.0], np.float32)


def draws(sampler, p, count):
    return [sampler.draw(p) for _ in range(count)]


def chi_square(p, drawn):
    """Pearson's statistic of the classes that were drawn, for probabilities p."""
    expected = p[p > 0] * len(drawn)
    assert expected.min() > 5
    return float(((np.bincount(drawn, minlength=len(p))[p > 0] - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_frequencies_are_the_probabilities(temperature):
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 2, 64).astype(np.float32)
    p /= p.sum()
    wanted = p.astype(np.float64) ** (1 / temperature)
    wanted /= wanted.sum()

    drawn = draws(Sampler(temperature, seed=1), p, 20_000)

    # 63 degrees of freedom: above 103 once in a thousand
    assert chi_square(wanted, drawn) < 103
    others = 1.0 if temperature != 1 else 2.0
    wrong = p.astype(np.float64) ** (1 / others)
    assert chi_square(wrong / wrong.sum(), drawn) > 300


def test_each_draw_takes_one_number_of_pcg64():
    numbers = np.random.Generator(np.random.PCG64(9)).random(200)
    p = np.array([0.125, 0.5, 0.25, 0.125], np.float32)

    wanted = [int(u >= 0.125) + int(u >= 0.625) + int(u >= 0.875) for u in numbers]

    assert draws(Sampler(seed=9), p, 200) == wanted


@pytest.mark.parametrize("temperature", [0, 1e-320, 1e-3, 1.0, 1e3, 1e300])
def test_a_class_of_probability_0_is_never_drawn(temperature):
    drawn = draws(Sampler(temperature, seed=0), P, 2000)

    assert set(drawn) <= {1, 2, 3, 4}


def test_a_class_is_drawn_however_improbable_the_others_are():
    p = np.array([1e-44, 1.0, 1e-44], np.float32)

    assert set(draws(Sampler(seed=0), p, 100)) == {1}
    assert set(draws(Sampler(1e300, seed=0), p, 100)) == {0, 1, 2}


def test_top_k_draws_the_most_probable_and_of_equal_ones_the_first():
    assert set(draws(Sampler(seed=0, top_k=1), P, 50)) == {2}
    assert set(draws(Sampler(seed=0, top_k=3), P, 500)) == {1, 2, 4}
    assert draws(Sampler(seed=0, top_k=1000), P, 50) == draws(Sampler(seed=0), P, 50)


def test_the_most_probable_are_those_of_a_stable_sort():
    rng = np.random.default_rng(0)
    for p in rng.integers(0, 6, (200, 12)).astype(np.float32):
        order = np.argsort(-p, kind="stable")
        for count in (1, 2, 5, 11, 12, 40):
            np.testing.assert_array_equal(most_probable(p, count), np.sort(order[:count]))


def test_temperature_0_is_the_most_probable_and_so_is_top_k_1():
    rng = np.random.default_rng(0)
    for p in rng.integers(0, 5, (200, 8)).astype(np.float32) + np.float32(1e-3):
        assert Sampler(0).draw(p) == int(p.argmax()) == Sampler(2.0, 1, 3).draw(p)


def test_an_almost_cold_sampler_draws_the_most_probable():
    assert set(draws(Sampler(5e-324, seed=0), np.array([0.4, 0.6], np.float32), 20)) == {1}


def test_without_a_seed_each_sampler_has_another_that_can_be_given_again():
    first, second = Sampler(), Sampler()

    assert first.seed != second.seed
    assert draws(first, P, 50) == draws(Sampler(seed=first.seed), P, 50)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_are_no_probabilities_is_an_error(temperature):
    with pytest.raises(ModelError, match="E_MODEL_RUN: the model returned no probabilities"):
        Sampler(temperature).draw(np.full(4, np.nan, np.float32))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": -0.1}, "temperature must be a finite number from 0, got -0.1."),
        ({"temperature": math.inf}, "temperature must be a finite number from 0, got inf."),
        ({"temperature": math.nan}, "temperature must be a finite number from 0, got nan."),
        ({"temperature": True}, "temperature must be a finite number from 0, got True."),
        ({"temperature": "1"}, "temperature must be a finite number from 0, got '1'."),
        ({"top_k": 0}, "top_k must be a whole number from 1, got 0."),
        ({"top_k": 2.0}, "top_k must be a whole number from 1, got 2.0."),
        ({"seed": -1}, "seed must be a whole number from 0, got -1."),
    ],
)
def test_an_option_out_of_its_range_is_an_error(options, words):
    with pytest.raises(UsageError) as error:
        Sampler(**options)

    assert str(error.value) == words
