"""A vocabulary as constant arrays of C: the words by length, then by bytes, each with its id.

Words of one length need no offsets: a word takes its bytes and two more for the id. Their search
is a bisection.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from seqrt.export.to_c.text import array_text

_ESCAPED: Final = {ord("'"): r"'\''", ord("\\"): r"'\\'"}

SEARCH: Final = """
/* the id of a word, 0 if it is not in the vocabulary */
static int32_t id_of(const unsigned char *word, int size) {
    const unsigned char *of_size = known_words, *known;
    int i, at, low, high, first;
    if (size > LONGEST) { return 0; }
    for (i = 1; i < size; i++) { of_size += i * (known_until[i] - known_until[i - 1]); }
    low = first = known_until[size - 1];
    high = known_until[size];
    while (low < high) {
        at = (low + high) / 2;
        known = of_size + (at - first) * size;
        for (i = 0; i < size && known[i] == word[i]; i++) {}
        if (i == size) { return known_ids[at]; }
        if (known[i] < word[i]) { low = at + 1; }
        else { high = at; }
    }
    return 0;
}"""


@dataclass(frozen=True)
class KnownWords:
    """The arrays of a vocabulary in C, their bytes, and the length of the longest word."""

    arrays: str
    bytes: int
    longest: int


def known_words(vocabulary: tuple[str, ...]) -> KnownWords:
    """Return the arrays that SEARCH reads; the word at place i of the vocabulary has id i + 1."""
    ids = {word.encode(): number for number, word in enumerate(vocabulary, 1)}
    words = sorted(ids, key=lambda word: (len(word), word))
    longest = len(words[-1])
    lengths = [len(word) for word in words]
    until = list(accumulate(lengths.count(size) for size in range(longest + 1)))
    arrays = [
        "/* the words by length, then by byte */",
        _lines_of(words),
        array_text("uint16_t", "known_ids", [str(ids[word]) for word in words]),
        "/* how many words have at most so many bytes */",
        array_text("uint16_t", "known_until", list(map(str, until))),
    ]
    return KnownWords("\n".join(arrays), sum(lengths) + 2 * (len(words) + len(until)), longest)


def _lines_of(words: list[bytes]) -> str:
    lines = [", ".join(map(_character, word)) for word in words]
    body = ",\n    ".join(lines)
    size = sum(map(len, words))
    return f"static const unsigned char known_words[{size}] = {{\n    {body}\n}};"


def _character(byte: int) -> str:
    """Return a byte as a constant, which is readable for printable ASCII.

    >>> _character(97), _character(195)
    ("'a'", '195')
    """
    printable = f"'{chr(byte)}'" if 0x20 <= byte < 0x7F else str(byte)
    return _ESCAPED.get(byte, printable)
