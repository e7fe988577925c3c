"""The picture of a forecast: a panel per series, the forecast after the history."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from seqrt.ahead.forecast import forecast_of
from seqrt.ahead.layout import ForecastLayout
from seqrt.contract import Column, Layer, Manifest
from seqrt.data import read
from seqrt.data.ordering.arrange import arrange
from seqrt.data.predicted.future import future_of
from seqrt.drawing.forecast import forecast_figure
from seqrt.drawing.style import save_figure

MANIFEST = Manifest(
    name="shop",
    producer="seqrt",
    task="forecast",
    head="last",
    activation="none",
    layers=(Layer("gru", 4),),
    features=(Column("sales"),),
    outputs=(Column("sales+1"), Column("sales+2")),
    targets=("sales",),
    window=3,
    horizon=2,
)


def drawn(tmp_path, series, target="sales", quantiles=()):
    lines = [f"2024-01-{1 + i:02},{i}" for i in range(28)]
    (tmp_path / "days.csv").write_text("\n".join([f"date,{target}", *lines]) + "\n")
    bounds = np.linspace(0, 28, series + 1).astype(int)
    data = replace(
        arrange(read(tmp_path / "days.csv")),
        keys=tuple((f"shop {i}",) for i in range(series)),
        bounds=bounds,
        runs=np.stack([bounds[:-1], bounds[1:]], axis=1),
    )
    layout = ForecastLayout(2, (target,), quantiles)
    y = np.float32([50, 60]) if not quantiles else np.float32([45, 50, 58, 48, 60, 71])

    def forecast(x, *_, **__):
        return forecast_of(layout, np.tile(y, (len(x), 1, 1)), 2, layout.levels)

    future = future_of(data, MANIFEST, forecast)
    return forecast_figure(future, window=3)


@pytest.mark.parametrize("series", [1, 2, 3, 6, 7])
def test_there_is_a_panel_for_each_of_the_first_six_series(tmp_path, series):
    figure = drawn(tmp_path, series)

    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert titles == [f"shop {i}" for i in range(min(series, 6))]


def test_the_forecast_begins_at_the_last_known_value(tmp_path):
    (axes,) = drawn(tmp_path, 1).axes

    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["history"].get_ydata().tolist() == list(range(28))
    assert lines["forecast"].get_ydata().tolist() == [27, 50, 60]
    assert [str(day)[:10] for day in lines["forecast"].get_xdata()] == [
        "2024-01-28",
        "2024-01-29",
        "2024-01-30",
    ]


def test_intervals_are_fans_that_open_at_the_last_known_value(tmp_path):
    axes = drawn(tmp_path, 1, quantiles=(0.1, 0.5, 0.9)).axes[0]

    (fan,) = axes.collections
    (outline,) = fan.get_paths()
    reached = sorted(set(outline.vertices[:, 1]))
    assert reached == [27, 45, 48, 58, 71]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["history", "forecast", "80 %"]


def test_a_picture_needs_no_pyplot_and_has_the_same_bytes_every_time(tmp_path):
    figures = [drawn(tmp_path, 2) for _ in range(2)]

    for i, figure in enumerate(figures):
        save_figure(figure, tmp_path / f"{i}.png")

    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()
    assert "matplotlib.pyplot" not in sys.modules


def test_the_room_loads_no_matplotlib_until_a_picture_is_drawn():
    code = "import sys, seqrt.drawing.forecast; print('matplotlib' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
