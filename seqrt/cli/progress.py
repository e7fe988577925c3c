"""Epochs as they pass, on stderr: a bar on a terminal, lines in a pipe."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from seqrt.cli.signals import finishing_the_step

if TYPE_CHECKING:
    from rich.console import Console

    from seqrt.training import Epoch, Run

    Show = Callable[[Epoch], None]

_LONGEST_SILENCE = 10.0


@contextmanager
def showing(epochs: int, title: str = "epoch", lines: int = 100) -> Iterator[Show]:
    """Give a function that shows an epoch, of at most `epochs`; in a pipe in about so many lines.

    Many epochs are thinned out there, but never is it silent for long.
    """
    from rich.console import Console

    console = Console(stderr=True)
    bar = console.is_terminal and not console.is_dumb_terminal
    with _bar(console, epochs, title) if bar else _lines(epochs, title, lines) as show:
        yield show


def train_shown(run: Run, passes: Iterable[Epoch], title: str = "epoch", lines: int = 100) -> None:
    """Show each of the `passes` of `run`; a signal has it finish its step, and leaves."""
    with showing(run.plan.recipe.epochs, title, lines) as show, finishing_the_step(run.stop):
        for epoch in passes:
            show(epoch)


@contextmanager
def _bar(console: Console, epochs: int, title: str) -> Iterator[Show]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(title),
        MofNCompleteColumn(),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[losses]}"),
        TextColumn("{task.fields[rate]}", style="progress.remaining"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, expand=True) as bar:
        task = bar.add_task(title, total=epochs, losses="", rate="")
        seconds = 0.0

        def show(epoch: Epoch) -> None:
            nonlocal seconds
            seconds += epoch.seconds
            rate = f"{epoch.number / max(seconds, 1e-9):.3g}/s"
            bar.update(task, completed=epoch.number, losses=_losses(epoch), rate=rate)

        yield show


@contextmanager
def _lines(epochs: int, title: str, lines: int) -> Iterator[Show]:
    every, width = math.ceil(epochs / lines), len(str(epochs))
    said, said_at, last = 0, 0.0, None

    def say(epoch: Epoch) -> None:
        nonlocal said, said_at
        said, said_at = epoch.number, time.monotonic()
        best = "  best" if epoch.best and epoch.val_loss is not None else ""
        typer.echo(
            f"{title} {epoch.number:{width}}/{epochs}  {_losses(epoch)}"
            f"  gradient {epoch.grad_norm:.2e}  {epoch.seconds:.2f} s{best}",
            err=True,
        )

    def show(epoch: Epoch) -> None:
        nonlocal last
        last = epoch
        silent = time.monotonic() - said_at
        if epoch.number % every == 0 or not said or silent > _LONGEST_SILENCE:
            say(epoch)

    yield show
    if last and last.number > said:
        say(last)


def _losses(epoch: Epoch) -> str:
    val = "" if epoch.val_loss is None else f"  val {epoch.val_loss:.3e}"
    return f"loss {epoch.loss:.3e}{val}"
