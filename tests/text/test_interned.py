"""Words as numbers, from which the vocabulary of any part is counted."""

from __future__ import annotations

import numpy as np

from seqrt.contract.text import Text
from seqrt.text.interned import Interned
from seqrt.text.tokenizer import Tokenizer
from seqrt.text.vocabulary import chosen_words, vocabulary_of

TEXTS = [b"The cat, the dog.", b"", b"a cat", b"\xff cat THE"]


def test_the_words_of_some_texts_are_counted_as_if_they_were_alone():
    held = Interned(TEXTS)

    for rows in ([0, 1, 2, 3], [2, 3], [1]):
        words = chosen_words(held.counts(np.array(rows)), min_count=2)
        assert words == vocabulary_of([TEXTS[row] for row in rows], min_count=2)


def test_ids_are_those_of_the_tokenizer():
    held = Interned(TEXTS)
    vocabulary = vocabulary_of(TEXTS, min_count=2)
    tokenizer = Tokenizer(Text("words", 1, "text", "ascii", vocabulary))

    ids = np.split(held.ids(vocabulary), np.cumsum(held.lengths)[:-1])

    assert [each.tolist() for each in ids] == [tokenizer.encode(text).tolist() for text in TEXTS]
