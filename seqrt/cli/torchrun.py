"""Processes started by torchrun: the first one reports for all, and no error is lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from seqrt.errors import TrainingError


def rank() -> int:
    """Return the rank of this process among several that torchrun started, and 0 without it."""
    several = os.environ.get("WORLD_SIZE", "1") != "1"
    text = os.environ.get("RANK", "")
    return int(text) if several and text.isdecimal() else 0


@contextmanager
def quiet_unless_first() -> Iterator[None]:
    """Discard stdout and stderr in every process but the first.

    All processes raise a TrainingError together, and only the first one reports it. Any other error
    is raised in the process where it occurred.
    """
    if not rank():
        yield
        return
    try:
        with open(os.devnull, "w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
            yield
    except TrainingError as error:
        raise SystemExit(error.exit_code) from None
