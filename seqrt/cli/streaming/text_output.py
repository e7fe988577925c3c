"""Text on stdout while it is drawn: safe characters on a terminal, exact bytes anywhere else."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ALLOWED = "\n\t"
_REPLACEMENT = "\ufffd"


@contextmanager
def writing_text() -> Iterator[Callable[[bytes], None]]:
    """Yield what writes the next bytes of a text to stdout, at once.

    On a terminal, characters that would move the cursor or turn the direction of writing, and bytes
    that are not UTF-8, are shown as U+FFFD, and the last line is ended, even after Ctrl-C.
    """
    if not sys.stdout.isatty():
        yield _write
        return
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    last = "\n"

    def show(data: bytes, is_last: bool = False) -> None:
        nonlocal last
        if text := decoder.decode(data, is_last):
            last = text[-1]
            _write(printable(text).encode(sys.stdout.encoding, "replace"))

    try:
        yield show
    finally:
        show(b"", True)
        if last != "\n":
            _write(b"\n")


def printable(text: str) -> str:
    """Return text in which line breaks and tabs alone move the cursor of a terminal."""
    from seqrt.contract.strict_json import is_printable

    if text.isprintable():
        return text
    return "".join(c if c in _ALLOWED or is_printable(c) else _REPLACEMENT for c in text)


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
