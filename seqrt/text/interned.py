"""Texts as numbers of their different words, from which the vocabulary of any part is counted."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.text import UNKNOWN, Lower, Text
from seqrt.text.tokenizer import Tokenizer

Numbers = NDArray[np.int32]


class Interned:
    """The words of texts: `numbers` (N,) of all texts in order, each a place in `words`.

    `lengths` (B,) are the numbers of words of each text. A word takes four bytes.
    """

    def __init__(self, texts: Iterable[bytes | list[bytes]], lower: Lower = "ascii") -> None:
        """Read texts, or lists of words."""
        tokenizer = Tokenizer(Text("words", 1, lower=lower))
        places: dict[bytes, int] = {}
        numbers, lengths = array("i"), array("q")
        for text in texts:
            words = tokenizer.words(text) if isinstance(text, bytes) else text
            numbers.extend([places.setdefault(word, len(places)) for word in words])
            lengths.append(len(words))
        self.lower: Lower = lower
        self.words = list(places)
        self.numbers: Numbers = np.frombuffer(numbers, np.int32)
        self.lengths: NDArray[np.int64] = np.frombuffer(lengths, np.int64)

    def counts(self, rows: NDArray[np.intp]) -> dict[bytes, int]:
        """Return how often each word occurs in some texts; words that do not are left out."""
        chosen = np.zeros(len(self.lengths), np.bool_)
        chosen[rows] = True
        inside = self.numbers[np.repeat(chosen, self.lengths)]
        counts = np.bincount(inside, minlength=len(self.words))
        return {self.words[place]: int(counts[place]) for place in np.flatnonzero(counts)}

    def ids(self, vocabulary: tuple[str, ...]) -> Numbers:
        """Return the ids (N,) of all words in a vocabulary."""
        known = {word.encode(): i for i, word in enumerate(vocabulary, UNKNOWN + 1)}
        each = np.array([known.get(word, UNKNOWN) for word in self.words], np.int32)
        return each[self.numbers]
