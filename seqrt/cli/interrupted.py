"""A run that stopped early: what was saved, and the command that resumes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrt.cli.talk import say
from seqrt.cli.training_options import typed_option
from seqrt.errors import SeqrtError, TrainingError, UsageError

if TYPE_CHECKING:
    from seqrt.training.runs.run import Run


@contextmanager
def saying_what_is_saved(run: Run) -> Iterator[None]:
    """If training stops early, say what was saved and what to type next."""
    try:
        yield
    except (SystemExit, SeqrtError) as error:
        best = [epoch.number for epoch in run.epochs if epoch.best]
        # a run that diverged would diverge again
        if not isinstance(error, TrainingError) and run.checkpoints.exist():
            say(f"resume with: {resume_command(run.path)}")
        if best:
            say(
                f"the best weights so far, from epoch {best[-1]}, are in {run.path}."
                f" Export them with: {export_command(run.path)}"
            )
        elif isinstance(error, TrainingError) or not run.checkpoints.exist():
            say("no epoch was completed: nothing was saved.")
            run.discard()
        run.leave()
        raise


def resume_command(path: Path) -> str:
    """Return the command that resumes a run."""
    return f"seqrt train --resume {shlex.quote(str(path))}"


def export_command(path: Path) -> str:
    """Return the command that exports a run; the newest one in runs/ needs no name."""
    newest = path.parent == Path("runs")
    return "seqrt export" if newest else f"seqrt export {shlex.quote(str(path))}"


def check_no_options(options: dict[str, Any], out: Path | None) -> None:
    """Raise UsageError where an option beside --resume would change the run."""
    given = [*options, *(["out"] if out else [])]
    if given:
        flags = ", ".join(map(typed_option, given))
        raise UsageError(
            f"a resumed run keeps its settings, but {flags} would change them."
            " Drop them, or start a new run without --resume."
        )
