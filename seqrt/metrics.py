"""Metrics of predictions, computed in float64.

If there is a prediction for every step, concatenate the valid steps of all sequences first.
Shapes: N values or steps, O outputs, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqrt.errors import InputError, UsageError

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
Label = int | str

# Of the metrics that come first, and so decide which of several networks is the best.
LOWER_IS_BETTER = ("mse", "nats per byte")

# Models compute in float32, so a probability below its resolution, such as 0, is a rounding error:
# before the logarithm it is raised to that resolution.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)


def measure(
    task: str, truth: ArrayLike, predicted: ArrayLike, classes: Sequence[Label] = ()
) -> dict[str, float]:
    """Return the metrics of a task by name, the most important first.

    forecast, regress: truth and predicted are (N,) or (N, O). classify, tag: with `classes`, truth
    is (N,) labels and predicted (N, C) probabilities in the order of `classes`; without, truth
    (N,) or (N, O) consists of 0 and 1, and predicted holds the probability of a 1. generate: truth
    is (N,) bytes and predicted (N, 256) their probabilities. A metric that is undefined, such as an
    error relative to a variance of zero, is NaN.
    """
    if task == "generate":
        nats = log_loss(truth, predicted, classes)
        return language_metrics(nats, accuracy(confusion(truth, predicted, classes)))
    if task in ("forecast", "regress"):
        return _of_numbers(*as_pairs(truth, predicted))
    if task not in ("classify", "tag"):
        raise UsageError(
            f"task must be forecast, regress, classify, tag or generate, got {task!r}."
        )
    if classes:
        return _of_classes(truth, predicted, classes)
    return _of_flags(*as_pairs(truth, predicted))


def language_metrics(nats: float, share_right: float) -> dict[str, float]:
    """Return the metrics of a language model by name.

    `nats` is the mean negative logarithm of the probability of the byte that comes next, and
    `share_right` how often the most probable byte does.
    """
    return {
        "nats per byte": nats,
        "bits per byte": nats / math.log(2),
        "perplexity": math.exp(nats),
        "accuracy": share_right,
    }


def mse(truth: Numbers, predicted: Numbers) -> float:
    """Return the mean squared error."""
    return float(np.mean((predicted - truth) ** 2))


def mae(truth: Numbers, predicted: Numbers) -> float:
    """Return the mean absolute error."""
    return float(np.mean(np.abs(predicted - truth)))


def mse_over_variance(truth: Numbers, predicted: Numbers) -> float:
    """Return the sum of squared errors over the sum of squares about the mean, over all outputs.

    0 is perfect; 1 is no better than predicting the mean of each output.
    """
    return _ratio(np.sum((predicted - truth) ** 2), np.sum((truth - truth.mean(axis=0)) ** 2))


def r2(truth: Numbers, predicted: Numbers) -> float:
    """Return the coefficient of determination, averaged over the outputs."""
    outputs = zip(truth.T, predicted.T, strict=True)
    return float(np.mean([1 - mse_over_variance(*output) for output in outputs]))


def confusion(truth: ArrayLike, predicted: ArrayLike, classes: Sequence[Label]) -> Counts:
    """Return the confusion matrix (C, C): rows are true classes, columns the most probable ones."""
    probabilities = np.asarray(predicted, np.float64)
    rows = class_numbers(truth, probabilities, classes)
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (rows, probabilities.argmax(axis=1)), 1)
    return counts


def accuracy(counts: Counts) -> float:
    """Return the share of correct predictions in a confusion matrix (C, C)."""
    return _ratio(np.trace(counts), counts.sum())


def f1_macro(counts: Counts) -> float:
    """Return the mean F1 score of the classes that were true or predicted at least once."""
    hits, either = np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1)
    seen = either > 0
    return float(np.mean(f1_score(hits[seen], either[seen])))


def log_loss(truth: ArrayLike, predicted: ArrayLike, classes: Sequence[Label]) -> float:
    """Return the mean negative logarithm of the predicted probability of the true class."""
    probabilities = np.asarray(predicted, np.float64)
    rows = class_numbers(truth, probabilities, classes)
    right = probabilities[np.arange(len(rows)), rows]
    return float(-np.log(right.clip(SMALLEST_PROBABILITY, 1)).mean())


def binary_log_loss(truth: Numbers, predicted: Numbers) -> float:
    """Return the mean negative logarithm of the predicted probability of the true label, 0 or 1."""
    right = np.where(truth == 1, predicted, 1 - predicted)
    return float(-np.log(right.clip(SMALLEST_PROBABILITY, 1)).mean())


def _of_numbers(truth: Numbers, predicted: Numbers) -> dict[str, float]:
    squared = mse(truth, predicted)
    return {
        "mse": squared,
        "rmse": squared**0.5,
        "mae": mae(truth, predicted),
        "mse/variance": mse_over_variance(truth, predicted),
        "r2": r2(truth, predicted),
    }


def _of_classes(
    truth: ArrayLike, predicted: ArrayLike, classes: Sequence[Label]
) -> dict[str, float]:
    counts = confusion(truth, predicted, classes)
    return {
        "accuracy": accuracy(counts),
        "f1 macro": f1_macro(counts),
        "log loss": log_loss(truth, predicted, classes),
    }


def _of_flags(truth: Numbers, predicted: Numbers) -> dict[str, float]:
    if not np.isin(truth, (0, 1)).all():
        raise InputError(
            "E_INPUT_LABEL: labels without classes must be 0 or 1,"
            f" got {truth[~np.isin(truth, (0, 1))][0]:g}. Give the classes."
        )
    positive, true = predicted >= 0.5, truth == 1
    hits = (positive & true).sum(axis=0)
    either = positive.sum(axis=0) + true.sum(axis=0)
    return {
        "accuracy per label": float(np.mean(positive == true)),
        "accuracy of all labels": float(np.mean((positive == true).all(axis=1))),
        "f1 micro": float(f1_score(hits.sum(), either.sum())),
        "f1 macro": float(np.mean(f1_score(hits, either))),
        "log loss": binary_log_loss(truth, predicted),
    }


def f1_score(hits: Any, either: Any) -> Numbers:
    """Return F1 from `hits` and `either`, the sum of true and of predicted occurrences of a class.

    A class with neither gets 0, the usual convention.
    """
    return np.asarray(2 * hits / np.maximum(either, 1), np.float64)


def _ratio(part: Any, whole: Any) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def as_pairs(truth: ArrayLike, predicted: ArrayLike) -> tuple[Numbers, Numbers]:
    """Return both as float64 (N, O); raise InputError if their shapes differ."""
    pair = [np.asarray(array, np.float64) for array in (truth, predicted)]
    true, guess = (array[:, None] if array.ndim == 1 else array for array in pair)
    if true.shape != guess.shape or true.ndim != len("NO"):
        raise InputError(
            "E_INPUT_SHAPE: truth and predictions must both have shape (values, outputs),"
            f" got {pair[0].shape} and {pair[1].shape}."
        )
    _check_not_empty(true.size)
    return true, guess


def class_numbers(
    truth: ArrayLike, probabilities: Numbers, classes: Sequence[Label]
) -> NDArray[np.intp]:
    """Return the index of each label (N,) in `classes`; raise InputError for an unknown label."""
    labels = np.asarray(truth)
    if labels.ndim != 1 or probabilities.shape != (len(labels), len(classes)):
        raise InputError(
            f"E_INPUT_SHAPE: labels must have shape (values,) and probabilities (values,"
            f" {len(classes)}), got {labels.shape} and {probabilities.shape}."
        )
    _check_not_empty(labels.size)
    index = {label: i for i, label in enumerate(classes)}
    try:
        return np.array([index[label] for label in labels.tolist()], np.intp)
    except KeyError as error:
        known = ", ".join(repr(label) for label in classes[:12])
        raise InputError(
            f"E_INPUT_LABEL: every label must be one of the classes {known}, got {error.args[0]!r}."
        ) from None


def _check_not_empty(count: int) -> None:
    if not count:
        raise InputError("E_INPUT_EMPTY: metrics need at least one value, got none.")
