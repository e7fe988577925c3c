"""The picture of a committee: the learning curves of all its members."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqrt.colours import BLUE, ORANGE
from seqrt.drawing.style import new_figure, save_figure, style_axes
from seqrt.training.loop.state import Epoch

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_committee(folder: Path, members: Sequence[Sequence[Epoch]], name: str) -> Path:
    """Write curves.png into the folder of a committee; return its path."""
    path = folder / "curves.png"
    save_figure(curves_of(members, name), path)
    return path


def curves_of(members: Sequence[Sequence[Epoch]], name: str) -> Figure:
    """Draw the loss of both parts of each member over its epochs, and its best epoch."""
    figure = new_figure(8, 4.2)
    axes = figure.subplots()
    for i, epochs in enumerate(members):
        training = [(epoch.number, epoch.loss) for epoch in epochs]
        validation = [(e.number, e.val_loss) for e in epochs if e.val_loss is not None]
        best = min(validation, key=lambda point: point[1])
        labels = [None if i else text for text in ("training", "validation", "best of a member")]
        axes.plot(*zip(*training, strict=True), color=BLUE, alpha=0.5, label=labels[0])
        axes.plot(*zip(*validation, strict=True), color=ORANGE, alpha=0.5, label=labels[1])
        axes.plot(*best, "o", color=ORANGE, label=labels[2], linestyle="none")
    axes.set_yscale("log")
    style_axes(axes, f"Learning curves of {name}", "epoch", "loss (scaled units)")
    return figure
