"""The vocabulary of the texts that a network is trained on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from seqrt.contract.strict_json import is_printable
from seqrt.contract.text import MOST_WORDS, Lower, Text, is_word
from seqrt.text.tokenizer import Tokenizer

# In characters of the manifest, in which other fields need some too.
_MOST_WRITTEN: Final = 3 << 20


def vocabulary_of(
    texts: Iterable[str | bytes], *, min_count: int = 2, lower: Lower = "ascii"
) -> tuple[str, ...]:
    """Return the words that occur at least `min_count` times, the most frequent first.

    Words of the same count are in the order of their bytes. There are at most 65,535, and at most
    as many as fit the manifest; words that are longer than 64 bytes, not valid UTF-8 or not
    printable are left out. All of them are published in the file: a vocabulary is training data.
    """
    tokenizer = Tokenizer(Text("words", 1, lower=lower))
    counts: Counter[bytes] = Counter()
    for text in texts:
        counts.update(tokenizer.words(text))
    return chosen_words(counts, min_count=min_count, lower=lower)


def chosen_words(
    counts: Mapping[bytes, int], *, min_count: int = 2, lower: Lower = "ascii"
) -> tuple[str, ...]:
    """Return the words of a vocabulary, in its order, from how often each word occurs."""
    often = [(-count, word) for word, count in counts.items() if count >= min_count]
    words: list[str] = []
    left = _MOST_WRITTEN
    for _, word in sorted(often):
        try:
            name = word.decode()
        except UnicodeDecodeError:
            continue
        if is_printable(name) and is_word(name, lower):
            left -= len(json.dumps(name)) + 1
            if left < 0 or len(words) == MOST_WORDS:
                break
            words.append(name)
    return tuple(words)
