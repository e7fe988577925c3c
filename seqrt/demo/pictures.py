"""The pictures of the tutorial: learning curves, forecasts, memory, and parity of both networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqrt.colours import BLUE, FAINT, INK, ORANGE
from seqrt.demo.long_memory import LENGTH, TASK, MemoryLesson
from seqrt.demo.tutorial import WINDOW, Lesson, baselines, held_out
from seqrt.drawing.style import new_figure, save_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

_COLOURS = {"rnn": BLUE, "lstm": ORANGE}
# A dashed line leaves the other visible where the two coincide.
_STYLES: dict[str, dict[str, Any]] = {
    "rnn": {"color": BLUE},
    "lstm": {"color": ORANGE, "linestyle": (0, (4, 2))},
}
_SHOWN, _POINTS = 150, 500
# The largest error that export allows these networks, in units of each output's scale.
_LIMIT = 1e-5


def draw_pictures(
    lessons: Sequence[Lesson], folder: str | Path, memory: Sequence[MemoryLesson] = ()
) -> tuple[Path, ...]:
    """Write curves.png, forecast.png and parity.png into `folder`; return their paths.

    With the lessons of the task for long memory there is memory.png too.
    """
    figures = {
        "curves.png": _learning_curves(lessons),
        "forecast.png": _forecasts(lessons),
        "parity.png": _parity(lessons),
    }
    if memory:
        figures["memory.png"] = _memory(lessons, memory)
    for name, figure in figures.items():
        save_figure(figure, Path(folder) / name)
    return tuple(Path(folder) / name for name in figures)


def _learning_curves(lessons: Sequence[Lesson]) -> Figure:
    """Draw training and validation loss over the epochs, one panel for each network."""
    figure = new_figure(10, 4.2)
    for axes, lesson in _panels(figure, lessons):
        epochs, colour = lesson.run.epochs, _COLOURS[lesson.run.plan.cell]
        number = np.array([epoch.number for epoch in epochs])
        loss = np.array([epoch.val_loss for epoch in epochs], np.float64)
        best = loss.argmin()
        axes.plot(number, [epoch.loss for epoch in epochs], color=FAINT, label="training")
        axes.plot(number, loss, color=colour, label="validation")
        label = f"best: {loss[best]:.1e} in epoch {number[best]}"
        axes.plot(number[best], loss[best], "o", color=colour, label=label)
        axes.set_yscale("log")
        style_axes(
            axes, f"{_title(lesson)}: learning curve", "epoch", "mean squared error, scaled units"
        )
        axes.locator_params("x", integer=True)
        axes.label_outer()
    return figure


def _forecasts(lessons: Sequence[Lesson]) -> Figure:
    """Draw the forecasts of both files and of persistence for held-out rows, above their errors."""
    part = held_out()
    when, truth, known = (np.asarray(array) for array in (part.when, part.truth, part.known))
    figure = new_figure(10, 6.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 3))
    above.plot(when[:_SHOWN], truth[:_SHOWN], color=INK, linewidth=6, alpha=0.2, label="truth")

    def add(name: str, predicted: Array, mse: float, **style: Any) -> None:
        label = f"{name}, mse {mse:.1e}"
        above.plot(when[:_SHOWN], predicted[:_SHOWN], linewidth=1.5, label=label, **style)
        error = np.abs(predicted - truth)[:_SHOWN]
        below.plot(when[:_SHOWN], error, linewidth=1.2, color=style["color"])

    add("persistence", known, baselines()["persistence"]["mse"], color=FAINT)
    for lesson in lessons:
        cell = lesson.run.plan.cell
        add(cell.upper(), lesson.predicted, lesson.metrics["mse"], **_STYLES[cell])
    below.set_yscale("log")
    style_axes(above, "Mackey-Glass, one step ahead, held-out rows", ylabel="x")
    style_axes(below, "Absolute error", "row", "|forecast - truth|")
    above.margins(y=0.25)
    above.legend(frameon=False, labelcolor=INK, ncols=4, loc="lower center", fontsize=9)
    return figure


def _memory(lessons: Sequence[Lesson], memory: Sequence[MemoryLesson]) -> Figure:
    """Draw predictions over the truth, of the series and of the task for long memory."""
    figure = new_figure(10, 5.2)
    left, right = figure.subplots(1, 2)
    truth = np.asarray(held_out().truth)
    for axes, of_axes, given in ((left, lessons, truth), (right, memory, memory[0].truth)):
        shown = given[:_POINTS]
        for lesson in of_axes:
            cell, share = lesson.run.plan.cell, lesson.metrics["mse/variance"]
            label = f"{cell.upper()}, mse {100 * share:.2g} % of the variance"
            style = {"color": _COLOURS[cell], "alpha": 0.5, "markersize": 3}
            axes.plot(shown, lesson.predicted[:_POINTS], "o", label=label, **style)
        ends = [shown.min(), shown.max()]
        axes.plot(ends, ends, color=INK, linestyle="--", linewidth=1)
        axes.margins(y=0.12)
    style_axes(left, f"Mackey-Glass: the next value after {WINDOW} rows", "truth", "forecast")
    title = f"{TASK}: the sum of two numbers among {LENGTH}"
    style_axes(right, title, "truth", "prediction")
    for axes in (left, right):
        axes.legend(frameon=False, labelcolor=INK, loc="upper left", fontsize=9, markerscale=2)
    return figure


def _parity(lessons: Sequence[Lesson]) -> Figure:
    """Draw the errors of onnxruntime and PyTorch against float64 at every step, panel by panel."""
    figure = new_figure(10, 4.2)
    for axes, lesson in _panels(figure, lessons):
        colours = {"onnxruntime": _COLOURS[lesson.run.plan.cell], "PyTorch float32": FAINT}
        for name, errors in lesson.errors.items():
            steps = np.arange(1, len(errors) + 1)
            # A logarithmic axis has no place for an error of zero.
            shown = np.where(errors > 0, errors, np.nan)
            label = f"{name}, max {errors.max():.1e}"
            axes.plot(steps, shown, color=colours[name], linewidth=1.2, label=label)
        axes.axhline(_LIMIT, color=INK, linestyle="--", linewidth=1, label=f"limit {_LIMIT:.0e}")
        axes.set_yscale("log")
        axes.set_ylim(bottom=_LIMIT / 1000)
        style_axes(
            axes, f"{_title(lesson)}: error against float64", "step", "largest error, scaled units"
        )
        axes.legend(frameon=False, labelcolor=INK, loc="lower right")
        axes.label_outer()
    return figure


def _panels(figure: Figure, lessons: Sequence[Lesson]) -> Iterator[tuple[Axes, Lesson]]:
    panels = figure.subplots(1, len(lessons), sharey=True, squeeze=False)[0]
    return zip(panels, lessons, strict=True)


def _title(lesson: Lesson) -> str:
    return f"{lesson.run.plan.cell.upper()} 64 → 32 → 1"
