"""Strings of the embedded Reber grammar, and the symbols that may follow at each step."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqrt.data import Part, Sequences
from seqrt.data.ragged import Ragged

Array = NDArray[Any]

SYMBOLS: Final = "BTPSXVE"
_B, _T, _P, _E = (SYMBOLS.index(symbol) for symbol in "BTPE")

# The two transitions from each state, equally likely: a symbol and the next state. State 5 has one.
_TRANSITIONS: Final = (
    (("T", 1), ("P", 2)),
    (("S", 1), ("X", 3)),
    (("T", 2), ("V", 4)),
    (("X", 2), ("S", 5)),
    (("P", 3), ("V", 5)),
    (("E", 6), ("E", 6)),
)
_SYMBOL = np.array([[SYMBOLS.index(symbol) for symbol, _ in pair] for pair in _TRANSITIONS])
_NEXT = np.array([[state for _, state in pair] for pair in _TRANSITIONS])
_LAST = len(_TRANSITIONS)


def reber(rng: np.random.Generator, count: int, _length: int = 0) -> Sequences:
    """Draw strings of the embedded Reber grammar: x (T, 7) one-hot, y (T, 7) what may follow.

    A string is B, then T or P, a string of the inner grammar, the same T or P again, and E. All but
    its last symbol are read: at least 8 steps, 11 on average. At each step, y marks every symbol
    that may follow. A network that has forgotten the second symbol makes one error per string, at
    the second to last step. Solved: no error in any string of the validation part.

    Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735, task 1; the grammar is Reber's
    1967, the test Cleeremans et al. 1989 and Fahlman 1991.
    """
    names = rng.choice([_T, _P], size=count)
    inner = [_walk(rng) for _ in range(count)]
    lengths = np.array([len(symbols) + 3 for symbols, _ in inner])
    x = np.zeros((lengths.sum(), len(SYMBOLS)), np.float32)
    y = np.zeros(x.shape, np.int64)
    ends = np.cumsum(lengths)
    for name, (symbols, states), end in zip(names, inner, ends, strict=True):
        start = end - len(symbols) - 3
        x[np.arange(start, end), [_B, name, *symbols, name]] = 1
        y[start, [_T, _P]] = 1
        y[start + 1, _B] = 1
        y[np.arange(start + 2, end - 2)[:, None], _SYMBOL[states]] = 1
        y[end - 2, name] = 1
        y[end - 1, _E] = 1
    return Sequences(Ragged.of_flat(x, lengths), np.split(y, ends[:-1]), per_step=True)


def without_its_start(part: Part) -> Array:
    """Predict without the second symbol: all but T or P at the second to last step is certain."""
    predicted = part.truth.astype(np.float64)
    predicted[np.cumsum(part.x.lengths) - 2] = np.isin(list(SYMBOLS), ("T", "P")) / 2
    return predicted


def _walk(rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Draw a string of the inner grammar: its symbols from B to E, and the states before E."""
    symbols, states, state = [_B], [], 0
    while state != _LAST:
        states.append(state)
        choice = int(rng.random() < 0.5)
        symbols.append(int(_SYMBOL[state, choice]))
        state = int(_NEXT[state, choice])
    return symbols, states
