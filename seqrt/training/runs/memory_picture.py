"""The picture of a network's memory: the gradient by lag, and the initial state being forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqrt.colours import BLUE, FAINT, INK, ORANGE
from seqrt.contract import MEMORY_TOLERANCE
from seqrt.drawing.style import new_figure, save_figure, style_axes
from seqrt.training.loop.threads import torch_threads
from seqrt.training.networks.stack import Stack
from seqrt.training.runs.memory import (
    LAGS,
    Doubles,
    Floats,
    cut_sequences,
    fade_lag,
    gradient_by_lag,
    start_distances,
    steps_to_forget,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Below this share of the largest, a gradient is rounding error.
_DEPTH = 1e-8


def draw_memory(
    folder: Path, net: Stack, initial: Stack, series: Floats, length: int
) -> tuple[Path, ...]:
    """Write memory.png into the folder of a run, unless the network is bidirectional.

    `initial` is the network before training, `series` (N, D) typical input, and `length` the steps
    of a training sequence. The lags reach that far back, but at least 128 and at most 500 steps.
    """
    if not net.state_size:
        return ()
    least, most = LAGS
    with torch_threads(1):
        x = cut_sequences(series, min(max(length, least), most))
        norms = {"initial weights": gradient_by_lag(initial, x), "trained": gradient_by_lag(net, x)}
        distances = start_distances(net, cut_sequences(series, most))
    figure = memory_figure(norms, distances, length, net.metadata.name)
    save_figure(figure, folder / "memory.png")
    return (folder / "memory.png",)


def memory_figure(
    norms: Mapping[str, Doubles], distances: Doubles, length: int, name: str
) -> Figure:
    """Draw gradients by lag (T,), each with its name, and the distances of starts (B, T)."""
    figure = new_figure(8, 6.4)
    above, below = figure.subplots(2, 1)
    _draw_gradients(above, norms, length)
    style_axes(
        above,
        f"Memory of {name}: gradient of the last output",
        "lag (steps)",
        "|d last output / d input|",
    )
    _draw_distances(below, distances)
    style_axes(
        below,
        "Forgetting: distance between outputs from different initial states",
        "steps read",
        "distance (output scale)",
    )
    return figure


def _draw_gradients(axes: Axes, norms: Mapping[str, Doubles], length: int) -> None:
    for (name, values), colour in zip(norms.items(), (FAINT, BLUE), strict=True):
        lag = fade_lag(values)
        fades = f"below 1 % from lag {lag}" if lag is not None else "above 1 % at the last lag"
        axes.plot(_positive(values), color=colour, label=f"{name}: {fades}")
    if length < max(map(len, norms.values())):
        axes.axvline(length - 1, color=INK, linestyle=":", linewidth=1, label="training length")
    _use_log_scale(axes, _DEPTH * axes.dataLim.intervaly[1])


def _draw_distances(axes: Axes, distances: Doubles) -> None:
    steps = np.arange(1, distances.shape[1] + 1)
    for name, values, colour in (
        (f"largest of {len(distances)} sequences", distances.max(axis=0), ORANGE),
        ("median", np.median(distances, axis=0), BLUE),
    ):
        after = steps_to_forget(values)
        when = f"forgotten after {after} steps" if after is not None else "not forgotten"
        axes.plot(steps, _positive(values), color=colour, label=f"{name}: {when}")
    axes.axhline(
        MEMORY_TOLERANCE, color=INK, linestyle="--", linewidth=1, label="0.1 % of the output scale"
    )
    _use_log_scale(axes, MEMORY_TOLERANCE / 1000)


def _positive(values: Doubles) -> Doubles:
    """Return the values with NaN for those that a logarithmic axis cannot show."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _use_log_scale(axes: Axes, floor: float) -> None:
    """Use a logarithmic scale, cut off below `floor` and after the last step above it."""
    axes.set_yscale("log")
    axes.minorticks_off()  # over many decades they merge into grey, and take a second to place
    if axes.dataLim.intervaly[1] > floor:
        axes.set_ylim(bottom=max(axes.dataLim.intervaly[0], floor) / 2)
    seen = [x[y > floor].max() for x, y in _plotted(axes) if (y > floor).any()]
    axes.set_xlim(0, max(seen, default=1) * 1.05 + 1)


def _plotted(axes: Axes) -> Iterator[tuple[Doubles, Doubles]]:
    """Yield x and y of every curve, without the straight marker lines."""
    for line in axes.lines:
        x, y = (np.asarray(values, np.float64) for values in line.get_data())
        if len(x) > 2:
            yield x, y
