"""Pictures of data: what is drawn, and what a long line keeps."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from seqrt.colours import BLUE, GREEN, ORANGE
from seqrt.drawing.data import Chart, Line, _thinned, draw_sequences, draw_table

EVERY = np.array([[0, 20]])
CUT = np.array([[0, 8], [8, 20]])


def line(name="", runs=EVERY, values=None):
    when = np.arange("2024-01-01", "2024-01-21", dtype="datetime64[D]").astype("datetime64[s]")
    return Line(name, when, np.arange(20.0) if values is None else values, runs)


def test_a_gap_breaks_the_line_and_is_shaded():
    figure = draw_table("t.csv", "day", [Chart("sales", (line(runs=CUT),))], 1)

    axes = figure.axes[0]
    assert [len(drawn.get_xdata()) for drawn in axes.lines] == [8, 12]
    assert len(axes.patches) == 1
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["gaps"]


def test_the_first_four_of_many_series_have_a_name():
    chart = Chart("sales", tuple(line(f"shop {i}") for i in range(6)))

    figure = draw_table("t.csv: 600 series", "day", [chart], 600)

    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["shop 0", "shop 1", "shop 2", "shop 3"]
    assert len(figure.axes[0].lines) == 6
    assert figure.get_suptitle() == "t.csv: 600 series (40 of them drawn)"


def test_classes_are_points_in_their_colours_beside_bars_of_their_counts():
    chart = Chart("way", (line(values=np.arange(20) % 3),), ("a", "b", "c"), (7, 7, 6))

    over_time, beside = draw_table("t.csv", "day", [chart], 1).axes

    assert [to_hex(drawn.get_color()) for drawn in over_time.lines] == [BLUE, ORANGE, GREEN]
    assert [bar.get_width() for bar in beside.patches] == [7, 7, 6]


def test_sequences_are_drawn_in_the_colour_of_their_class():
    target = Chart("classes", (), ("up", "down"), (2, 1))

    figure = draw_sequences("m.npz", [np.ones(3)] * 3, ["up", "down", "up"], np.full(3, 3), target)

    colours = [to_hex(drawn.get_color()) for drawn in figure.axes[0].lines]
    assert colours[:3] == [BLUE, ORANGE, BLUE]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["up", "down"]
    assert [to_hex(bar.get_facecolor()) for bar in figure.axes[2].patches] == [BLUE, ORANGE]


@pytest.mark.parametrize("count", [10, 5_000, 100_001])
def test_a_long_line_keeps_its_extremes_and_its_order(count):
    values = np.random.default_rng(0).normal(size=count)

    when, kept = _thinned(np.arange(count), values)

    assert len(kept) <= 2_000
    assert (kept.min(), kept.max()) == (values.min(), values.max())
    assert (np.diff(when) > 0).all()
    np.testing.assert_array_equal(values[when], kept)
