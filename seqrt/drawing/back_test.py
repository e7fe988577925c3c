"""The picture of a back-test: the error by step, and some forecasts beside what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqrt.colours import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from seqrt.drawing.forecast import time_axis
from seqrt.drawing.style import new_figure, style_axes
from seqrt.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from seqrt.forecasting.back_test import BackTest

Array = NDArray[Any]

# Forecasts drawn in a panel, one after the other, and the rows of truth before the first of them.
_MOST_FORECASTS = 6
_MOST_ROWS = 400

# A model with so many times the error of the best baseline makes a logarithmic axis necessary.
_FAR = 5
_MOST_MARKERS = 30
_DASHES = ("--", ":", "-.", (0, (6, 2)))


@dataclass(frozen=True, eq=False)
class Panel:
    """Forecasts of one target of one series beside what came.

    `truth` (T,) are the values at the times `when` (T,), `rows` (N,) the first row of each forecast
    and `model` and `baseline` (N, H) the forecasts. `ends` are the lower and the upper end (N, H)
    of the widest interval, which has this `level` in percent; there are none without intervals.
    """

    title: str
    when: Array
    truth: Array
    rows: NDArray[np.int64]
    model: Array
    baseline: Array
    ends: tuple[Array, ...] = ()
    level: float = 0.0


def back_test_figure(test: BackTest, panels: Sequence[Panel], time: str) -> Figure:
    """Draw the error by step of the model and the baselines, and a panel of each series."""
    figure = new_figure(11, 3.6 + 2.8 * len(panels))
    grid = figure.subplots(
        1 + len(panels), 1, squeeze=False, height_ratios=[1.25] + [1] * len(panels)
    )
    _draw_errors(grid[0, 0], test)
    for axes, panel in zip(grid[1:, 0], panels, strict=True):
        _draw_panel(axes, panel, test.best_naive.name)
        style_axes(axes, panel.title, time, crowded=True)
        time_axis(axes, panel.when)
    return figure


def _draw_errors(axes: Axes, test: BackTest) -> None:
    """Draw the error by step: the model, the best baselines in colour, the others in grey."""
    steps = np.arange(1, test.origins.horizon + 1)
    ranked = sorted(test.all, key=test.error)
    largest = 2.5 * max(test.error(each) for each in (test.model, test.best_naive))
    drawn = [each for each in ranked if test.error(each) <= largest]
    colours = {test.model.name: ORANGE, test.best_naive.name: GREEN}
    if test.best_fitted:
        colours[test.best_fitted.name] = PURPLE
    grey = cycle(_DASHES)
    for scores in drawn:
        style: dict[str, Any] = {"lw": 1.4, "zorder": 2}
        if scores.name not in colours:
            style |= {"ls": next(grey)}
        elif len(steps) <= _MOST_MARKERS:
            style |= {"marker": "o", "ms": 3}
        if scores is test.model:
            style |= {"lw": 2.4, "zorder": 3}
        colour = colours.get(scores.name, FAINT)
        axes.plot(steps, scores.by_step[test.metric], color=colour, label=scores.name, **style)
    if test.error(test.model) > _FAR * test.error(test.best_naive) > 0:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.locator_params(axis="x", integer=True)
    hidden = len(ranked) - len(drawn)
    more = f"; {counted(hidden, 'baseline')} with larger errors not drawn" if hidden else ""
    style_axes(axes, f"{test.metric} by step{more}", "steps ahead", test.metric)
    outside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    axes.legend(frameon=False, labelcolor=INK, **outside)


def _draw_panel(axes: Axes, panel: Panel, baseline: str) -> None:
    """Draw the last forecasts that do not overlap, and the truth around them."""
    horizon = panel.model.shape[1]
    shown = _without_overlap(panel.rows, horizon)
    first = panel.rows[shown[0]]
    start = max(0, int(first) - max(2 * horizon, 20))
    rows = slice(start, int(panel.rows[shown[-1]]) + horizon)
    axes.plot(panel.when[rows], panel.truth[rows], color=BLUE, lw=1.4, label="truth")
    for place in shown.tolist():
        row = int(panel.rows[place])
        ahead = panel.when[row : row + horizon]
        names = (
            [f"{panel.level:g} % interval", baseline, "model"] if place == shown[0] else [None] * 3
        )
        if panel.ends:
            low, high = (end[place] for end in panel.ends)
            axes.fill_between(ahead, low, high, color=ORANGE, alpha=0.18, lw=0, label=names[0])
        style: dict[str, Any] = {"marker": "o", "ms": 2.5} if horizon <= _MOST_MARKERS else {}
        axes.plot(ahead, panel.baseline[place], color=GREEN, lw=1.2, label=names[1], **style)
        axes.plot(ahead, panel.model[place], color=ORANGE, lw=1.8, label=names[2], **style)
        axes.axvline(ahead[0], color=FAINT, lw=0.6, ls=(0, (4, 3)))


def _without_overlap(rows: NDArray[np.int64], horizon: int) -> NDArray[np.int64]:
    """Return the places of the last origins (n,), each at least a horizon after the one before."""
    most = max(1, min(_MOST_FORECASTS, _MOST_ROWS // horizon))
    kept: list[int] = []
    for place in range(len(rows) - 1, -1, -1):
        if not kept or rows[kept[-1]] - rows[place] >= horizon:
            kept.append(place)
        if len(kept) == most:
            break
    return np.array(kept[::-1])
