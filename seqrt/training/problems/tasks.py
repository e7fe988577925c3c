"""Built-in tasks of long memory, named on the command line where a file could stand.

Each asks for what was said many steps before. They are drawn from a seed, 10,000 sequences at a
time, so that nothing can be learnt by heart. T is the length, which may be chosen.

    adding          the sum of the two marked numbers among T        MSE 1/6      solved: < 0.01
    copying         ten symbols, said again after T blanks           10 blanks    solved: F1 > 0.99
    temporal-order  which of X, Y came first, and which then         accuracy 1/4 solved: > 0.99
    reber           what may come next in a string of a grammar      see `reber`  solved: all
    recall          the first of T numbers                           MSE 1/3      solved: < 0.01

The figure in the middle is what can be had without any memory.
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
    """Draw x (T, 2), numbers from 0 to 1 and marks, and y, the sum of the two that are marked.

    One mark stands in the first half and one in the second. The mean of y has an MSE of 1/6.

    Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735, task 4; in this form Le et al.
    2015, arXiv:1504.00941.
    """
    half, rows = length // 2, np.arange(count)
    x = np.zeros((count, length, 2), np.float32)
    x[:, :, 0] = rng.random((count, length), np.float32)
    marked = rng.integers(half, size=count), rng.integers(half, length, size=count)
    for place in marked:
        x[rows, place, 1] = 1
    y = sum(x[rows, place, 0] for place in marked)
    return Sequences(Ragged.of_batch(x), np.asarray(y, np.float32), per_step=False)


def copying(rng: np.random.Generator, count: int, length: int) -> Sequences:
    """Draw ten symbols to be said again `length` steps later: x (T + 20, 10), a label a step.

    x is one-hot: ten of eight symbols, T - 1 blanks, a sign to begin, ten blanks. The answers are
    T + 10 blanks (8) and then the ten symbols (0 to 7). Who remembers nothing says blanks and
    guesses at the end, at a log loss of 10 log 8 / (T + 20).

    Hochreiter & Schmidhuber 1997; in this form Arjovsky et al. 2016, arXiv:1511.06464.
    """
    said = rng.integers(_ALPHABET, size=(count, _COPIED))
    steps = length + 2 * _COPIED
    symbols = np.full((count, steps), BLANK)
    symbols[:, :_COPIED] = said
    symbols[:, -_COPIED - 1] = _DELIMITER
    y = np.full((count, steps), BLANK, np.int64)
    y[:, -_COPIED:] = said
    x = Ragged.of_batch(one_hot(symbols, _ALPHABET + 2))
    return Sequences(x, list(y), per_step=True)


def temporal_order(rng: np.random.Generator, count: int, length: int) -> Sequences:
    """Draw x (T, 6), one-hot of a b c d X Y, and y, the order of its two capitals: XX to YY.

    The first stands between a tenth and a fifth of the way, the second between half and six tenths.

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
    """Draw x (T, 1), numbers from -1 to 1, and y, the first of them; their mean has an MSE of 1/3.

    The shortest way to ask for memory alone: nothing has to be computed or found.
    """
    x = rng.uniform(-1, 1, (count, length, 1)).astype(np.float32)
    return Sequences(Ragged.of_batch(x), x[:, 0, 0].copy(), per_step=False)


def one_hot(symbols: Array, kinds: int) -> NDArray[np.float32]:
    """Return (..., kinds) with a one at the place of each symbol (...)."""
    return np.eye(kinds, dtype=np.float32)[symbols]


def _without_the_symbols(part: Part) -> Array:
    """Say what is known of copying without memory: blanks, and at the end any symbol."""
    said = np.zeros((len(part.x), len(part.x[0]), _ALPHABET + 1))
    said[:, :, BLANK] = 1
    said[:, -_COPIED:] = [1 / _ALPHABET] * _ALPHABET + [0]
    return said.reshape(-1, _ALPHABET + 1)


@dataclass(frozen=True)
class MemoryTask:
    """A task of long memory: how it is drawn, and what counts as solved.

    `length` is the usual one, None where the task has none to choose, and `least` the shortest. It
    is solved where the `figure` of its validation part is on the good side of `solved`. `plain`
    says what is known of the answers of a part without memory; None: what `baseline` says.
    """

    draw: Draw
    length: int | None
    least: int
    figure: str
    solved: float
    plain: Callable[[Part], Array] | None = None

    def sequences(self, seed: int, length: int | None = None, count: int = COUNT) -> Sequences:
        """Draw `count` sequences and their answers from `seed`; raise UsageError for no length."""
        if length is not None and self.length is None:
            raise UsageError(
                f"--length is for what has one to choose, and the sequences of"
                f" {self.draw.__name__} are as long as they come. Leave it out."
            )
        length = (self.length or 0) if length is None else length
        if length < self.least:
            raise UsageError(f"length must be at least {self.least} for this task, got {length}.")
        return self.draw(np.random.default_rng(seed), count, length)

    def is_solved(self, figures: dict[str, float]) -> bool:
        """Whether figures by their names say that it is solved."""
        value = figures[self.figure]
        return value < self.solved if self.figure == "mse" else value >= self.solved


TASKS: Final[dict[str, MemoryTask]] = {
    "adding": MemoryTask(adding, 100, 2, "mse", 0.01),
    "copying": MemoryTask(copying, 100, 1, "f1 macro", 0.99, _without_the_symbols),
    "temporal-order": MemoryTask(temporal_order, 100, 10, "accuracy", 0.99),
    "reber": MemoryTask(reber, None, 0, "accuracy of all labels", 1.0, without_its_start),
    "recall": MemoryTask(recall, 100, 1, "mse", 0.01),
}
