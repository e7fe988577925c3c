"""The table of a race, in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

from seqrt.bench.report import OWN, BenchReport

if TYPE_CHECKING:
    from seqrt.contract import Manifest

_UNSTEADY = 1.5
_COARSE = 0.1
_WIDTH = 80
_LABEL, _OWN, _RIVAL, _TIMES = 26, 12, 13, 8
_PERCENTILES = tuple((f"p{p}", f"p{p}_us") for p in (50, 90, 99))
_RATES = (
    ("sequences/s", "sequences_per_s"),
    ("steps/s", "steps_per_s"),
    ("GFLOP/s", "gflops"),
    ("of matrix products", "of_product"),
)


def table(report: BenchReport) -> Iterator[str]:
    """Yield the lines of the table: what was measured, the results, and how to read them."""
    yield from _head(report)
    yield ""
    titles = "".join(f"{name:>{_RIVAL}}{'times':>{_TIMES}}" for name in report.rivals)
    yield f"{'':{_LABEL}}{OWN:>{_OWN}}{titles}"
    for title, unit, rows in _groups(report):
        yield f"{title}{f', {unit}' if unit else ''}"
        yield from (_row(report, f"  {label}", figure) for label, figure in rows)
    yield ""
    yield from _foot(report)


def shape(m: Manifest) -> str:
    """Return the sizes of a network from its features to its outputs.

    A cell that all layers share is named once: `lstm 1 -> 64 -> 32 -> 1`.
    """
    kinds = {layer.cell for layer in m.layers}
    direction = " bidirectional" if any(layer.bidirectional for layer in m.layers) else ""
    named = [f"{'' if len(kinds) == 1 else f'{p.cell} '}{p.units}" for p in m.layers]
    sizes = " -> ".join([str(len(m.features)), *named, str(len(m.outputs))])
    return f"{f'{kinds.pop()} ' if len(kinds) == 1 else ''}{sizes}{direction}"


def machine(report: BenchReport) -> str:
    """Return the processor and the number of threads."""
    return f"{report.processor}, {_threads(report.work.threads)}"


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _head(report: BenchReport) -> Iterator[str]:
    m = report.manifest
    yield f"{'model':10}{m.name} ({report.path})"
    yield f"{'network':10}{shape(m)}, {m.operations:,} operations a step"
    yield f"{'machine':10}{machine(report)}"
    yield f"{'products':10}{three_digits(report.product)} GFLOP/s, large float32 matrices in numpy"
    yield f"{'rounds':10}{_rounds(report)}"


def _rounds(report: BenchReport) -> str:
    rounds = len(report.results[OWN].rounds)
    if rounds == 1:
        return "1, a quick look"
    busy = ": the machine is busy" if report.spread > _UNSTEADY else ""
    return f"{rounds}, medians; rounds differ by up to {report.spread:.1f} times{busy}"


def _groups(report: BenchReport) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
    work = report.work
    if report.manifest.streamable:
        yield "one step of a stream", "us", _of("step", _PERCENTILES)
    yield f"predict 1 x {work.small}", "us", _of("small", _PERCENTILES)
    yield f"predict {work.sequences} x {work.steps}", "", _of("uniform", _RATES)
    longest = work.lengths().max()
    ragged = f"predict {work.sequences} ragged, 1 to {longest} steps"
    yield ragged, "", _of("ragged", _RATES)
    yield "process", "", (("cold start, ms", "cold_ms"), *_memory(report))


def _memory(report: BenchReport) -> tuple[tuple[str, str], ...]:
    if "loaded_mb" not in report.results[OWN].figures:
        return ()
    return ("memory when loaded, MB", "loaded_mb"), ("memory gained, MB", "gained_mb")


def _of(work: str, rows: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((label, f"{work}_{unit}") for label, unit in rows)


def _row(report: BenchReport, label: str, figure: str) -> str:
    cells = f"{label:{_LABEL}}{_cell(report, OWN, figure):>{_OWN}}"
    for rival in report.rivals:
        times = report.times(rival, figure)
        shown = "" if times is None else f"{times:.2f}"
        cells += f"{_cell(report, rival, figure):>{_RIVAL}}{shown:>{_TIMES}}"
    return cells.rstrip()


def _cell(report: BenchReport, contender: str, figure: str) -> str:
    value = report.results[contender].figures.get(figure)
    if value is None:
        return "-"
    if figure.endswith("_of_product"):
        return f"{value:.0%}" if value >= _COARSE else f"{value:.1%}"
    return three_digits(value)


def three_digits(value: float) -> str:
    """Return a value in about three digits: 7.31, 73.1, 731, 7,310."""
    return f"{value:,.{max(0, 2 - len(f'{abs(value):.0f}') + 1)}f}"


def _foot(report: BenchReport) -> Iterator[str]:
    """Yield the notes on how to read the table, wrapped to its width."""
    for note in _notes(report):
        yield from wrap(note, _WIDTH, subsequent_indent="  ")


def _notes(report: BenchReport) -> Iterator[str]:
    yield "times: how many times better seqrt is; below 1 the other is better."
    count, difference = report.work.session_threads, report.difference
    threads = _threads(count) if count else "default threads"
    equal = f"within {difference:.1e} of" if difference else "bit for bit equal to"
    yield (
        f"onnxruntime: the same file in one session, {threads}; steps with prepared feeds, ragged"
        f" sequences in padded batches of 64. Its predictions are {equal} seqrt's."
    )
    if "torch" not in report.results:
        yield "torch: not installed, skipped."
        return
    choice = "" if report.work.threads == 1 else " or all, whichever is faster"
    yield (
        "torch: layers of the same sizes, random weights, eager, without gradients; cells for"
        f" steps, packed batches of 64 for ragged sequences; on 1 thread{choice}."
    )
