"""The style of every picture: its size, its axes, its file."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrt.colours import FAINT, GRID, INK
from seqrt.errors import MissingExtraError
from seqrt.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def check_matplotlib() -> None:
    """Raise MissingExtraError if matplotlib is not installed; call it before the work."""
    try:
        import matplotlib  # noqa: F401 - only its presence matters
    except ImportError:
        raise MissingExtraError(
            "drawing needs matplotlib. Install it with: pip install 'seqrt[train]'"
        ) from None


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=130, layout="constrained", facecolor="white")


def style_axes(
    axes: Axes, title: str, xlabel: str = "", ylabel: str = "", *, crowded: bool = False
) -> None:
    """Set the title and the labels of a chart, in the style of all pictures.

    The legend of a `crowded` chart is placed above it.
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
        above: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": 4}
        axes.legend(frameon=False, labelcolor=INK, **(above if crowded else {}))


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write `figure` as .png, whole or not at all.

    Names from the data are drawn as they are: a $ does not begin a formula. The powers of ten on a
    logarithmic axis are formulas.
    """
    from matplotlib.text import Text

    powers = _powers_of_ten(figure)
    for text in figure.findobj(Text):
        text.set_parse_math(text in powers)
    file = io.BytesIO()
    with warnings.catch_warnings():
        # a letter that the font lacks is drawn as a box
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        # a Figure without a window is drawn by Agg; the version of matplotlib stays out of the file
        figure.savefig(file, format="png", metadata={"Software": None})
    write_bytes(path, file.getvalue())


def _powers_of_ten(figure: Figure) -> set[Any]:
    """Return the labels of all logarithmic axes."""
    both = (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis))
    logarithmic = (axis for axis in both if axis.get_scale() == "log")
    return {label for axis in logarithmic for label in axis.get_ticklabels(which="both")}
