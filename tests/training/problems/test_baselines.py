"""Baselines: predictions without a network."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.metrics import measure
from seqrt.training import prepare
from seqrt.training.problems.baselines import baseline


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
