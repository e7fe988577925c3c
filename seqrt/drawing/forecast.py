"""The picture of a forecast: the last rows of each series, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqrt.colours import BLUE, FAINT, ORANGE
from seqrt.drawing.style import new_figure, style_axes
from seqrt.wording import series_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from seqrt.data.predicted.future import Future

MOST_PANELS = 6
_COLUMNS = 2
# Rows of history: a few windows, enough to see a shape and few enough to see the forecast.
_FEWEST, _MOST = 40, 300
_WINDOWS, _HORIZONS = 3, 6


def forecast_figure(future: Future, window: int) -> Figure:
    """Draw a panel for each series and target, at most the first six."""
    series, _, each = future.y.shape
    panels = [(i, k) for i in range(series) for k in range(each)][:MOST_PANELS]
    columns = min(len(panels), _COLUMNS)
    rows = -(-len(panels) // columns)
    figure = new_figure(9.5 if columns == 1 else 12, 1 + 3.2 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (i, k) in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, future, i, k, window)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes in grid.flat[1 : len(panels)]:
        axes.get_legend().remove()
    return figure


def _draw_panel(axes: Axes, future: Future, i: int, k: int, window: int) -> None:
    """Draw the history and the forecast of target `k` of series `i`."""
    steps = future.y.shape[1]
    count = int(np.clip(max(_WINDOWS * window, _HORIZONS * steps), _FEWEST, _MOST))
    name, _, after = future.places
    when = after.reshape(-1, steps)[i]
    y = future.y[i, :, k]
    history = future.history(i, k, count)
    for number, (time, values) in enumerate(history):
        axes.plot(time, values, color=BLUE, lw=1.5, label=None if number else "history")
    if history:
        time, values = history[-1]
        when, y = np.append(time[-1:], when), np.append(values[-1:], y)
        axes.axvline(time[-1], color=FAINT, lw=0.8, ls=(0, (4, 3)))
    marker: dict[str, Any] = {"marker": "o", "ms": 3.5, "markevery": slice(len(history) > 0, None)}
    axes.plot(when, y, color=ORANGE, lw=1.8, label="forecast", **marker)
    _draw_fan(axes, future, i, k, when, y)
    target = future.targets[k]
    key = series_name(future.data.keys[future.series[i]])
    style_axes(axes, key or f"{target}: what comes next", name, target, crowded=True)
    time_axis(axes, when)


def _draw_fan(
    axes: Axes, future: Future, i: int, k: int, when: NDArray[Any], y: NDArray[Any]
) -> None:
    """Shade the intervals, the wider the fainter; a fan opens at the last known value."""
    after = future.forecast
    known = len(y) - after.point.shape[1]
    for number, level in enumerate(reversed(after.levels)):
        ends = (after.lower[level][i, :, k], after.upper[level][i, :, k])
        lower, upper = (np.append(y[:known], end) for end in ends)
        shade: dict[str, Any] = {"color": ORANGE, "lw": 0, "alpha": min(0.16 + 0.14 * number, 0.6)}
        axes.fill_between(when, lower, upper, label=f"{level:g} %", **shade)


def time_axis(axes: Axes, when: NDArray[Any]) -> None:
    """Write dates without repeating what they have in common, and whole numbers as such."""
    if when.dtype.kind != "M":
        axes.locator_params(axis="x", integer=True)
        return
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
