"""Work as it passes, on a terminal: a bar with rate and time left, once it takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

Passed = Callable[[int], None]

_SHORT = 1.0


@contextmanager
def counting(total: int, unit: str) -> Iterator[Passed]:
    """Give a function to call with how many of `total` have passed since its last call.

    After a second it shows a bar on stderr, where that is a terminal. The bar goes when the block
    ends.
    """
    with ExitStack() as bars:
        show: Passed | None = None
        done, begun = 0, time.monotonic()

        def passed(count: int) -> None:
            nonlocal show, done
            done += count
            if show is None and time.monotonic() - begun > _SHORT:
                show = bars.enter_context(_bar(total, unit, begun))
            if show is not None:
                show(done)

        yield passed if sys.stderr is not None and sys.stderr.isatty() else _nothing


@contextmanager
def _bar(total: int, unit: str, begun: float) -> Iterator[Passed]:
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
            rate = done / (time.monotonic() - begun)
            left = f"{_clock((total - done) / max(rate, 1e-9))} left"
            bar.update(task, completed=done, rate=f"{_short(rate)} {unit}/s", left=left)

        yield show


def _nothing(_count: int) -> None:
    """Show nothing: in a pipe nobody watches."""


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
