"""`seqrt bench`: how fast a model is on this machine, beside the others doing the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.options import (
    JsonOption,
    ModelArgument,
    Sha256Option,
    UnsealedOption,
    chosen,
    open_model,
)
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqrt.bench.race import Turn


def bench(
    model: ModelArgument = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Draw a picture, .png")
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="Turns of each contender  [5, with --quick 1]"),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Less work, in seconds")] = False,
    threads: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="Threads of each  [one per core allowed]"),
    ] = None,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on this machine, beside onnxruntime and PyTorch.

    Latency of one step and of a small predict, throughput of uniform and of ragged batches and how
    much of the machine's own matrix products that is, cold start, memory. Contenders take turns in
    fresh processes, within a minute; other programs that compute meanwhile disturb it.

    \b
    Examples:
      seqrt bench
      seqrt bench models/sunspots.onnx --quick
      seqrt bench pump.onnx -o pump.png --json | jq .times_better
    """
    if out and out.suffix.lower() != ".png":
        raise UsageError(f"the picture must be a .png file, got {out}. Try {out.stem}.png.")
    from seqrt.bench.picture import check_matplotlib, png
    from seqrt.bench.race import bench as race
    from seqrt.bench.table import table
    from seqrt.files import writing

    if out:
        check_matplotlib()
    path = chosen(model)
    opened = open_model(path, "cpu", sha256=sha256, unsealed=unsealed, threads=threads)
    with writing(out) if out else nullcontext() as file:
        with showing() as on_turn:
            report = race(
                opened, path, rounds=rounds, quick=quick, threads=threads, on_turn=on_turn
            )
        if file:
            file.write(png(report))
    if as_json:
        typer.echo(json.dumps(report.record(), indent=2))
    else:
        for line in table(report):
            typer.echo(line)
    if out:
        typer.echo(f"picture {out}", err=True)


@contextmanager
def showing() -> Iterator[Callable[[Turn], Any]]:
    """Give a function that shows a turn on stderr: a bar on a terminal, a line in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda turn: typer.echo(_title(turn), err=True)
        return
    columns = (TextColumn("{task.description:30}"), BarColumn(bar_width=None), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda turn: bar.update(
            task, description=_title(turn), completed=turn.number - 1, total=turn.turns
        )


def _title(turn: Turn) -> str:
    return f"round {turn.round}/{turn.rounds}  {turn.contender}"
