"""Metrics equal their formulas, on numbers that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqrt.errors import InputError, UsageError
from seqrt.metrics import confusion, measure

CLASSES = ("rest", "run", "walk")


def test_errors_of_a_forecast_are_those_worked_out_by_hand():
    truth = np.array([1.0, 2.0, 3.0, 6.0])
    predicted = np.array([1.0, 2.0, 5.0, 5.0])

    figures = measure("forecast", truth, predicted)

    assert list(figures) == ["mse", "rmse", "mae", "mse/variance", "r2"]
    assert figures == pytest.approx(
        {"mse": 5 / 4, "rmse": math.sqrt(5) / 2, "mae": 3 / 4, "mse/variance": 5 / 14, "r2": 9 / 14}
    )


def test_outputs_are_pooled_in_the_error_over_variance_and_averaged_in_r2():
    truth = np.array([[0.0, 0.0], [2.0, 20.0]])
    predicted = np.array([[1.0, 0.0], [2.0, 20.0]])

    figures = measure("regress", truth, predicted)

    assert figures["mse/variance"] == pytest.approx(1 / (2 + 200))
    assert figures["r2"] == pytest.approx((1 / 2 + 1) / 2)


def test_the_mean_of_the_truth_has_an_error_of_one_variance():
    truth = np.random.default_rng(0).normal(5.0, 3.0, 100)

    figures = measure("regress", truth, np.full(100, truth.mean()))

    assert figures["mse/variance"] == pytest.approx(1.0)
    assert figures["r2"] == pytest.approx(0.0)


def test_an_error_relative_to_no_variance_has_no_value():
    figures = measure("forecast", [3.0, 3.0], [3.0, 4.0])

    assert figures["mse"] == 0.5
    assert math.isnan(figures["mse/variance"])
    assert math.isnan(figures["r2"])


def test_float32_is_measured_in_float64():
    truth = np.zeros(1_000_001, np.float32)
    predicted = np.full(1_000_001, 1e-3, np.float32)

    figures = measure("forecast", truth, predicted)

    assert figures["mse"] == pytest.approx(float(np.float32(1e-3)) ** 2, rel=1e-12)


def test_a_column_of_one_output_is_a_row_of_values():
    assert measure("forecast", [1.0, 2.0], [[1.0], [4.0]])["mse"] == 2.0


def test_figures_of_classes_are_those_worked_out_by_hand():
    truth = ["rest", "rest", "run", "run"]
    predicted = [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [0.3, 0.7, 0.0]]

    figures = measure("classify", truth, predicted, CLASSES)

    assert list(figures) == ["accuracy", "f1 macro", "log loss"]
    assert figures["accuracy"] == 3 / 4
    # rest: 1 hit, 2 true, 1 predicted; run: 2 hits, 2 true, 3 predicted; walk: neither
    assert figures["f1 macro"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    losses = -np.log([0.9, 0.2, 0.9, 0.7])
    assert figures["log loss"] == pytest.approx(losses.mean())


def test_a_class_that_is_only_said_counts_as_a_miss():
    predicted = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]

    figures = measure("tag", np.array(["rest", "rest"]), predicted, CLASSES)

    assert figures["f1 macro"] == pytest.approx((2 / 3 + 0) / 2)


def test_an_impossible_truth_has_a_finite_log_loss():
    figures = measure("classify", [1], [[1.0, 0.0]], (0, 1))

    assert figures["log loss"] == pytest.approx(-math.log(np.finfo(np.float32).eps))


def test_a_confusion_counts_truth_down_and_predictions_across():
    truth = np.array(["rest", "walk", "walk", "run"])
    predicted = np.eye(3)[[0, 1, 1, 1]]

    counts = confusion(truth, predicted, CLASSES)

    np.testing.assert_array_equal(counts, [[1, 0, 0], [0, 1, 0], [0, 2, 0]])


def test_figures_of_flags_are_those_worked_out_by_hand():
    truth = np.array([[1, 0], [1, 1], [0, 0], [0, 0]])
    predicted = np.array([[0.9, 0.2], [0.4, 0.6], [0.1, 0.7], [0.2, 0.1]])

    figures = measure("tag", truth, predicted)

    assert figures["accuracy per label"] == 6 / 8
    assert figures["accuracy of all labels"] == 2 / 4
    # first: 1 hit, 2 true, 1 predicted; second: 1 hit, 1 true, 2 predicted
    assert figures["f1 micro"] == pytest.approx(4 / 6)
    assert figures["f1 macro"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    right = [0.9, 0.8, 0.4, 0.6, 0.9, 0.3, 0.8, 0.9]
    assert figures["log loss"] == pytest.approx(-np.log(right).mean())


@pytest.mark.parametrize("truth", [[1, 1], [0, 0]])
def test_flags_without_a_second_kind_still_have_figures(truth):
    figures = measure("tag", truth, [[0.0], [0.0]])

    assert all(math.isfinite(value) for value in figures.values())


def test_a_label_that_is_no_class_is_named():
    with pytest.raises(InputError, match=r"^E_INPUT_LABEL: .*'rest', 'run', 'walk', got 'jump'\."):
        measure("classify", ["rest", "jump"], np.eye(3)[:2], CLASSES)


def test_a_flag_that_is_neither_0_nor_1_is_named():
    with pytest.raises(InputError, match=r"^E_INPUT_LABEL: .* must be 0 or 1, got 2\."):
        measure("tag", [0, 2], [0.5, 0.5])


@pytest.mark.parametrize(
    ("task", "truth", "predicted", "classes"),
    [
        ("forecast", np.zeros(3), np.zeros(4), ()),
        ("forecast", np.zeros((3, 1)), np.zeros((3, 2)), ()),
        ("regress", np.zeros((3, 1, 1)), np.zeros((3, 1, 1)), ()),
        ("classify", np.zeros(3), np.zeros((3, 2)), CLASSES),
        ("classify", np.zeros((3, 1)), np.zeros((3, 3)), CLASSES),
    ],
)
def test_shapes_that_do_not_fit_are_refused(task, truth, predicted, classes):
    with pytest.raises(InputError, match=r"^E_INPUT_SHAPE: .*, got \("):
        measure(task, truth, predicted, classes)


@pytest.mark.parametrize(("task", "classes"), [("forecast", ()), ("tag", ()), ("tag", CLASSES)])
def test_no_values_have_no_figures(task, classes):
    with pytest.raises(InputError, match=r"^E_INPUT_EMPTY"):
        measure(task, np.zeros(0), np.zeros((0, len(classes) or 1)), classes)


def test_an_unknown_task_is_named():
    with pytest.raises(UsageError, match=r"task must be .*, got 'guess'"):
        measure("guess", [1.0], [1.0])


def test_what_a_caller_gives_is_not_changed():
    truth, predicted = np.array([1.0, 2.0]), np.array([0.0, 1e-12])

    measure("forecast", truth, predicted)
    measure("tag", np.array([0, 1]), predicted)

    np.testing.assert_array_equal(truth, [1.0, 2.0])
    np.testing.assert_array_equal(predicted, [0.0, 1e-12])
