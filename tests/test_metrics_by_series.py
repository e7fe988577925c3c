"""Metrics of each series equal the metrics of its values alone."""

from __future__ import annotations

import csv
import io
import math
import time

import numpy as np
import pytest

from seqrt.metrics import measure
from seqrt.metrics_by_series import SeriesMetrics, measure_series

CLASSES = ("rest", "run", "walk")


def drawn(task, rng, count):
    """Return truth, predictions and classes of a task."""
    if task in ("forecast", "regress"):
        truth = rng.normal(size=(count, 3))
        return truth, truth + rng.normal(size=(count, 3)), ()
    if task == "classify":
        return rng.choice(CLASSES[:2], count), rng.dirichlet(np.ones(3), count), CLASSES
    return rng.integers(0, 2, (count, 2)), rng.random((count, 2)), ()


@pytest.mark.parametrize("task", ["forecast", "regress", "classify", "tag"])
def test_each_series_has_the_metrics_of_its_values_alone(task):
    rng = np.random.default_rng(0)
    truth, predicted, classes = drawn(task, rng, 200)
    series = rng.choice([0, 1, 3], 200)
    series[0] = 2  # a single value, whose variance is zero

    found = measure_series(task, truth, predicted, classes, series, 5)

    for i in range(4):
        alone = measure(task, truth[series == i], predicted[series == i], classes)
        assert list(found) == list(alone)
        own = {name: values[i] for name, values in found.items()}
        assert own == pytest.approx(alone, rel=1e-9, nan_ok=True)
    assert all(math.isnan(values[4]) for values in found.values())


@pytest.fixture
def two_shops():
    """Three shops of which one has no target; the second is forecast worst."""
    return SeriesMetrics.of(
        "forecast",
        np.array([1.0, 2.0, 10.0, 20.0]),
        np.array([1.0, 3.0, 10.0, 16.0]),
        (),
        np.array([0, 0, 2, 2]),
        ("shop", "item"),
        [("a", "x"), ("b", "x"), ("c", "x")],
        ("persistence", np.array([1.0, 1.0, 0.0, 10.0])),
    )


def test_the_worst_series_is_named_beside_the_baseline(two_shops):
    assert two_shops.names == ("a/x", "c/x")
    assert two_shops.summary() == "worst of 2 series: c/x, mse 8 (persistence 100)"


def test_the_table_has_a_row_for_each_series_with_a_target(two_shops):
    rows = list(csv.DictReader(io.StringIO(two_shops.csv())))

    assert [(row["shop"], row["item"], row["count"]) for row in rows] == [
        ("a", "x", "2"),
        ("c", "x", "2"),
    ]
    assert [float(row["mse"]) for row in rows] == [0.5, 8.0]
    assert [float(row["persistence mse"]) for row in rows] == [0.5, 100.0]


def test_the_record_has_no_nan():
    found = SeriesMetrics.of(
        "forecast", [1.0, 2.0], [1.0, 4.0], (), np.array([0, 1]), ("id",), [("a",), ("b",)]
    )

    record = found.record()

    assert record["worst"] == "b"
    assert record["series"]["a"]["figures"]["r2"] is None
    assert "baseline" not in record["series"]["a"]


def test_the_worst_label_is_the_least_accurate():
    found = SeriesMetrics.of(
        "tag",
        [1, 1, 0],
        [0.9, 0.2, 0.1],
        (),
        np.array([0, 1, 2]),
        ("id",),
        [("a",), ("b",), ("c",)],
    )

    assert found.summary() == "worst of 3 series: b, accuracy per label 0"


def test_ten_thousand_series_take_a_moment():
    series = np.repeat(np.arange(10_000), 20)
    truth = np.random.default_rng(0).normal(size=200_000)
    keys = [(str(i),) for i in range(10_000)]
    began = time.perf_counter()

    found = SeriesMetrics.of("forecast", truth, truth + 1, (), series, ("id",), keys)
    text = found.csv()

    assert text.count("\n") == 10_001
    assert time.perf_counter() - began < 5  # 0.2 s where it was written
