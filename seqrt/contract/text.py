"""How text becomes token ids: the manifest's record, and the rules of its vocabulary.

Tokens are defined on the bytes of UTF-8, which need no tables of Unicode: the ids are the same in
every host, in every version of Python, and wherever a stream of text is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from seqrt.contract.strict_json import manifest_error

TokenKind = Literal["bytes", "words"]
Lower = Literal["none", "ascii"]

# A word is a run of ASCII letters, digits, underscores and bytes beyond ASCII; every other byte
# that is not white space is a word of its own.
WORD: Final = rb"[0-9A-Za-z_\x80-\xff]+|[^ \t\n\r\f\v]"

# The id of what the network does not know; those of tokens follow it.
UNKNOWN: Final = 0

MOST_WORDS: Final = 65_535
LONGEST_WORD: Final = 64
"""In bytes; longer words are unknown."""

# A committee of networks has their tables side by side.
WIDEST: Final = 1 << 16
_BYTES = 256


@dataclass(frozen=True)
class Text:
    """How text becomes token ids, and the width of the table in which the graph looks them up.

    Id 0 is unknown. With `kind` "bytes" byte b has id b + 1; with "words" a word of the
    `vocabulary` has its place in it, from 1. `lower` "ascii" reads the letters A to Z as a to z.
    `column` is the column of a table that held the text in training.
    """

    kind: TokenKind
    width: int
    column: str = "text"
    lower: Lower = "none"
    vocabulary: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """V, the number of ids."""
        return 1 + (_BYTES if self.kind == "bytes" else len(self.vocabulary))


def check_text(m: Any) -> None:
    """Raise ModelError unless the manifest's record of its text fits it."""
    if m.task == "generate":
        _check_language_model(m)
    if m.text is None:
        return
    if m.tokens != m.text.size:
        raise manifest_error(f"of text needs {m.text.size} tokens, got {m.tokens}")
    if not 1 <= m.text.width <= WIDEST:
        raise manifest_error(f"of text needs a width from 1 to {WIDEST}, got {m.text.width}")
    if m.text.kind == "bytes":
        if m.text.vocabulary or m.text.lower != "none":
            raise manifest_error("of bytes must have no vocabulary, and lower='none'")
    else:
        _check_vocabulary(m.text)


def _check_language_model(m: Any) -> None:
    reads_bytes = m.text is not None and m.text.kind == "bytes"
    each_step = m.head == "sequence" and m.activation == "softmax" and not m.heads
    if not (reads_bytes and each_step and m.streamable and m.classes == tuple(range(_BYTES))):
        raise manifest_error(
            "of a language model needs text of bytes, and at each step of a network that streams"
            " the probabilities of the classes 0 to 255"
        )


def _check_vocabulary(text: Text) -> None:
    words = text.vocabulary
    if not 1 <= len(words) <= MOST_WORDS:
        raise manifest_error(f"needs a vocabulary of 1 to {MOST_WORDS} words, got {len(words)}")
    if len(set(words)) != len(words):
        raise manifest_error("must have each word of its vocabulary once")
    wrong = next((word for word in words if not is_word(word, text.lower)), None)
    if wrong is not None:
        raise manifest_error(f"must have only words in its vocabulary, got {wrong!a:.60}")


def is_word(word: str, lower: Lower) -> bool:
    """Return whether a text is one word that a vocabulary may hold."""
    import re  # format 1 does without

    data = word.encode(errors="surrogatepass")
    fits = 0 < len(data) <= LONGEST_WORD and (lower == "none" or data == data.lower())
    return fits and re.fullmatch(WORD, data) is not None
