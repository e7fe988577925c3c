"""Values between and beyond the quantiles of a forecast: scores, p-values and back."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from seqrt.ahead.normal_scores import NormalScores, p_values, upper_scores

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
NORMAL = NormalDist(mu=3, sigma=2)
RIGHT = np.array([NORMAL.inv_cdf(q) for q in LEVELS])
SCORES = NormalScores(LEVELS)


def test_a_value_of_a_normal_distribution_has_its_standard_score_anywhere():
    values = np.array([-9.0, -1.0, 0.3, 3.0, 4.5, 7.5, 12.0])

    z = SCORES.score(np.tile(RIGHT, (7, 1)), values)

    np.testing.assert_allclose(z, (values - 3) / 2, atol=1e-12)
    np.testing.assert_allclose(SCORES.value(np.tile(RIGHT, (7, 1)), z), values, atol=1e-12)


def test_the_p_value_is_the_share_of_values_farther_out():
    np.testing.assert_allclose(
        p_values(np.array([0, 1.959964, -3.290527])), [1, 0.05, 0.001], rtol=1e-6
    )
    assert np.isnan(p_values(np.array([np.nan])))


def test_the_score_of_a_level_is_that_of_its_upper_end():
    z = upper_scores(np.array([0.05, 0.0, -0.2, 1.0, 1.3]))

    np.testing.assert_allclose(z, [1.959964, np.inf, np.inf, 0, 0], rtol=1e-6)


@pytest.mark.parametrize(("value", "z"), [(5.0, 0.0), (5.1, np.inf), (4.9, -np.inf)])
def test_equal_quantiles_accept_their_value_alone(value, z):
    assert SCORES.score(np.full(5, 5.0), np.float64(value)) == z


def test_half_equal_quantiles_give_the_score_closest_to_zero():
    quantiles = np.array([0.0, 0.0, 0.0, 1.0, 2.0])

    assert SCORES.score(quantiles, np.float64(0.0)) == pytest.approx(0, abs=1e-12)
    assert SCORES.score(quantiles, np.float64(1.0)) == pytest.approx(1.2815516)


def test_a_narrow_last_piece_does_not_shorten_the_tail():
    narrow = np.array([-1.0, -0.999, 0.0, 0.999, 1.0])

    z = SCORES.score(narrow, np.float64(2.0))

    assert z == pytest.approx(2 * 1.959964, rel=1e-6)


def test_quantiles_that_cross_are_read_in_order_and_missing_ones_have_no_score():
    crossed = RIGHT[[1, 0, 2, 3, 4]]

    assert SCORES.score(crossed, np.float64(5.0)) == SCORES.score(RIGHT, np.float64(5.0))
    assert np.isnan(SCORES.score(RIGHT * np.nan, np.float64(5.0)))
    assert np.isnan(SCORES.score(RIGHT, np.float64(np.nan)))


def test_a_score_does_not_depend_on_the_other_values():
    rng = np.random.default_rng(0)
    quantiles, values = np.sort(rng.normal(size=(999, 5))), rng.normal(size=999) * 3

    together = SCORES.score(quantiles, values)

    alone = [SCORES.score(q, v).item() for q, v in zip(quantiles, values, strict=True)]
    np.testing.assert_array_equal(together, alone)


def test_heavier_tails_have_more_small_p_values_as_documented():
    quantiles = np.array([np.sign(q - 0.5) * -np.log(2 * min(q, 1 - q)) for q in LEVELS])
    noise = np.random.default_rng(0).laplace(size=400_000)

    p = p_values(SCORES.score(np.broadcast_to(quantiles, (len(noise), 5)), noise))

    assert (p < 0.2).mean() == pytest.approx(0.2, rel=0.02)
    assert (p < 0.05).mean() == pytest.approx(0.05, rel=0.03)
    assert 2.5 < (p < 0.001).mean() / 0.001 < 4
