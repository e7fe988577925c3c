"""Outputs of a forecaster are found by their names."""

from __future__ import annotations

import pytest

from seqrt.errors import ModelError
from seqrt.forecasting.outputs import ForecastOutputs


def test_without_levels_the_outputs_are_step_by_step():
    outputs = ForecastOutputs.of(["a+1", "b+1", "a+2", "b+2", "a+3", "b+3"], 3)

    assert outputs.points.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert outputs.levels == ()
    assert outputs.quantiles.shape == (0, 3, 2)


def test_names_of_another_kind_are_taken_in_order():
    assert ForecastOutputs.of(["y", "z"], 2).points.tolist() == [[0], [1]]


def test_quantiles_are_found_in_any_order():
    names = ["y+1", "y+1@0.9", "y+1@0.1", "y+2", "y+2@0.1", "y+2@0.9"]

    outputs = ForecastOutputs.of(names, 2)

    assert outputs.points.tolist() == [[0], [3]]
    assert outputs.levels == (0.1, 0.9)
    assert outputs.quantiles.tolist() == [[[2], [4]], [[1], [5]]]
    assert outputs.intervals == ((0, 1, 0.8),)


def test_the_median_is_the_point_forecast_where_there_is_no_other():
    names = [f"y+{step}@{level}" for step in (1, 2) for level in (0.025, 0.5, 0.975)]

    outputs = ForecastOutputs.of(names, 2)

    assert outputs.points.tolist() == [[1], [4]]
    assert outputs.intervals == ((0, 2, 0.95),)


@pytest.mark.parametrize(
    "names",
    [["y+1@0.1", "y+1@0.9"], ["y+1", "y+2", "y+1@0.1"], ["y+1", "y+2@0.1"]],
    ids=["no point", "a step without the level", "a step without a point"],
)
def test_incomplete_outputs_are_an_error(names):
    with pytest.raises(ModelError, match=r"E_MODEL_MANIFEST: .* as sales\+1@0\.1"):
        ForecastOutputs.of(names, 2)


def test_outputs_that_do_not_fill_the_steps_are_an_error():
    with pytest.raises(ModelError, match="2 steps must have an output for each"):
        ForecastOutputs.of(["y", "z", "w"], 2)
