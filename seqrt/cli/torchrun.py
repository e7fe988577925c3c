"""Processes that torchrun has started: the first talks for all, and no error is lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from seqrt.errors import TrainingError


def others() -> int:
    """Return the number of this process where it is not the first of several, and else 0."""
    several = os.environ.get("WORLD_SIZE", "1") != "1"
    rank = os.environ.get("RANK", "")
    return int(rank) if several and rank.isdecimal() else 0


@contextmanager
def one_voice() -> Iterator[None]:
    """Have the first process alone talk inside.

    An error that all of them end with is the first one's to say; any other is raised.
    """
    if not others():
        yield
        return
    try:
        with open(os.devnull, "w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
            yield
    except TrainingError as error:
        raise SystemExit(error.exit_code) from None
