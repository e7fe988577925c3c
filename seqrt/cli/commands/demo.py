"""`seqrt demo`: the tutorial end to end, from data to proved models and their pictures."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from seqrt.cli.options import JsonOption
from seqrt.cli.progress import epoch_progress
from seqrt.cli.run_record import metrics_record, weight_count
from seqrt.cli.talk import say, say_labelled

if TYPE_CHECKING:
    from seqrt.contract.manifest import Cell
    from seqrt.demo import Lesson, MemoryLesson
    from seqrt.training import Run

Taught = TypeVar("Taught", "Lesson", "MemoryLesson")

_LINES = 10


def demo(
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="FOLDER", help="Folder for all output"),
    ] = Path("demo"),
    epochs: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", help="Number of epochs on the series; on the task, 3 for 100"
        ),
    ] = 100,
    as_json: JsonOption = False,
) -> None:
    """Run the tutorial: an RNN and an LSTM, from training to pictures.

    Two networks, 64 -> 32 -> 1, learn the chaotic Mackey-Glass series from windows of 10 rows, and
    then the task adding: the sum of two marked numbers among 100. Each is exported as a file that
    proves itself, and the files predict what training did not see. On the smooth series the RNN is
    at least as good as the LSTM; the task needs a long memory, and only the LSTM learns it. It
    takes about a minute and can be repeated.

    \b
    Examples:
      seqrt demo
      seqrt demo -o tutorial --epochs 20
    """
    from seqrt.demo import CELLS, draw_pictures, write_data
    from seqrt.training.loop.distributed import check_one_process

    check_one_process("seqrt demo")
    lessons = [_lesson(cell, out, epochs) for cell in CELLS]
    memory = [_memory_lesson(cell, out, epochs) for cell in CELLS]
    pictures = draw_pictures(lessons, out, memory)
    data = out / "data.npz"
    write_data(data)
    for label, paths in _files([*lessons, *memory], data, pictures):
        say_labelled(label, ", ".join(map(str, paths)))
    for i, command in enumerate(_next_commands(data, lessons[-1])):
        say_labelled("" if i else "next", command)
    if as_json:
        typer.echo(json.dumps(_record(lessons, memory, data, pictures), indent=2))
        return
    say()
    for line in (*_table(lessons), "", *_memory_table(memory)):
        typer.echo(line)


def _lesson(cell: Cell, out: Path, epochs: int) -> Lesson:
    from seqrt.demo import begin, conclude

    return _taught(begin(cell, out, epochs), f"{cell:4} epoch", conclude, out)


def _memory_lesson(cell: Cell, out: Path, epochs: int) -> MemoryLesson:
    from seqrt.demo import begin_memory, conclude_memory

    return _taught(begin_memory(cell, out, epochs), f"{cell:4} adding epoch", conclude_memory, out)


def _taught(run: Run, label: str, conclude: Callable[[Run, Path], Taught], out: Path) -> Taught:
    """Train a network, conclude its lesson, and say how it was proved."""
    _train(run, label)
    lesson = conclude(run, out)
    say(_proof(lesson))
    return lesson


def _train(run: Run, label: str) -> None:
    assert run.plan.epochs
    with epoch_progress(run.plan.epochs, label, _LINES) as show:
        for epoch in run:
            show(epoch)


def _proof(lesson: Lesson | MemoryLesson) -> str:
    parity, report = lesson.exported.manifest.parity, lesson.exported.report
    assert parity
    how = "bit for bit" if report.exact else "up to rounding"
    return (
        f"{lesson.run.plan.cell:4} proved: within {parity.runtime:.1e} of float64"
        f" (PyTorch: {parity.torch:.1e}); {len(report.laws)} laws hold {how}"
    )


def _files(
    lessons: Sequence[Lesson | MemoryLesson], data: Path, pictures: Sequence[Path]
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

    yield from _rows("unseen rows", lessons, baselines())


def _memory_table(lessons: Sequence[MemoryLesson]) -> Iterator[str]:
    from seqrt.demo import without_memory

    yield from _rows("adding, unseen", lessons, without_memory(lessons[0]))


def _rows(
    title: str, lessons: Sequence[Lesson | MemoryLesson], others: dict[str, dict[str, float]]
) -> Iterator[str]:
    titles = f"{'mse':>10}{'mse/variance':>14}{'parity':>10}{'bytes':>10}{'seconds':>9}"
    yield f"{title:18}{titles}"
    for lesson in lessons:
        parity = lesson.exported.manifest.parity
        assert parity
        yield (
            f"{lesson.run.plan.cell:5}64 -> 32 -> 1{_errors(lesson.metrics)}{parity.runtime:10.1e}"
            f"{lesson.exported.size:10,}{_seconds(lesson):9.1f}"
        )
    for name, metrics in others.items():
        yield f"{name:18}{_errors(metrics)}"


def _errors(metrics: dict[str, float]) -> str:
    return f"{metrics['mse']:10.2e}{metrics['mse/variance']:14.2e}"


def _seconds(lesson: Lesson | MemoryLesson) -> float:
    return sum(epoch.seconds for epoch in lesson.run.epochs)


def _record(
    lessons: Sequence[Lesson],
    memory: Sequence[MemoryLesson],
    data: Path,
    pictures: Sequence[Path],
) -> dict[str, Any]:
    from seqrt.demo import baselines, without_memory

    return {
        "models": [_model(lesson) for lesson in lessons],
        "baselines": _metrics(baselines()),
        "memory": {
            "models": [_model(lesson) for lesson in memory],
            "baselines": _metrics(without_memory(memory[0])),
        },
        "data": str(data),
        "pictures": [str(path) for path in pictures],
    }


def _metrics(of_each: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {name: metrics_record(metrics) for name, metrics in of_each.items()}


def _model(lesson: Lesson | MemoryLesson) -> dict[str, Any]:
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
