"""Progress on stderr: epochs as a bar on a terminal and lines in a pipe; other work as a bar."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from seqrt.cli.signals import finish_step_on_signal
from seqrt.cli.talk import say

if TYPE_CHECKING:
    from rich.console import Console

    from seqrt.training import Epoch, Run

    ShowEpoch = Callable[[Epoch], None]

Advance = Callable[[int], None]

_LONGEST_SILENCE = 10.0


def train_with_progress(
    run: Run, epochs: Iterable[Epoch], title: str = "epoch", lines: int = 100
) -> None:
    """Show each of the `epochs` that train `run`; after a signal, finish the step and exit."""
    with (
        epoch_progress(run.plan.recipe.epochs, title, lines) as show,
        finish_step_on_signal(run.stop),
    ):
        for epoch in epochs:
            show(epoch)


@contextmanager
def epoch_progress(epochs: int, title: str = "epoch", lines: int = 100) -> Iterator[ShowEpoch]:
    """Yield a function that shows an epoch, of at most `epochs`.

    In a pipe it writes about `lines` lines, and more where epochs take long.
    """
    from rich.console import Console

    console = Console(stderr=True)
    bar = console.is_terminal and not console.is_dumb_terminal
    with _epoch_bar(console, epochs, title) if bar else _epoch_lines(epochs, title, lines) as show:
        yield show


@contextmanager
def _epoch_bar(console: Console, epochs: int, title: str) -> Iterator[ShowEpoch]:
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
def _epoch_lines(epochs: int, title: str, lines: int) -> Iterator[ShowEpoch]:
    every, width = math.ceil(epochs / lines), len(str(epochs))
    written, written_at, last = 0, 0.0, None

    def write(epoch: Epoch) -> None:
        nonlocal written, written_at
        written, written_at = epoch.number, time.monotonic()
        best = "  best" if epoch.best and epoch.val_loss is not None else ""
        say(
            f"{title} {epoch.number:{width}}/{epochs}  {_losses(epoch)}"
            f"  gradient {epoch.grad_norm:.2e}  {epoch.seconds:.2f} s{best}"
        )

    def show(epoch: Epoch) -> None:
        nonlocal last
        last = epoch
        silent = time.monotonic() - written_at
        if epoch.number % every == 0 or not written or silent > _LONGEST_SILENCE:
            write(epoch)

    yield show
    if last and last.number > written:
        write(last)


def _losses(epoch: Epoch) -> str:
    val = "" if epoch.val_loss is None else f"  val {epoch.val_loss:.3e}"
    return f"loss {epoch.loss:.3e}{val}"


@contextmanager
def work_progress(total: int, unit: str, after: float = 1.0) -> Iterator[Advance]:
    """Yield a function to call with how many of `total` were done since its last call.

    On a terminal, a bar with rate and time left appears when the block has taken more than `after`
    seconds, and disappears when it ends. In a pipe nothing is shown.
    """
    with ExitStack() as bars:
        show: Advance | None = None
        done, started = 0, time.monotonic()

        def advance(count: int) -> None:
            nonlocal show, done
            done += count
            if show is None and time.monotonic() - started > after:
                show = bars.enter_context(_work_bar(total, unit, started))
            if show is not None:
                show(done)

        yield advance if sys.stderr is not None and sys.stderr.isatty() else _show_nothing


@contextmanager
def _work_bar(total: int, unit: str, started: float) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}", style="progress.remaining"),
        TextColumn("{task.fields[left]}", style="progress.remaining"),
    )
    with Progress(
        *columns,
        console=console,
        expand=True,
        transient=True,
        disable=console.is_dumb_terminal,
    ) as bar:
        task = bar.add_task("", total=total, rate="", left="")

        def show(done: int) -> None:
            rate = done / (time.monotonic() - started)
            left = f"{_clock((total - done) / max(rate, 1e-9))} left"
            bar.update(task, completed=done, rate=f"{_short(rate)} {unit}/s", left=left)

        yield show


def _show_nothing(_count: int) -> None:
    pass


def _short(number: float) -> str:
    """Return a number in three digits: 9.87, 98.7, 987k, 9.87M.

    >>> [_short(n) for n in (9.871, 987.1, 98_712, 9_871_234, 2e9)]
    ['9.87', '987', '98.7k', '9.87M', '2G']
    """
    for letter in ("", "k", "M"):
        if number < 999.5:
            return f"{number:.3g}{letter}"
        number /= 1000
    return f"{number:.3g}G"


def _clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds.

    >>> _clock(3725.2)
    '1:02:05'
    """
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
