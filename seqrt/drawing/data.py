"""Pictures of data before any training: columns over time and how often each value comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from seqrt.colours import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from seqrt.drawing.style import new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

COLOURS: Final = (BLUE, ORANGE, GREEN, PURPLE)
MOST_LINES: Final = 40
MOST_BARS: Final = 12

# A line has at most this many points: the lowest and the highest value of each of its stretches.
_POINTS = 2_000


@dataclass(frozen=True)
class Line:
    """One series in a chart: `values` (T,) at the times `when` (T,), in runs without a gap.

    `runs` (R, 2) holds the first row of each run and the row after its last.
    """

    name: str
    when: Array
    values: Array
    runs: Array


@dataclass(frozen=True)
class Chart:
    """One column: a line for each series, or with `classes` the number of the class at each time.

    `counts` says how often each class comes.
    """

    title: str
    lines: tuple[Line, ...]
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()


def draw_table(title: str, time: str, charts: Sequence[Chart], series: int) -> Figure:
    """Draw columns over time, one below the other, and beside each how often its values come.

    Gaps are shaded in the colour of their line. Of many series, the first four have a colour and a
    name; `series` is the number of all.
    """
    figure = new_figure(11, 1.1 + 2.3 * len(charts))
    rows = figure.subplots(len(charts), 2, squeeze=False, width_ratios=(5, 1), sharey="row")
    for chart, (over_time, beside) in zip(charts, rows, strict=True):
        _draw_lines(over_time, chart)
        style_axes(over_time, chart.title, crowded=True)
        _draw_margin(beside, chart)
        if over_time is not rows[-1, 0]:
            over_time.sharex(rows[-1, 0])
            over_time.tick_params(labelbottom=False)
    rows[-1, 0].set_xlabel(time, color=INK)
    _set_time_axis(rows[-1, 0], charts[0].lines[0].when)
    more = f" ({MOST_LINES} of them drawn)" if series > MOST_LINES else ""
    figure.suptitle(f"{title}{more}", x=0.01, ha="left", color=INK, fontsize=13)
    return figure


def draw_sequences(
    title: str, examples: Sequence[Array], labels: Sequence[str], lengths: Array, target: Chart
) -> Figure:
    """Draw the first feature of some `examples` (T_i,), the lengths (B,), and the targets.

    `labels` are the classes of the examples, empty if the targets are numbers. The values of the
    target, or its class counts, are those of `target`.
    """
    figure = new_figure(11, 4.1)
    shown, long, found = figure.subplots(1, 3, width_ratios=(2.2, 1, 1))
    colours = dict(zip(target.classes, _class_colours(target), strict=True)) if labels else {}
    for example, label in zip(examples, labels or [""] * len(examples), strict=True):
        colour = colours.get(label, BLUE)
        shown.plot(np.arange(len(example)), example, color=colour, lw=1.1, alpha=0.75)
    if len(colours) <= len(COLOURS):
        for label, colour in colours.items():
            shown.plot([], [], color=colour, label=label)
    style_axes(shown, f"feature x0 of {len(examples)} sequences", "step", crowded=True)
    _histogram(long, lengths, whole=True)
    style_axes(long, "lengths", "steps")
    long.grid(visible=False)
    long.set_yticks([])
    _draw_target(found, target)
    figure.suptitle(title, x=0.01, ha="left", color=INK, fontsize=13)
    return figure


def _draw_lines(axes: Axes, chart: Chart) -> None:
    """Draw the series of a chart, those without a colour first, below the others."""
    if chart.classes:
        _draw_classes(axes, chart)
    else:
        for line in chart.lines[len(COLOURS) : MOST_LINES]:
            _draw_line(axes, line, FAINT, 0.6, None, alpha=0.35)
    for line, colour in zip(chart.lines, COLOURS, strict=False):
        if not chart.classes:
            _draw_line(axes, line, colour, 1.2, line.name if len(chart.lines) > 1 else None)
        for number, (before, after) in enumerate(pairwise(line.runs.tolist())):
            start, stop = line.when[before[1] - 1], line.when[after[0]]
            label = "gaps" if len(chart.lines) == 1 and not number else None
            axes.axvspan(start, stop, color=colour, alpha=0.14, lw=0, label=label)


def _draw_line(
    axes: Axes, line: Line, colour: str, width: float, name: str | None, *, alpha: float = 1.0
) -> None:
    for number, (first, last) in enumerate(line.runs.tolist()):
        when, values = _thinned(line.when[first:last], line.values[first:last])
        marker = "." if len(values) == 1 else ""  # a line through a single point is invisible
        label = None if number else name
        style: dict[str, Any] = {"color": colour, "lw": width, "alpha": alpha, "marker": marker}
        axes.plot(when, values, label=label, **style)


def _draw_classes(axes: Axes, chart: Chart) -> None:
    """Draw a point at each time, at the height of its class."""
    for line in chart.lines[:MOST_LINES]:
        kept = slice(None, None, 1 + len(line.values) // _POINTS)
        when, values = line.when[kept], line.values[kept]
        for number in range(len(chart.classes)):
            there = values == number
            colour = _class_colours(chart)[number]
            axes.plot(when[there], values[there], ".", color=colour, ms=3)
    axes.set_yticks(range(len(chart.classes)), chart.classes)
    axes.set_ylim(-0.6, len(chart.classes) - 0.4)


def _class_colours(chart: Chart) -> list[str]:
    """Return a colour for each class; one for all if there are too many to tell apart."""
    count = len(chart.classes)
    return [COLOURS[i] if count <= len(COLOURS) else FAINT for i in range(count)]


def _thinned(when: Array, values: Array) -> tuple[Array, Array]:
    """Return the lowest and the highest value of each stretch of a long line, in their order."""
    if len(values) <= _POINTS:
        return when, values
    edges = np.linspace(0, len(values), _POINTS // 2 + 1).astype(np.int64)[:-1]
    stretch = np.repeat(np.arange(len(edges)), np.diff(np.append(edges, len(values))))
    order = np.lexsort((values, stretch))
    ends = np.append(edges[1:], len(values)) - 1
    kept = np.unique(np.concatenate([order[edges], order[ends]]))
    return when[kept], values[kept]


def _draw_margin(axes: Axes, chart: Chart) -> None:
    """Draw beside a chart, at the same height, how often each class or value comes."""
    if chart.classes:
        _bars(axes, chart)
    else:
        values = np.concatenate([line.values for line in chart.lines])
        axes.hist(values[np.isfinite(values)], bins=40, color=FAINT, orientation="horizontal")
    style_axes(axes, "")
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.tick_params(labelleft=False)
    axes.spines["bottom"].set_visible(False)


def _draw_target(axes: Axes, target: Chart) -> None:
    """Draw the classes of the targets of sequences, or a histogram of their values."""
    if target.classes:
        _bars(axes, target)
        axes.set_yticks(range(len(target.classes[:MOST_BARS])), target.classes[:MOST_BARS])
        axes.invert_yaxis()
        axes.set_xticks([])
    else:
        _histogram(axes, np.concatenate([line.values for line in target.lines]))
    style_axes(axes, target.title)
    axes.grid(visible=False)


def _bars(axes: Axes, chart: Chart) -> None:
    names, counts = chart.classes[:MOST_BARS], chart.counts[:MOST_BARS]
    places = np.arange(len(names))
    axes.barh(places, counts, color=_class_colours(chart)[: len(names)], height=0.6)
    for place, count in zip(places, counts, strict=True):
        axes.annotate(
            f" {count:,}", (count, place), va="center", color=INK, fontsize=8, annotation_clip=False
        )
    axes.set_xlim(0, 1.25 * max(counts, default=1))


def _histogram(axes: Axes, values: Array, *, whole: bool = False) -> None:
    known = values[np.isfinite(values)]
    bins: Any = 30
    if whole and len(known) and np.ptp(known) < len(COLOURS) * 10:
        bins = np.arange(known.min(), known.max() + 2) - 0.5
    axes.hist(known, bins=bins, color=FAINT)
    if whole and len(known) and known.min() == known.max():
        axes.set_xticks([known[0]])
    elif whole:
        axes.locator_params(axis="x", integer=True)


def _set_time_axis(axes: Axes, when: Array) -> None:
    """Write dates shortly, and whole numbers, such as years and rows, as whole numbers."""
    if when.dtype.kind == "M":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    elif (when == np.round(when)).all():
        axes.locator_params(axis="x", integer=True)
