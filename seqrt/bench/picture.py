"""The picture of a race: a panel per kind of work, a bar per contender."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from seqrt.bench.report import OWN
from seqrt.bench.table import machine, shape, three_digits
from seqrt.colours import BLUE, FAINT, INK, ORANGE
from seqrt.drawing.style import check_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from seqrt.bench.report import BenchReport

# The colour of each contender.
COLOURS = {OWN: BLUE, "onnxruntime": ORANGE, "torch": FAINT}

# A panel is this many times as wide as its longest bar, to leave room for the labels. The rate of
# products is not drawn if it is more than _FAR times as long as that bar.
_ROOM = 1.42
_FAR = 6


def png(report: BenchReport) -> bytes:
    """Return the picture of a race as the bytes of a .png.

    Raises MissingExtraError if matplotlib is not installed.
    """
    file = io.BytesIO()
    bench_figure(report).savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def bench_figure(report: BenchReport) -> Figure:
    """Draw latencies, throughputs, cold start and memory, seqrt on top."""
    check_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.4, 5.4), dpi=130, layout="constrained", facecolor="white")
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.12, h_pad=0.1, wspace=0.04, hspace=0.06)
    figure.suptitle(
        f"{report.manifest.name}   {shape(report.manifest)}", x=0.012, ha="left", color=INK
    )
    figure.supxlabel(
        f"{machine(report)}; {_versions(report)}. Bars end at p50, lines at p99.\n"
        "x: how many times better seqrt is. Products: large float32 matrices in numpy.",
        x=0.012,
        ha="left",
        color=FAINT,
        fontsize=8.5,
    )
    for axes, panel in zip(figure.subplots(2, 3).flat, _panels(report), strict=True):
        _bars(axes, report, *panel)
    return figure


def _panels(report: BenchReport) -> list[tuple[str, str, str]]:
    work = report.work
    return [
        ("One step of a stream", "us", "step_p50_us"),
        (f"Predict 1 x {work.small}", "us", "small_p50_us"),
        ("Cold start", "ms", "cold_ms"),
        (f"Predict {work.sequences} x {work.steps}", "GFLOP/s", "uniform_gflops"),
        (f"Predict {work.sequences} ragged", "GFLOP/s", "ragged_gflops"),
        ("Memory when loaded", "MB", "loaded_mb"),
    ]


def _bars(axes: Axes, report: BenchReport, title: str, unit: str, figure: str) -> None:
    """Draw one panel: each contender's bar with its value and how many times better seqrt is."""
    axes.set_title(f"{title}, {unit}", loc="left", color=INK, fontsize=11, pad=18)
    _hide_frame(axes, list(report.results))
    values = {
        name: each.figures[figure]
        for name, each in report.results.items()
        if figure in each.figures
    }
    if not values:
        why = "none: bidirectional" if figure.startswith("step") else "unknown on this system"
        axes.text(0.04, 0.5, why, transform=axes.transAxes, color=FAINT, va="center")
        return
    reach = 0.0
    for place, (name, value) in enumerate(values.items()):
        axes.barh(place, value, height=0.62, color=COLOURS[name])
        end = max(value, _tail(axes, report, name, figure, place))
        axes.annotate(
            _label(report, name, figure, value),
            (end, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
        reach = max(reach, end)
    caption = "less is better"
    if figure.endswith("_gflops"):
        caption, reach = _products(axes, report.product, reach)
    axes.text(0, 1.03, caption, transform=axes.transAxes, color=FAINT, fontsize=8.5)
    axes.set_xlim(0, _ROOM * reach)


def _products(axes: Axes, product: float, reach: float) -> tuple[str, float]:
    """Draw the rate of matrix products if it is near; return the caption and the panel's reach."""
    caption = f"more is better; products: {three_digits(product)}"
    if product > _FAR * reach:
        return caption, reach
    axes.axvline(product, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    return f"{caption}, dashed", max(reach, 1.05 * product / _ROOM)


def _tail(axes: Axes, report: BenchReport, name: str, figure: str, place: int) -> float:
    """Draw the line from the median latency to p99; return where it ends."""
    if not figure.endswith("_p50_us"):
        return 0.0
    figures = report.results[name].figures
    end = figures[figure.replace("p50", "p99")]
    axes.plot([figures[figure], end], [place, place], color=COLOURS[name], linewidth=1.6)
    return end


def _label(report: BenchReport, name: str, figure: str, value: float) -> str:
    times = None if name == OWN else report.times(name, figure)
    return three_digits(value) if times is None else f"{three_digits(value)}   {times:.2f} x"


def _hide_frame(axes: Axes, names: list[str]) -> None:
    """Keep only the names and the axis of the bars: each bar is labelled with its value."""
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xticks([])
    axes.tick_params(length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "left")
        spine.set_color(FAINT)


def _versions(report: BenchReport) -> str:
    return ", ".join(f"{name} {result.version}" for name, result in report.results.items())
