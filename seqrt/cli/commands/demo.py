"""`seqrt demo`: the tutorial end to end, from a series to two proved models and their pictures."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.options import JsonOption
from seqrt.cli.progress import epoch_progress
from seqrt.cli.run_record import metrics_record, weight_count
from seqrt.cli.talk import say, say_labelled

if TYPE_CHECKING:
    from seqrt.demo import Lesson

_LINES = 10


def demo(
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="FOLDER", help="Folder for all output"),
    ] = Path("demo"),
    epochs: Annotated[
        int, typer.Option(metavar="NUMBER", help="Number of epochs for each network")
    ] = 100,
    as_json: JsonOption = False,
) -> None:
    """Run the tutorial: an RNN and an LSTM, from training to pictures.

    Two networks, 64 -> 32 -> 1, learn the chaotic Mackey-Glass series from windows of 10 rows. Each
    is exported as a file that proves itself, and the files forecast rows that training did not see.
    It takes less than a minute and can be repeated.

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
        with epoch_progress(epochs, f"{cell:4} epoch", _LINES) as show:
            for epoch in run:
                show(epoch)
        lesson = conclude(run, out)
        lessons.append(lesson)
        say(_proof(lesson))
    pictures = draw_pictures(lessons, out)
    data = out / "data.npz"
    write_data(data)
    for label, paths in _files(lessons, data, pictures):
        say_labelled(label, ", ".join(map(str, paths)))
    for i, command in enumerate(_next_commands(data, lessons[-1])):
        say_labelled("" if i else "next", command)
    if as_json:
        typer.echo(json.dumps(_record(lessons, data, pictures), indent=2))
        return
    say()
    for line in _table(lessons):
        typer.echo(line)


def _proof(lesson: Lesson) -> str:
    parity, report = lesson.exported.manifest.parity, lesson.exported.report
    assert parity
    how = "bit for bit" if report.exact else "up to rounding"
    return (
        f"{lesson.run.plan.cell:4} proved: within {parity.runtime:.1e} of float64"
        f" (PyTorch: {parity.torch:.1e}); {len(report.laws)} laws hold {how}"
    )


def _files(
    lessons: Sequence[Lesson], data: Path, pictures: Sequence[Path]
) -> Iterator[tuple[str, Sequence[Path]]]:
    yield "models", [lesson.exported.path for lesson in lessons]
    yield "data", [data]
    yield "runs", [lesson.run.path for lesson in lessons]
    yield "pictures", pictures


def _next_commands(data: Path, lesson: Lesson) -> Iterator[str]:
    """Yield commands to continue with, quoted for the shell."""
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
            f"{lesson.run.plan.cell:5}64 -> 32 -> 1{_errors(lesson.metrics)}{parity.runtime:10.1e}"
            f"{lesson.exported.size:10,}{_seconds(lesson):9.1f}"
        )
    for name, metrics in baselines().items():
        yield f"{name:18}{_errors(metrics)}"


def _errors(metrics: dict[str, float]) -> str:
    return f"{metrics['mse']:10.2e}{metrics['mse/variance']:14.2e}"


def _seconds(lesson: Lesson) -> float:
    return sum(epoch.seconds for epoch in lesson.run.epochs)


def _record(lessons: Sequence[Lesson], data: Path, pictures: Sequence[Path]) -> dict[str, Any]:
    from seqrt.demo import baselines

    return {
        "models": [_model(lesson) for lesson in lessons],
        "baselines": {name: metrics_record(metrics) for name, metrics in baselines().items()},
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
        "weights": weight_count(lesson.run.net),
        "epochs": len(lesson.run.epochs),
        "seconds": round(_seconds(lesson), 3),
        "figures": metrics_record(lesson.metrics),
        "parity": {"runtime": parity.runtime, "torch": parity.torch},
    }
