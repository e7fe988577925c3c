"""One training among several: it may diverge or end early without stopping the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from seqrt.errors import TrainingError
from seqrt.training.loop.state import Epoch
from seqrt.training.runs.run import Run


class Trial:
    """One training of a comparison or a search: iterate to train, then `finish`.

    If training diverges, it ends, and `failure` holds the error message. A subclass decides in
    `is_over` when to end early, and adds a `finish` that returns the outcome of the trial.
    """

    def __init__(self, run: Run, title: str) -> None:
        """Prepare to train `run`, shown under `title`."""
        self.run = run
        self.title = title
        self.failure: str | None = None

    def __iter__(self) -> Iterator[Epoch]:
        """Train; yield after every epoch."""
        epochs: Any = iter(self.run)
        try:
            with closing(epochs):
                for epoch in epochs:
                    over = self.is_over(epoch)
                    yield epoch
                    if over:
                        return
        except TrainingError as error:
            self.failure = str(error)

    def is_over(self, epoch: Epoch) -> bool:
        """Return whether training ends after this epoch."""
        raise NotImplementedError
