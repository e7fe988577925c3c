"""Outputs of a forecast by step, target and quantile, and the names of its columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqrt.ahead.forecast import forecast_of
from seqrt.ahead.layout import ForecastLayout, named_outputs
from seqrt.contract import Column, Layer, Manifest
from seqrt.contract.quantiles import output_names
from seqrt.errors import ModelError, UsageError

LAYOUT = ForecastLayout(2, ("a", "b"), (0.1, 0.5, 0.9))


def manifest(quantiles, targets=("a", "b")):
    return Manifest(
        name="m",
        producer="seqrt",
        task="forecast",
        head="sequence",
        activation="none",
        layers=(Layer("gru", 2),),
        features=(Column("a"),),
        outputs=tuple(map(Column, output_names(["a", "b"], 2, quantiles))),
        targets=targets,
        horizon=2,
        quantiles=quantiles,
    )


def test_points_are_medians_and_intervals_lie_around_them():
    y = np.arange(12)

    assert LAYOUT.point(y).tolist() == [[1, 4], [7, 10]]
    lower, upper = LAYOUT.interval(y, 80)
    assert (lower.tolist(), upper.tolist()) == ([[0, 3], [6, 9]], [[2, 5], [8, 11]])


def test_without_quantiles_each_output_is_a_point():
    layout = ForecastLayout.of(manifest(()))

    assert layout.point(np.arange(4)).tolist() == [[0, 1], [2, 3]]
    assert layout.levels == ()


def test_targets_without_a_record_are_named_by_their_outputs():
    assert ForecastLayout.of(manifest((0.1, 0.5, 0.9), targets=())) == LAYOUT


def test_outputs_that_do_not_fit_the_horizon_are_a_damaged_manifest():
    for horizon in (3, 9):
        with pytest.raises(ModelError, match=f"an output for each of {horizon} steps, got 4"):
            ForecastLayout.of(replace(manifest(()), horizon=horizon))


def test_levels_are_those_of_the_model_or_an_error_that_lists_them():
    assert LAYOUT.chosen(None) == LAYOUT.chosen([80]) == (80.0,)
    assert LAYOUT.chosen([]) == ()
    with pytest.raises(UsageError, match=r"must be among those of the model, 80, got 95\."):
        LAYOUT.chosen([95])
    with pytest.raises(UsageError, match="has no quantiles"):
        ForecastLayout(2, ("a",)).chosen([80])


def test_columns_are_named_as_in_statsforecast():
    found = named_outputs(manifest((0.025, 0.1, 0.5, 0.9, 0.975)))

    assert found[:6] == [
        ("a+1", 2),
        ("a+1-lo-95", 0),
        ("a+1-lo-80", 1),
        ("a+1-hi-80", 3),
        ("a+1-hi-95", 4),
        ("b+1", 7),
    ]
    assert sorted(place for _, place in found) == list(range(20))
    assert named_outputs(manifest(()))[1] == ("b+1", 1)


def test_steps_beyond_the_horizon_have_no_interval():
    y = np.arange(24, dtype=np.float32).reshape(1, 2, 12)

    found = forecast_of(LAYOUT, y, 3, [80.0])

    assert found.point[0].tolist() == [[1, 4], [7, 10], [13, 16]]
    np.testing.assert_array_equal(found.upper[80][0], [[2, 5], [8, 11], [np.nan, np.nan]])
    assert (found.direct, found.levels) == (2, (80.0,))
