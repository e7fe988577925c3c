"""`seqrt demo`: the tutorial end to end, from a series to two proved files and their pictures."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.options import JsonOption
from seqrt.cli.progress import showing
from seqrt.cli.run_report import finite, weights

if TYPE_CHECKING:
    from seqrt.demo import Lesson

_LINES = 10


def demo(
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="FOLDER", help="Where to leave all that is made"),
    ] = Path("demo"),
    epochs: Annotated[
        int, typer.Option(metavar="NUMBER", help="Passes over the data for each network")
    ] = 100,
    as_json: JsonOption = False,
) -> None:
    """Do the tutorial: an RNN and an LSTM, from training to pictures.

    Two stacks 64 -> 32 -> 1 learn the chaotic Mackey-Glass series from windows of 10 rows. Each
    becomes a file that proves itself, and the files forecast rows that training never saw. It takes
    less than a minute; run it as often as you like.

    \b
    Examples:
      seqrt demo
      seqrt demo -o tutorial --epochs 20
    """
    from seqrt.demo import CELLS, begin, conclude, draw_pictures, write_data
    from seqrt.training.loop.distributed import check_one_process

    check_one_process("seqrt demo")
    lessons = []
    for cell in CELLS:
        run = begin(cell, out, epochs)
        with showing(epochs, f"{cell:4} epoch", _LINES) as show:
            for epoch in run:
                show(epoch)
        lesson = conclude(run, out)
        lessons.append(lesson)
        _say(_proved(lesson))
    pictures = draw_pictures(lessons, out)
    data = out / "data.npz"
    write_data(data)
    for what, paths in _made(lessons, data, pictures):
        _say(f"{what:12}{', '.join(map(str, paths))}")
    for i, command in enumerate(_next(data, lessons[-1])):
        _say(f"{'' if i else 'next':12}{command}")
    if as_json:
        typer.echo(json.dumps(_record(lessons, data, pictures), indent=2))
        return
    _say("")
    for line in _table(lessons):
        typer.echo(line)


def _proved(lesson: Lesson) -> str:
    parity, report = lesson.exported.manifest.parity, lesson.exported.report
    assert parity
    how = "bit for bit" if report.exact else "to rounding"
    return (
        f"{lesson.run.plan.cell:4} proved: {parity.runtime:.1e} from float64"
        f" (PyTorch {parity.torch:.1e}); {len(report.laws)} laws hold {how}"
    )


def _made(
    lessons: Sequence[Lesson], data: Path, pictures: Sequence[Path]
) -> Iterator[tuple[str, Sequence[Path]]]:
    yield "models", [lesson.exported.path for lesson in lessons]
    yield "data", [data]
    yield "runs", [lesson.run.path for lesson in lessons]
    yield "pictures", pictures


def _next(data: Path, lesson: Lesson) -> Iterator[str]:
    """Yield commands that go on from here, as the shell takes them."""
    rows, model = (shlex.quote(str(path)) for path in (data, lesson.exported.path))
    yield f"seqrt predict {rows} -m {model}"
    yield f"seqrt validate {model}"
    yield f"seqrt info {model}"
    yield "seqrt train --help"


def _table(lessons: Sequence[Lesson]) -> Iterator[str]:
    from seqrt.demo import baselines

    titles = f"{'mse':>10}{'mse/variance':>14}{'parity':>10}{'bytes':>10}{'seconds':>9}"
    yield f"{'unseen rows':18}{titles}"
    for lesson in lessons:
        parity = lesson.exported.manifest.parity
        assert parity
        yield (
            f"{lesson.run.plan.cell:5}64 -> 32 -> 1{_numbers(lesson.metrics)}{parity.runtime:10.1e}"
            f"{lesson.exported.size:10,}{_seconds(lesson):9.1f}"
        )
    for name, figures in baselines().items():
        yield f"{name:18}{_numbers(figures)}"


def _numbers(figures: dict[str, float]) -> str:
    return f"{figures['mse']:10.2e}{figures['mse/variance']:14.2e}"


def _seconds(lesson: Lesson) -> float:
    return sum(epoch.seconds for epoch in lesson.run.epochs)


def _record(lessons: Sequence[Lesson], data: Path, pictures: Sequence[Path]) -> dict[str, Any]:
    from seqrt.demo import baselines

    return {
        "models": [_model(lesson) for lesson in lessons],
        "baselines": {name: finite(figures) for name, figures in baselines().items()},
        "data": str(data),
        "pictures": [str(path) for path in pictures],
    }


def _model(lesson: Lesson) -> dict[str, Any]:
    parity = lesson.exported.manifest.parity
    assert parity
    return {
        "path": str(lesson.exported.path),
        "run": str(lesson.run.path),
        "sha256": lesson.exported.digest,
        "bytes": lesson.exported.size,
        "cell": lesson.run.plan.cell,
        "weights": weights(lesson.run.net),
        "epochs": len(lesson.run.epochs),
        "seconds": round(_seconds(lesson), 3),
        "figures": finite(lesson.metrics),
        "parity": {"runtime": parity.runtime, "torch": parity.torch},
    }


def _say(line: str) -> None:
    typer.echo(line, err=True)
