"""The pictures of a run: how it learnt, and what it says against the truth."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqrt.files import write_bytes
from seqrt.metrics import confusion
from seqrt.training.loop.state import Epoch
from seqrt.training.problems.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

INK = "#22262b"
FAINT = "#8a929b"
GRID = "#e6e8eb"
BLUE = "#1f5fa8"
ORANGE = "#d1702a"
COLOURS = (BLUE, ORANGE, "#3c8d5a", "#7b5ea7")
SHOWN = 300
MOST_NUMBERS = 20

# So many usual steps are a break; nights, weekends and holidays are none.
_BREAK = 5


def draw(
    folder: Path, problem: Problem, epochs: Sequence[Epoch], predicted: Array
) -> tuple[Path, ...]:
    """Write the pictures of a run into its folder; `predicted` is for the judged part."""
    figures = {"curves.png": curves(epochs, problem.metadata.name)} if epochs else {}
    if problem.activation == "none":
        ordered = problem.judged.when is not None
        figures["forecast.png"] = (over_time if ordered else against_truth)(problem, predicted)
    if problem.activation == "softmax":
        figures["confusion.png"] = confusions(problem, predicted)
    for name, figure in figures.items():
        save(figure, folder / name)
    return tuple(folder / name for name in figures)


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` as .png, whole or not at all."""
    file = io.BytesIO()
    # a Figure without a window draws by Agg; the name of the drawing program says nothing
    figure.savefig(file, format="png", metadata={"Software": None})
    write_bytes(path, file.getvalue())


def curves(epochs: Sequence[Epoch], name: str) -> Figure:
    """Draw the loss of both parts over the epochs, and below it the gradient's norm."""
    figure = figure_of(8, 5.6)
    loss, norm = figure.subplots(2, 1, sharex=True, height_ratios=(5, 2))
    number = [epoch.number for epoch in epochs]
    loss.plot(number, [epoch.loss for epoch in epochs], color=BLUE, label="training")
    kept = [(epoch.number, epoch.val_loss) for epoch in epochs if epoch.val_loss is not None]
    if kept:
        loss.plot(*zip(*kept, strict=True), color=ORANGE, label="validation")
        best = min(kept, key=lambda point: point[1])
        label = f"best: {best[1]:.3g} in epoch {best[0]}"
        loss.plot(*best, "o", color=ORANGE, label=label, linestyle="none")
    _stretch(loss)
    dress(loss, f"Learning {name}", ylabel="loss, scaled units")
    norm.plot(number, [epoch.grad_norm for epoch in epochs], color=FAINT)
    _stretch(norm)
    dress(norm, "", "epoch", "gradient norm")
    return figure


def over_time(problem: Problem, predicted: Array) -> Figure:
    """Draw what was said of a series against what came; at most the last 300 rows.

    A forecast of several steps shows the first and the last of them.
    """
    part, outputs = problem.judged, problem.metadata.outputs
    truth = part.truth.reshape(len(predicted), -1)
    when = np.arange(len(truth)) if part.when is None else part.when
    each = len(problem.targets)
    shown = sorted({0, len(outputs) - each})
    figure = figure_of(10, 1 + 3.4 * len(shown))
    rows = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, i in zip(rows, shown, strict=True):
        # the first step of a later window is where this window's later step lies
        later = i // each
        for number, here in enumerate(_unbroken(when[-SHOWN - later :], len(when))):
            time, here = when[here][later:], here[: len(here) - later]
            lines = [("truth", truth[here, i], INK, 1.6)]
            if part.known is not None:
                lines.append(("persistence", part.known[here, i], FAINT, 1.0))
            lines.append(("network", predicted[here, i], ORANGE, 1.5))
            # a line through a single point would not be seen
            marker = "o" if len(time) == 1 else ""
            for name, values, color, width in lines:
                label = name if not number else None
                axes.plot(time, values, color=color, lw=width, marker=marker, label=label)
        _whole_numbers(axes, when)
        dress(axes, _said_of(problem, i), ylabel=problem.targets[i % each], crowded=True)
    rows[-1].set_xlabel(problem.time)
    return figure


def _unbroken(when: Array, stop: int) -> list[Array]:
    """Return the numbers, up to `stop`, of what follows each other in time, run by run.

    Between folds, and where windows were left out, a line would tell of what nobody said.
    """
    numbers = np.arange(stop - len(when), stop)
    if len(when) < 2:
        return [numbers]
    steps = np.diff(when)
    return np.split(numbers, np.flatnonzero(steps > _BREAK * np.median(steps)) + 1)


def against_truth(problem: Problem, predicted: Array) -> Figure:
    """Draw what was said against what is true, a point each; on the line both agree."""
    truth = problem.judged.truth.reshape(len(predicted), -1)
    figure = figure_of(6, 6)
    axes = figure.subplots()
    ends = [min(truth.min(), predicted.min()), max(truth.max(), predicted.max())]
    axes.plot(ends, ends, color=FAINT, linewidth=1)
    outputs = [column.name for column in problem.metadata.outputs]
    for i, name in enumerate(outputs[: len(COLOURS)]):
        axes.plot(truth[:, i], predicted[:, i], ".", color=COLOURS[i], alpha=0.6, label=name)
    axes.set_aspect("equal")
    dress(axes, "Prediction against truth", "truth", "prediction")
    return figure


def confusions(problem: Problem, predicted: Array) -> Figure:
    """Draw how often each class was taken for each; rows add up to 100 %."""
    classes = problem.metadata.classes
    counts = confusion(problem.judged.truth, predicted, classes)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(12.0, 2.4 + 0.55 * len(classes))
    figure = figure_of(side + 0.6, side)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= MOST_NUMBERS:
        for (row, column), number in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.5 else INK
            axes.text(column, row, str(number), ha="center", va="center", color=colour)
    places = range(len(classes))
    axes.set_xticks(places, [str(name) for name in classes], rotation=45, ha="right")
    axes.set_yticks(places, [str(name) for name in classes])
    dress(axes, "What was taken for what", "predicted class", "true class")
    axes.grid(visible=False)
    return figure


def figure_of(width: float, height: float) -> Figure:
    """Return an empty figure of this size, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=130, layout="constrained", facecolor="white")


def _said_of(problem: Problem, i: int) -> str:
    """Return the title of output `i`: how far ahead it is, and of which part."""
    each, ahead = len(problem.targets), ""
    if problem.metadata.task == "forecast":
        steps = i // each + 1
        ahead = f", {steps} step{'s' if steps > 1 else ''} ahead"
    return f"{problem.targets[i % each]}{ahead}: network against truth ({problem.part})"


def _whole_numbers(axes: Axes, values: Array) -> None:
    """Mark whole years and rows only, where the axis holds such."""
    if values.dtype.kind in "iuf" and (values == np.round(values)).all():
        axes.locator_params(axis="x", integer=True)


def _stretch(axes: Axes) -> None:
    """Let a curve that falls far be seen to the end."""
    low, high = axes.dataLim.intervaly
    if low > 0 and high > 20 * low:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)


def dress(
    axes: Axes, title: str, xlabel: str = "", ylabel: str = "", *, crowded: bool = False
) -> None:
    """Give a chart its title and the names of its axes, in the one style of all pictures.

    Where it is `crowded` the legend stands above it.
    """
    axes.set_title(title, loc="left", color=INK, fontsize=12)
    axes.set_xlabel(xlabel, color=INK)
    axes.set_ylabel(ylabel, color=INK)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)
    if axes.get_legend_handles_labels()[0]:
        place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": 3}
        axes.legend(frameon=False, labelcolor=INK, **(place if crowded else {}))
