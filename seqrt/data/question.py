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

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Sequences x and their answers y, in raw units.

    In forecasts `known` (B, O) is the last value of each target at the end of its window, and
    `when` (B,) is the time of the first step ahead, or its row.
    """

    x: Array | list[Array]
    y: Array | list[Array]
    known: Array | None = None
    when: Array | None = None

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
    return [*chain(*values)] if isinstance(first, list) else np.concatenate(values)


@dataclass(frozen=True)
class Question:
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

    def part(self, values: Array, answers: Array, when: Array) -> Part:
        """Cut values (T, D), their answers and times, a row each, into sequences."""
        window, horizon = self.window, self.horizon
        if self.task == "tag":
            cuts = range(window, len(values), window)
            return Part(np.split(values, cuts), np.split(answers, cuts))
        if self.task != "forecast":
            return Part(windows(values, window), answers[window - 1 :], when=when[window - 1 :])
        ahead = windows(answers[window:], horizon)
        return Part(
            windows(values[:-horizon], window),
            ahead.reshape(len(ahead), -1),
            known=np.tile(answers[window - 1 : -horizon], horizon),
            when=when[window : len(when) - horizon + 1],
        )
