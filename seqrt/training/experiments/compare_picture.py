"""The picture of a comparison: the learning curve of each candidate, and the final values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqrt.colours import INK
from seqrt.drawing.style import new_figure, save_figure, style_axes
from seqrt.metrics import LOWER_IS_BETTER
from seqrt.training.experiments.ranking import Summary
from seqrt.training.runs.pictures import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

_STYLES = ("-", "--", ":", "-.")


def draw_comparison(
    folder: Path, table: Sequence[Summary], name: str, solved: float | None
) -> Path:
    """Write curves.png into the folder of a comparison; return its path.

    `solved` is the value at which a built-in task counts as solved.
    """
    path = folder / "curves.png"
    save_figure(comparison(table, name, solved), path)
    return path


def comparison(table: Sequence[Summary], name: str, solved: float | None) -> Figure:
    """Draw the median curve of each candidate with the range of its seeds, and the final values.

    The curve of a trial that ended early is extended with its last value.
    """
    figure = new_figure(10, 5)
    learning, ends = figure.subplots(1, 2, sharey=True, width_ratios=(5, 1 + 0.25 * len(table)))
    for number, summary in enumerate(table):
        look = {"color": COLOURS[number % len(COLOURS)]}
        line = _STYLES[number // len(COLOURS) % len(_STYLES)]
        _draw_curve(learning, summary, look | {"linestyle": line})
        values = [outcome.value for outcome in summary.finished]
        ends.plot([number] * len(values), values, "o", alpha=0.6, **look)
    for axes in (learning, ends):
        axes.axhline(table[0].baseline_value, color=INK, linestyle="--", linewidth=1)
        if solved is not None:
            axes.axhline(solved, color=INK, linestyle=":", linewidth=1)
    _label_lines(learning, solved)
    _scale(learning, table[0].metric)
    seeds = max(len(summary.outcomes) for summary in table)
    several = f": median and range of {seeds} seeds" if seeds > 1 else ""
    style_axes(learning, f"Learning curves of {name}{several}", "steps", table[0].metric)
    style_axes(ends, "Final values")
    names = [summary.candidate.name for summary in table]
    ends.set_xticks(range(len(table)), names, rotation=45, ha="right")
    ends.margins(x=0.25)
    return figure


def _draw_curve(axes: Axes, summary: Summary, look: dict[str, Any]) -> None:
    label = summary.candidate.name
    if failed := len(summary.outcomes) - len(summary.finished):
        label += f" ({failed} of {len(summary.outcomes)} failed)"
    curves = _extended([outcome.curve for outcome in summary.finished])
    steps = summary.outcomes[0].steps * np.arange(curves.shape[1])
    if not curves.size:
        axes.plot([], [], label=label, **look)
        return
    axes.plot(steps, np.median(curves, axis=0), label=label, linewidth=1.8, **look)
    axes.fill_between(
        steps, curves.min(axis=0), curves.max(axis=0), color=look["color"], alpha=0.15, linewidth=0
    )
    axes.plot(steps[-1], np.median(curves[:, -1]), "o", markersize=5, color=look["color"])


def _extended(curves: Sequence[Sequence[float]]) -> Array:
    """Return curves of any lengths as one array, each extended by its last value."""
    longest = max(map(len, curves), default=0)
    rows = [[*curve, *[curve[-1]] * (longest - len(curve))] for curve in curves if curve]
    return np.array(rows, np.float64).reshape(len(rows), longest)


def _label_lines(axes: Axes, solved: float | None) -> None:
    axes.plot([], [], color=INK, linestyle="--", linewidth=1, label="baseline")
    if solved is not None:
        axes.plot([], [], color=INK, linestyle=":", linewidth=1, label="solved")


def _scale(axes: Axes, metric: str) -> None:
    """Use a logarithmic scale for an error that falls far; other metrics lie between 0 and 1."""
    low, high = axes.dataLim.intervaly
    if metric in LOWER_IS_BETTER and low > 0 and high > 20 * low:
        axes.set_yscale("log")
    elif metric not in LOWER_IS_BETTER:
        axes.set_ylim(min(0.0, low), 1.02)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
