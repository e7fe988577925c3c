"""Baselines: predictions without a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqrt.metrics import measure
from seqrt.training import prepare
from seqrt.training.problems.baselines import baseline, seasonal_baselines


def test_persistence_says_the_last_value_for_every_step_ahead(tmp_path):
    np.save(tmp_path / "steps.npy", np.arange(100.0))
    problem = prepare(tmp_path / "steps.npy", window=5, horizon=3)

    name, predicted = baseline(problem)

    assert name == "persistence"
    np.testing.assert_array_equal(problem.validation.truth - predicted, [[1, 2, 3]] * 13)


def test_persistence_needs_no_target_among_the_features(series_csv):
    problem = prepare(series_csv, task="forecast", target="height", features="weekday", window=6)

    _, predicted = baseline(problem)

    truth = problem.validation.truth
    np.testing.assert_array_equal(predicted[1:], truth[:-1])


@pytest.mark.parametrize("head", ["last", "sequence"])
def test_numbers_are_said_to_be_the_mean_of_the_training_part(head, tmp_path, rng):
    y = rng.random((20, 4, 2)) if head == "sequence" else rng.random((20, 2))
    np.savez(tmp_path / "numbers.npz", x=rng.random((20, 4, 1)), y=y)
    problem = prepare(tmp_path / "numbers.npz")

    name, predicted = baseline(problem)

    assert name == "mean"
    assert predicted.shape == problem.validation.truth.shape
    np.testing.assert_allclose(predicted[0], problem.train.truth.mean(0), rtol=1e-6)


def test_labels_are_said_to_be_the_majority(tmp_path, rng):
    y = np.repeat(["common", "rare"], [30, 10])
    np.savez(tmp_path / "labels.npz", x=rng.random((40, 4, 1)), y=y)
    problem = prepare(tmp_path / "labels.npz")

    name, predicted = baseline(problem)

    figures = measure("classify", problem.validation.truth, predicted, problem.metadata.classes)
    assert name == "majority class"
    np.testing.assert_allclose(predicted, [[0.75, 0.25]] * 8)
    assert figures["accuracy"] == 0.75


def test_flags_are_each_said_to_be_their_majority(tmp_path, rng):
    y = np.ones((20, 4, 3), int)
    y[..., 0] = 0
    np.savez(tmp_path / "flags.npz", x=rng.random((20, 4, 1)), y=y)
    problem = prepare(tmp_path / "flags.npz")

    name, predicted = baseline(problem)

    assert name == "majority of each label"
    np.testing.assert_array_equal(predicted, [[0.0, 1.0, 1.0]] * 16)


def test_seasonal_naive_says_the_value_a_season_before(tmp_path, rng):
    values = np.tile([1.0, 5, 2, 8, 3, 9, 4], 20) + 0.1 * rng.random(140)
    np.save(tmp_path / "weeks.npy", values)
    problem = prepare(tmp_path / "weeks.npy", window=3, horizon=2)

    predicted = seasonal_baselines(problem)

    rows = problem.validation.first_rows
    assert list(predicted) == ["seasonal naive 7"]
    np.testing.assert_allclose(
        predicted["seasonal naive 7"], np.stack([values[rows - 7], values[rows - 6]], axis=1)
    )


def test_there_is_no_seasonal_baseline_without_a_season_or_a_forecast(tmp_path, series_csv):
    np.save(tmp_path / "steps.npy", np.arange(100.0))

    assert seasonal_baselines(prepare(tmp_path / "steps.npy", window=5)) == {}
    plain = prepare(series_csv, task="regress", target="height", features="weekday", window=6)
    assert seasonal_baselines(plain) == {}


def test_windows_in_the_order_of_folds_get_their_own_predictions(tmp_path):
    values = np.tile([1.0, 5, 2, 8, 3, 9, 4], 20)
    np.save(tmp_path / "weeks.npy", values)
    problem = prepare(tmp_path / "weeks.npy", window=7)
    part = problem.validation
    turned = replace(part, x=part.x, y=part.y[::-1], first_rows=part.first_rows[::-1])

    predicted = seasonal_baselines(replace(problem, validation=turned))

    np.testing.assert_allclose(predicted["seasonal naive 7"], turned.truth)
