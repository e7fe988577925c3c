"""Built-in tasks that need a long memory: given by name instead of a file.

Each asks for an input from many steps earlier. 10,000 sequences are drawn from a seed, so that
memorising them does not help. T is the length, which can be chosen, except for reber.

    adding          the sum of the two marked numbers among T        MSE 1/6      solved: < 0.01
    copying         ten symbols, to be repeated after T blanks       10 blanks    solved: F1 > 0.99
    temporal-order  which of X, Y came first, and which second       accuracy 1/4 solved: > 0.99
    reber           which symbols may come next in a grammar         see `reber`  solved: all
    recall          the first of T numbers                           MSE 1/3      solved: < 0.01

The third column is the best possible result without memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqrt.data import Part, Sequences
from seqrt.data.ragged import Ragged
from seqrt.errors import UsageError
from seqrt.training.problems.reber import reber, without_its_start

Array = NDArray[Any]
Draw = Callable[[np.random.Generator, int, int], Sequences]

COUNT: Final = 10_000
_COPIED, _ALPHABET = 10, 8
BLANK: Final = _ALPHABET
_DELIMITER = _ALPHABET + 1
_NOISE, _ORDERED = 4, "XY"


def adding(rng: np.random.Generator, count: int, length: int) -> Sequences:
    """Draw x (T, 2), numbers from 0 to 1 and marks, and y, the sum of the two marked numbers.

    One mark is in the first half and one in the second. Predicting the mean of y has an MSE of 1/6.

    Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735, task 4; in this form Le et al.
    2015, arXiv:1504.00941.
    """
    half, rows = length // 2, np.arange(count)
    x = np.zeros((count, length, 2), np.float32)
    x[:, :, 0] = rng.random((count, length), np.float32)
    marked = rng.integers(half, size=count), rng.integers(half, length, size=count)
    for step in marked:
        x[rows, step, 1] = 1
    y = sum(x[rows, step, 0] for step in marked)
    return Sequences(Ragged.of_batch(x), np.asarray(y, np.float32), per_step=False)


def copying(rng: np.random.Generator, count: int, length: int) -> Sequences:
    """Draw ten symbols to be repeated `length` steps later: x (T + 20, 10), a label per step.

    x is one-hot: ten symbols out of eight, T - 1 blanks, a delimiter, ten blanks. The labels are
    T + 10 blanks (8) and then the ten symbols (0 to 7). A network without memory predicts blanks
    and guesses at the end, with a log loss of 10 log 8 / (T + 20).

    Hochreiter & Schmidhuber 1997; in this form Arjovsky et al. 2016, arXiv:1511.06464.
    """
    copied = rng.integers(_ALPHABET, size=(count, _COPIED))
    steps = length + 2 * _COPIED
    symbols = np.full((count, steps), BLANK)
    symbols[:, :_COPIED] = copied
    symbols[:, -_COPIED - 1] = _DELIMITER
    y = np.full((count, steps), BLANK, np.int64)
    y[:, -_COPIED:] = copied
    x = Ragged.of_batch(one_hot(symbols, _ALPHABET + 2))
    return Sequences(x, list(y), per_step=True)


def temporal_order(rng: np.random.Generator, count: int, length: int) -> Sequences:
    """Draw x (T, 6), one-hot of a b c d X Y, and y, the two capitals in order: XX, XY, YX or YY.

    The first is in the second tenth of the sequence, and the second in the sixth tenth.

    Hochreiter & Schmidhuber 1997, task 6a; of fixed length as in Martens & Sutskever 2011.
    """
    rows = np.arange(count)
    symbols = rng.integers(_NOISE, size=(count, length))
    capitals = rng.integers(len(_ORDERED), size=(count, 2))
    for i, (first, last) in enumerate(((0.1, 0.2), (0.5, 0.6))):
        low, high = int(first * length), int(last * length)
        symbols[rows, rng.integers(low, high, size=count)] = _NOISE + capitals[:, i]
    y = np.array([first + second for first in _ORDERED for second in _ORDERED])
    x = Ragged.of_batch(one_hot(symbols, _NOISE + len(_ORDERED)))
    return Sequences(x, y[2 * capitals[:, 0] + capitals[:, 1]], per_step=False)


def recall(rng: np.random.Generator, count: int, length: int) -> Sequences:
    """Draw x (T, 1), numbers from -1 to 1, and y, the first number; their mean has an MSE of 1/3.

    This needs memory alone: there is nothing to compute or to search for.
    """
    x = rng.uniform(-1, 1, (count, length, 1)).astype(np.float32)
    return Sequences(Ragged.of_batch(x), x[:, 0, 0].copy(), per_step=False)


def one_hot(symbols: Array, kinds: int) -> NDArray[np.float32]:
    """Return the one-hot encoding (..., kinds) of symbols (...)."""
    return np.eye(kinds, dtype=np.float32)[symbols]


def _without_the_symbols(part: Part) -> Array:
    """Predict the copying task without memory: blanks, then all symbols equally likely."""
    predicted = np.zeros((len(part.x), len(part.x[0]), _ALPHABET + 1))
    predicted[:, :, BLANK] = 1
    predicted[:, -_COPIED:] = [1 / _ALPHABET] * _ALPHABET + [0]
    return predicted.reshape(-1, _ALPHABET + 1)


@dataclass(frozen=True)
class MemoryTask:
    """A task that needs a long memory: how its data is drawn, and when it counts as solved.

    `length` is the default length, None if it cannot be chosen, and `least` the shortest. The task
    is solved when the `metric` of the validation part reaches `solved`. `plain` returns the best
    predictions for a part without memory; None: those of `baseline`.
    """

    draw: Draw
    length: int | None
    least: int
    metric: str
    solved: float
    plain: Callable[[Part], Array] | None = None

    def sequences(self, seed: int, length: int | None = None, count: int = COUNT) -> Sequences:
        """Draw `count` sequences from `seed`; raise UsageError if `length` is not possible."""
        if length is not None and self.length is None:
            raise UsageError(
                f"--length does not apply to {self.draw.__name__}: its sequences vary in length."
                " Drop it."
            )
        length = (self.length or 0) if length is None else length
        if length < self.least:
            raise UsageError(f"length must be at least {self.least} for this task, got {length}.")
        return self.draw(np.random.default_rng(seed), count, length)

    def is_solved(self, metrics: dict[str, float]) -> bool:
        """Return whether these metrics solve the task."""
        value = metrics[self.metric]
        return value < self.solved if self.metric == "mse" else value >= self.solved


TASKS: Final[dict[str, MemoryTask]] = {
    "adding": MemoryTask(adding, 100, 2, "mse", 0.01),
    "copying": MemoryTask(copying, 100, 1, "f1 macro", 0.99, _without_the_symbols),
    "temporal-order": MemoryTask(temporal_order, 100, 10, "accuracy", 0.99),
    "reber": MemoryTask(reber, None, 0, "accuracy of all labels", 1.0, without_its_start),
    "recall": MemoryTask(recall, 100, 1, "mse", 0.01),
}
