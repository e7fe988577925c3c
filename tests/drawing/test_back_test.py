"""The picture of a back-test: errors by step, and forecasts that do not overlap."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.ahead.layout import ForecastLayout
from seqrt.drawing.back_test import Panel, back_test_figure
from seqrt.forecasting.back_test import back_test
from seqrt.forecasting.naive import persistence
from seqrt.forecasting.origins import Origins


@pytest.fixture
def figure():
    values = np.sin(np.arange(100) / 2) + 3
    origins = Origins.in_series(values, 60, 5)
    test = back_test(origins, origins.truth[..., 0] + 0.5, ForecastLayout(5, ("y",)))
    naive = persistence(origins)[..., 0]
    truth = origins.truth[..., 0]
    panel = Panel(
        "height",
        np.arange(1, 101),
        values,
        origins.rows,
        truth + 0.5,
        naive,
        (truth, truth + 1),
        80,
    )
    return back_test_figure(test, [panel, panel], "year")


def test_there_is_a_line_for_the_model_and_the_better_baselines(figure):
    errors = figure.axes[0]
    names = [text.get_text() for text in errors.get_legend().get_texts()]

    assert "model" in names
    assert "ridge AR" in names
    assert errors.get_title(loc="left").startswith("MASE by step")
    for line in errors.get_lines():
        assert line.get_xdata().tolist() == [1, 2, 3, 4, 5]


def test_a_panel_shows_the_last_forecasts_one_after_the_other(figure):
    axes = figure.axes[1]
    forecasts = [line for line in axes.get_lines() if len(line.get_xdata()) == 5]
    firsts = sorted({int(line.get_xdata()[0]) for line in forecasts})

    assert firsts == [71, 76, 81, 86, 91, 96]
    assert axes.get_xlabel() == "year"
    assert len(axes.collections) == 6, "the interval of each forecast"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names[:2] == ["truth", "80 % interval"]
    assert sorted(names[1:]) == sorted(set(names[1:])), "each name once"
