"""`seqrt bench`: the speed and memory of a model on this machine, beside other engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.model_options import (
    ModelArgument,
    Sha256Option,
    ThreadsOption,
    UnsealedOption,
    model_or_newest,
    open_model,
)
from seqrt.cli.options import JsonOption
from seqrt.cli.talk import say, say_labelled
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqrt.bench.race import Turn


def bench(
    model: ModelArgument = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Also draw a picture into this .png file"),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="Number of rounds  [5, with --quick 1]"),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do less work, to finish in seconds")
    ] = False,
    threads: ThreadsOption = None,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on this machine, beside onnxruntime and PyTorch.

    The table shows the latency of one step and of a small batch, the throughput of uniform and
    ragged batches (also as a share of the machine's matrix products), cold start and memory. The
    engines take turns in fresh processes, for about a minute. Other busy programs distort the
    result.

    \b
    Examples:
      seqrt bench
      seqrt bench models/sunspots.onnx --quick
      seqrt bench pump.onnx -o pump.png --json | jq .times_better
    """
    if out and out.suffix.lower() != ".png":
        raise UsageError(f"the picture must be a .png file, got {out}. Try {out.stem}.png.")
    from seqrt.bench.picture import png
    from seqrt.bench.race import bench as race
    from seqrt.bench.table import table
    from seqrt.drawing.style import check_matplotlib
    from seqrt.files import writing

    if out:
        check_matplotlib()
    path = model_or_newest(model)
    opened = open_model(path, "cpu", sha256=sha256, unsealed=unsealed, threads=threads)
    if opened.manifest.tokens or opened.manifest.heads:
        raise UsageError(
            f"bench measures models with one output that read numbers; {path} has"
            f" {'several outputs' if opened.manifest.heads else 'token ids as its input'}."
        )
    with writing(out) if out else nullcontext() as file:
        with _turn_progress() as show:
            report = race(opened, path, rounds=rounds, quick=quick, threads=threads, on_turn=show)
        if file:
            file.write(png(report))
    if as_json:
        typer.echo(json.dumps(report.record(), indent=2))
    else:
        for line in table(report):
            typer.echo(line)
    if out:
        say_labelled("picture", out)


@contextmanager
def _turn_progress() -> Iterator[Callable[[Turn], Any]]:
    """Yield a function that shows a turn on stderr: a bar on a terminal, a line in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda turn: say(_title(turn))
        return
    columns = (TextColumn("{task.description:30}"), BarColumn(bar_width=None), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda turn: bar.update(
            task, description=_title(turn), completed=turn.number - 1, total=turn.turns
        )


def _title(turn: Turn) -> str:
    return f"round {turn.round}/{turn.rounds}  {turn.contender}"
