"""The outputs of a forecaster: its point forecasts and its quantiles."""

from __future__ import annotations

from seqrt.contract.quantiles import output_names
from seqrt.forecasting.outputs import ForecastOutputs


def test_without_quantiles_the_outputs_are_by_step_and_target():
    outputs = ForecastOutputs.ordered(6, 3)

    assert outputs.points.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert outputs.intervals == {}
    assert outputs.places.shape == (0, 3, 2)


def test_quantiles_are_where_the_manifest_names_them():
    quantiles = (0.025, 0.1, 0.5, 0.9, 0.975)
    names = output_names(["a", "b"], 2, quantiles)

    outputs = ForecastOutputs.ordered(len(names), 2, quantiles)

    assert [[names[i] for i in step] for step in outputs.points] == [["a+1", "b+1"], ["a+2", "b+2"]]
    assert [[names[i] for i in step] for step in outputs.places[3]] == [
        ["a+1@0.9", "b+1@0.9"],
        ["a+2@0.9", "b+2@0.9"],
    ]
    assert outputs.intervals == {80.0: (1, 3), 95.0: (0, 4)}
