"""The pictures of a run: its learning curves, and its predictions beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqrt.colours import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from seqrt.drawing.style import new_figure, save_figure, style_axes
from seqrt.metrics import confusion
from seqrt.training.loop.state import Epoch
from seqrt.training.problems.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
SHOWN = 300
MOST_NUMBERS = 20

# A line is broken where the time between two rows is more than this multiple of the median: that is
# a gap between folds or a stretch of missing rows, not a night, a weekend or a holiday.
_GAP = 5


def draw_run(
    folder: Path, problem: Problem, epochs: Sequence[Epoch], predicted: Array
) -> tuple[Path, ...]:
    """Write the pictures of a run into its folder; `predicted` is for the judged part."""
    figures = {"curves.png": loss_curves(epochs, problem.metadata.name)} if epochs else {}
    if problem.activation == "none":
        ordered = problem.judged.when is not None
        figures["forecast.png"] = (over_time if ordered else against_truth)(problem, predicted)
    if problem.activation == "softmax" and problem.metadata.task != "generate":
        figures["confusion.png"] = confusion_matrix(problem, predicted)
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return tuple(folder / name for name in figures)


def loss_curves(epochs: Sequence[Epoch], name: str) -> Figure:
    """Draw the loss of both parts over the epochs, and below it the norm of the gradient."""
    figure = new_figure(8, 5.6)
    loss, norm = figure.subplots(2, 1, sharex=True, height_ratios=(5, 2))
    number = [epoch.number for epoch in epochs]
    loss.plot(number, [epoch.loss for epoch in epochs], color=BLUE, label="training")
    validated = [(epoch.number, epoch.val_loss) for epoch in epochs if epoch.val_loss is not None]
    if validated:
        loss.plot(*zip(*validated, strict=True), color=ORANGE, label="validation")
        best = min(validated, key=lambda point: point[1])
        label = f"best: {best[1]:.3g} in epoch {best[0]}"
        loss.plot(*best, "o", color=ORANGE, label=label, linestyle="none")
    _scale(loss)
    style_axes(loss, f"Learning curves of {name}", ylabel="loss (scaled units)")
    norm.plot(number, [epoch.grad_norm for epoch in epochs], color=FAINT)
    _scale(norm)
    style_axes(norm, "", "epoch", "gradient norm")
    return figure


def over_time(problem: Problem, predicted: Array) -> Figure:
    """Draw the predictions for a series and the truth over time: at most the last 300 rows.

    For a forecast of several steps, the first and the last step are drawn.
    """
    part = problem.judged
    truth = part.truth.reshape(len(predicted), -1)
    when = np.arange(len(truth)) if part.when is None else part.when
    each = len(problem.metadata.targets)
    shown = sorted({0, predicted.shape[1] - each})
    figure = new_figure(10, 1 + 3.4 * len(shown))
    rows = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, i in zip(rows, shown, strict=True):
        # step k of a window falls on the time of step 0 of the k-th window after it
        later = i // each
        for number, here in enumerate(_segments(when[-SHOWN - later :], len(when))):
            time, here = when[here][later:], here[: max(0, len(here) - later)]
            lines = [("truth", truth[here, i], INK, 1.6)]
            if part.known is not None:
                lines.append(("persistence", part.known[here, i], FAINT, 1.0))
            lines.append(("network", predicted[here, i], ORANGE, 1.5))
            # a line through a single point would be invisible
            marker = "o" if len(time) == 1 else ""
            for name, values, color, width in lines:
                label = name if not number else None
                axes.plot(time, values, color=color, lw=width, marker=marker, label=label)
        _whole_numbers(axes, when)
        style_axes(
            axes, _title_of(problem, i), ylabel=problem.metadata.targets[i % each], crowded=True
        )
    rows[-1].set_xlabel(problem.time)
    return figure


def _segments(when: Array, stop: int) -> list[Array]:
    """Return the indices before `stop` of the rows in `when`, split where there is a gap in time.

    Between folds, and where windows were left out, a line would show predictions that do not exist.
    """
    numbers = np.arange(stop - len(when), stop)
    if len(when) < 2:
        return [numbers]
    steps = np.diff(when)
    return np.split(numbers, np.flatnonzero(steps > _GAP * np.median(steps)) + 1)


def against_truth(problem: Problem, predicted: Array) -> Figure:
    """Draw the predictions against the truth, one point each; on the diagonal both agree."""
    truth = problem.judged.truth.reshape(len(predicted), -1)
    figure = new_figure(6, 6)
    axes = figure.subplots()
    ends = [min(truth.min(), predicted.min()), max(truth.max(), predicted.max())]
    axes.plot(ends, ends, color=FAINT, linewidth=1)
    outputs = [column.name for column in problem.metadata.outputs]
    for i, name in enumerate(outputs[: len(COLOURS)]):
        axes.plot(truth[:, i], predicted[:, i], ".", color=COLOURS[i], alpha=0.6, label=name)
    axes.set_aspect("equal")
    style_axes(axes, "Prediction against truth", "truth", "prediction")
    return figure


def confusion_matrix(problem: Problem, predicted: Array) -> Figure:
    """Draw how often each true class was predicted as each class; every row adds up to 100 %."""
    classes = problem.metadata.classes
    counts = confusion(problem.judged.truth, predicted, classes)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(12.0, 2.4 + 0.55 * len(classes))
    figure = new_figure(side + 0.6, side)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= MOST_NUMBERS:
        for (row, column), number in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.5 else INK
            axes.text(column, row, str(number), ha="center", va="center", color=colour)
    ticks = range(len(classes))
    axes.set_xticks(ticks, [str(name) for name in classes], rotation=45, ha="right")
    axes.set_yticks(ticks, [str(name) for name in classes])
    style_axes(axes, "Confusion matrix", "predicted class", "true class")
    axes.grid(visible=False)
    return figure


def _title_of(problem: Problem, i: int) -> str:
    """Return the title of output `i`: its target, how far ahead it is, and the part of the data."""
    each, ahead = len(problem.metadata.targets), ""
    if problem.metadata.task == "forecast":
        steps = i // each + 1
        ahead = f", {steps} step{'s' if steps > 1 else ''} ahead"
    return f"{problem.metadata.targets[i % each]}{ahead}: prediction and truth ({problem.part})"


def _whole_numbers(axes: Axes, values: Array) -> None:
    """Put ticks at whole numbers only, if the values are whole, such as years and rows."""
    if values.dtype.kind in "iuf" and (values == np.round(values)).all():
        axes.locator_params(axis="x", integer=True)


def _scale(axes: Axes) -> None:
    """Use a logarithmic scale for a curve that falls far, so that its end can be read."""
    low, high = axes.dataLim.intervaly
    if low > 0 and high > 20 * low:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
