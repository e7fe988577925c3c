"""The picture of a network's memory: the gradient over the lag, and starts being forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqrt.contract import MEMORY_TOLERANCE
from seqrt.training.loop.threads import torch_threads
from seqrt.training.networks.stack import Stack
from seqrt.training.runs.memory import (
    LAGS,
    Doubles,
    Floats,
    faded,
    gradient,
    parting,
    streams,
    together,
)
from seqrt.training.runs.pictures import BLUE, FAINT, INK, ORANGE, dress, figure_of, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Below this part of the largest, a gradient is rounding.
_DEPTH = 1e-8


def draw_memory(
    folder: Path, net: Stack, first: Stack, series: Floats, length: int
) -> tuple[Path, ...]:
    """Write memory.png into the folder of a run; a network that reads both ways has none.

    `first` is the network before training, `series` (N, D) typical input, `length` the steps of a
    sequence of training, at least so many of which are looked back over, within 128 to 500.
    """
    if not net.state_size:
        return ()
    least, most = LAGS
    with torch_threads(1):
        x = streams(series, min(max(length, least), most))
        norms = {"first weights": gradient(first, x), "trained": gradient(net, x)}
        apart = parting(net, streams(series, most))
    save(memory(norms, apart, length, net.metadata.name), folder / "memory.png")
    return (folder / "memory.png",)


def memory(norms: Mapping[str, Doubles], apart: Doubles, length: int, name: str) -> Figure:
    """Draw gradients over the lag (T,) by name, and how far starts are apart (B, T)."""
    figure = figure_of(8, 6.4)
    above, below = figure.subplots(2, 1)
    _gradients(above, norms, length)
    dress(
        above,
        f"Memory of {name}: the gradient, by how far it reaches back",
        "steps back",
        "|d last answer / d input|",
    )
    _starts(below, apart)
    dress(below, "How far apart two starts are, reading the same", "steps read", "distance, scaled")
    return figure


def _gradients(axes: Axes, norms: Mapping[str, Doubles], length: int) -> None:
    for (name, values), colour in zip(norms.items(), (FAINT, BLUE), strict=True):
        after = faded(values)
        far = f"under 1 % from {after} steps back" if after is not None else "1 % is further back"
        axes.plot(_positive(values), color=colour, label=f"{name}: {far}")
    if length < max(map(len, norms.values())):
        axes.axvline(length - 1, color=INK, linestyle=":", linewidth=1, label="length in training")
    _logarithmic(axes, _DEPTH * axes.dataLim.intervaly[1])


def _starts(axes: Axes, apart: Doubles) -> None:
    steps = np.arange(1, apart.shape[1] + 1)
    for name, far, colour in (
        (f"furthest of {len(apart)} sequences", apart.max(axis=0), ORANGE),
        ("the one in the middle", np.median(apart, axis=0), BLUE),
    ):
        after = together(far)
        when = f"forgotten after {after} steps" if after is not None else "not forgotten here"
        axes.plot(steps, _positive(far), color=colour, label=f"{name}: {when}")
    axes.axhline(
        MEMORY_TOLERANCE, color=INK, linestyle="--", linewidth=1, label="0.1 % of their scale"
    )
    _logarithmic(axes, MEMORY_TOLERANCE / 1000)


def _positive(values: Doubles) -> Doubles:
    """Leave out what has no place on a logarithmic axis."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _logarithmic(axes: Axes, floor: float) -> None:
    """Show what lies above the floor, and only so far as a curve does."""
    axes.set_yscale("log")
    axes.minorticks_off()  # over many decades they are a grey wall, and take a second to place
    if axes.dataLim.intervaly[1] > floor:
        axes.set_ylim(bottom=max(axes.dataLim.intervaly[0], floor) / 2)
    seen = [x[y > floor].max() for x, y in _curves(axes) if (y > floor).any()]
    axes.set_xlim(0, max(seen, default=1) * 1.05 + 1)


def _curves(axes: Axes) -> Iterator[tuple[Doubles, Doubles]]:
    """Yield x and y of what was plotted, without the lines that mark a place."""
    for line in axes.lines:
        x, y = (np.asarray(values, np.float64) for values in line.get_data())
        if len(x) > 2:
            yield x, y
