"""What is left of a run that was broken off, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from seqrt.errors import SeqrtError, TrainingError, UsageError

if TYPE_CHECKING:
    from seqrt.training.runs.run import Run


@contextmanager
def kept(run: Run) -> Iterator[None]:
    """Say, when training is broken off, what is left and what to type."""
    try:
        yield
    except (SystemExit, SeqrtError) as error:
        best = [epoch.number for epoch in run.epochs if epoch.best]
        # what diverged would diverge again
        if not isinstance(error, TrainingError) and run.checkpoints.any():
            _say(f"go on with: seqrt train --resume {shlex.quote(str(run.path))}")
        if best:
            _say(
                f"the best weights so far, of epoch {best[-1]}, are in {run.path}."
                f" Use them with: {exporting(run.path)}"
            )
        elif isinstance(error, TrainingError) or not run.checkpoints.any():
            _say("no epoch was finished: nothing is kept.")
            run.discard()
        run.leave()
        raise


def exporting(path: Path) -> str:
    """Return the command that exports a run; the newest in runs/ needs no name."""
    newest = path.parent == Path("runs")
    return "seqrt export" if newest else f"seqrt export {shlex.quote(str(path))}"


def check_nothing_given(options: dict[str, Any], out: Path | None) -> None:
    """Raise UsageError where something is given that would change a run that is gone on with."""
    given = options | ({"out": out} if out else {})
    wrong = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not False]
    if wrong:
        raise UsageError(
            f"a run goes on as it began, and {', '.join(wrong)} would change it. Leave out what"
            " stands beside --resume, or train again without it."
        )


def _say(line: str) -> None:
    typer.echo(line, err=True)
