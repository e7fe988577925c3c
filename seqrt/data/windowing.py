"""What is asked of a table of rows, and the table cut into sequences with their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Task
from seqrt.data.windows import windows
from seqrt.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Sequences x and their answers y, in raw units.

    In forecasts `known` (B, O) is the last value of each target at the end of its window, and
    `when` (B,) is the time of the first step ahead, or its row. `left_out` counts the windows that
    are not among them because their answer is missing.
    """

    x: Array | Sequence[Array]
    y: Array | list[Array]
    known: Array | None = None
    when: Array | None = None
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.x)

    @property
    def truth(self) -> Array:
        """All answers below each other: one row a sequence, or one row a step: (N,) or (N, O)."""
        return np.concatenate(self.y) if isinstance(self.y, list) else self.y


def joined(parts: Sequence[Part]) -> Part:
    """Return the sequences of several parts, one after the other; one part is left as it is."""
    if len(parts) == 1:
        return parts[0]
    return Part(*(_joined([getattr(part, field.name) for part in parts]) for field in fields(Part)))


def _joined(values: Sequence[Any]) -> Any:
    first = values[0]
    if first is None:
        return None
    if isinstance(first, int):
        return sum(values)
    return np.concatenate(values) if isinstance(first, np.ndarray) else [*chain(*values)]


@dataclass(frozen=True)
class Windowing:
    """What is asked of a table: which columns answer, from which, and how far back and ahead."""

    task: Task
    target: tuple[str, ...]
    features: tuple[str, ...]
    window: int
    horizon: int

    @property
    def least(self) -> int:
        """How many rows one window with its answer needs."""
        return {"forecast": self.window + self.horizon, "tag": 1}.get(self.task, self.window)

    def cut(self, values: Array, answers: Array, when: Array) -> Part:
        """Cut values (T, D), their answers and times, a row each, into sequences.

        A window is left out where a value to be answered is missing, or where there was no value of
        the target yet: it can be judged neither by itself nor beside persistence.
        """
        window, horizon = self.window, self.horizon
        if self.task == "tag":
            cuts = range(window, len(values), window)
            return Part(np.split(values, cuts), np.split(answers, cuts))
        if self.task != "forecast":
            x, times = windows(values, window), when[window - 1 :]
            return _answered(Part(x, answers[window - 1 :], when=times))
        ahead = windows(answers[window:], horizon)
        part = Part(
            windows(values[:-horizon], window),
            ahead.reshape(len(ahead), -1),
            known=np.tile(_last_known(answers)[window - 1 : -horizon], horizon),
            when=when[window : len(when) - horizon + 1],
        )
        return _answered(part)


def _last_known(answers: Array) -> Array:
    """Return answers (T, O) with each gap filled by the value before it, if there is one."""
    rows = np.arange(len(answers))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(answers), 0, rows), axis=0)
    return np.take_along_axis(answers, last, axis=0)


def _answered(part: Part) -> Part:
    """Return the windows (B, W, D) that have an answer, and a last known value to judge it by."""
    answers, known = np.asarray(part.y), part.known
    if answers.dtype.kind != "f":
        return part
    lacking = np.isnan(answers).any(axis=1)
    if known is not None:
        lacking |= np.isnan(known).any(axis=1)
    if not lacking.any():
        return part
    if lacking.all():
        raise InputError(
            f"E_INPUT_MISSING: a window needs an answer, and in all {len(answers):,} windows it is"
            " missing. Use more data, or a shorter horizon."
        )
    kept = ~lacking
    return Part(
        np.asarray(part.x)[kept],
        answers[kept],
        known=None if known is None else known[kept],
        when=None if part.when is None else part.when[kept],
        left_out=int(lacking.sum()),
    )
