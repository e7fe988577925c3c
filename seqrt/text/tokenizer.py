"""Text to token ids and back, whole or in pieces that are cut anywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from seqrt.contract.text import LONGEST_WORD, UNKNOWN, WORD, Text
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

_WORDS: Final = re.compile(WORD)
_OF_WORDS: Final = bytes(b for b in range(256) if b >= 0x80 or b == ord("_") or chr(b).isalnum())


class Tokenizer:
    """Maps text to ids as a manifest's `text` says; see seqrt.contract.text.

    Text is str or bytes; bytes need not be valid UTF-8.
    """

    def __init__(self, text: Text) -> None:
        """Take the record of a manifest."""
        self.text = text
        self._ids = {word.encode(): i for i, word in enumerate(text.vocabulary, UNKNOWN + 1)}

    def encode(self, text: str | bytes) -> Ids:
        """Return the ids of a text, int64 (T,)."""
        data = as_bytes(text)
        if self.text.kind == "bytes":
            return np.frombuffer(data, np.uint8).astype(np.int64) + (UNKNOWN + 1)
        ids = self._ids
        return np.array([ids.get(word, UNKNOWN) for word in self.words(data)], np.int64)

    def words(self, text: str | bytes) -> list[bytes]:
        """Return the words of a text in order, known or not."""
        data = as_bytes(text)
        return _WORDS.findall(data.lower() if self.text.lower == "ascii" else data)

    def decode(self, ids: Ids) -> bytes:
        """Return the bytes that ids of bytes stand for; words are joined by spaces.

        An unknown byte is "?", and so is an unknown word. Raises UsageError for ids out of range.
        """
        if len(ids) and not 0 <= ids.min() <= ids.max() < self.text.size:
            raise UsageError(f"ids must be from 0 to {self.text.size - 1}, got {ids}.")
        if self.text.kind == "bytes":
            known = np.where(ids == UNKNOWN, ord("?"), ids - (UNKNOWN + 1))
            return known.astype(np.uint8).tobytes()
        names = ("?", *self.text.vocabulary)
        return " ".join(names[i] for i in ids.tolist()).encode()

    def live(self) -> LiveTokenizer:
        """Return a tokenizer for text that arrives in pieces."""
        return LiveTokenizer(self)


class LiveTokenizer:
    """Maps the pieces of one text to ids: together those of the whole, wherever it is cut.

    A word is answered when the byte after it arrives, or at the `end`; a byte at once. Until then
    `held` has the bytes of the word that has begun, at most 65. Pieces of str must not cut a
    surrogate pair.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Begin a text."""
        self.tokenizer = tokenizer
        self.held = b""

    def push(self, piece: str | bytes) -> Ids:
        """Return the ids of the tokens that end in a piece."""
        data = as_bytes(piece)
        if self.tokenizer.text.kind == "bytes":
            return self.tokenizer.encode(data)
        data = self.held + data
        ended = data.rstrip(_OF_WORDS)
        # a word that is too long for any vocabulary stays so, and need not be kept whole
        self.held = data[len(ended) :][: LONGEST_WORD + 1]
        return self.tokenizer.encode(ended)

    def end(self) -> Ids:
        """Return the ids of what was held back, and begin a new text."""
        held, self.held = self.held, b""
        return self.tokenizer.encode(held)


def is_part_of_word(data: bytes) -> bool:
    """Return whether all bytes are of words of more than one."""
    return not data.strip(_OF_WORDS)


def as_bytes(text: str | bytes) -> bytes:
    """Return a text as bytes of UTF-8; those that a str took from a file as escapes come back."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogateescape" if _escaped(text) else "surrogatepass")


def _escaped(text: str) -> bool:
    lone = [ord(char) for char in text if 0xD800 <= ord(char) <= 0xDFFF]
    return all(0xDC80 <= code <= 0xDCFF for code in lone)
