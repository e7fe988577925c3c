"""The picture of a comparison: how each contender learnt, and where each seed ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqrt.colours import INK
from seqrt.training.experiments.ranking import SMALL_IS_GOOD, Summary
from seqrt.training.runs.pictures import COLOURS, new_figure, save_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

_STYLES = ("-", "--", ":", "-.")


def draw_comparison(
    folder: Path, table: Sequence[Summary], name: str, solved: float | None
) -> Path:
    """Write curves.png into the folder of a comparison; return its path.

    `solved` is the figure from which on a built-in task counts as solved.
    """
    path = folder / "curves.png"
    save_figure(comparison(table, name, solved), path)
    return path


def comparison(table: Sequence[Summary], name: str, solved: float | None) -> Figure:
    """Draw the median of each contender over the steps and the band of its seeds; at the side ends.

    A trial that ended keeps the figure it ended with.
    """
    figure = new_figure(10, 5)
    learning, ends = figure.subplots(1, 2, sharey=True, width_ratios=(5, 1 + 0.25 * len(table)))
    for number, row in enumerate(table):
        look = {"color": COLOURS[number % len(COLOURS)]}
        _curve(learning, row, look | {"linestyle": _STYLES[number // len(COLOURS) % len(_STYLES)]})
        values = [trial.value for trial in row.finished]
        ends.plot([number] * len(values), values, "o", alpha=0.6, **look)
    for axes in (learning, ends):
        axes.axhline(table[0].plain, color=INK, linestyle="--", linewidth=1)
        if solved is not None:
            axes.axhline(solved, color=INK, linestyle=":", linewidth=1)
    _name_lines(learning, solved)
    _scale(learning, table[0].metric)
    seeds = max(len(row.outcomes) for row in table)
    several = f": median and range of {seeds} seeds" if seeds > 1 else ""
    style_axes(learning, f"Learning {name}{several}", "steps", table[0].metric)
    style_axes(ends, "At the end")
    ends.set_xticks(
        range(len(table)), [row.candidate.name for row in table], rotation=45, ha="right"
    )
    ends.margins(x=0.25)
    return figure


def _curve(axes: Axes, row: Summary, look: dict[str, Any]) -> None:
    label = row.candidate.name
    if failed := len(row.outcomes) - len(row.finished):
        label += f" ({failed} of {len(row.outcomes)} failed)"
    curves = _even([trial.curve for trial in row.finished])
    steps = row.outcomes[0].steps * np.arange(curves.shape[1])
    if not curves.size:
        axes.plot([], [], label=label, **look)
        return
    axes.plot(steps, np.median(curves, axis=0), label=label, linewidth=1.8, **look)
    axes.fill_between(
        steps, curves.min(axis=0), curves.max(axis=0), color=look["color"], alpha=0.15, linewidth=0
    )
    axes.plot(steps[-1], np.median(curves[:, -1]), "o", markersize=5, color=look["color"])


def _even(curves: Sequence[Sequence[float]]) -> Array:
    """Return curves of any lengths as one array; the last of each goes on."""
    longest = max(map(len, curves), default=0)
    rows = [[*curve, *[curve[-1]] * (longest - len(curve))] for curve in curves if curve]
    return np.array(rows, np.float64).reshape(len(rows), longest)


def _name_lines(axes: Axes, solved: float | None) -> None:
    axes.plot([], [], color=INK, linestyle="--", linewidth=1, label="baseline")
    if solved is not None:
        axes.plot([], [], color=INK, linestyle=":", linewidth=1, label="solved")


def _scale(axes: Axes, figure: str) -> None:
    """Errors fall over powers of ten; shares lie between 0 and 1."""
    low, high = axes.dataLim.intervaly
    if figure in SMALL_IS_GOOD and low > 0 and high > 20 * low:
        axes.set_yscale("log")
    elif figure not in SMALL_IS_GOOD:
        axes.set_ylim(min(0.0, low), 1.02)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
