"""Text in pieces, each of which ends with a whole character."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, AnyStr

from seqrt.errors import UsageError
from seqrt.runtime.out_of_memory import needs_memory
from seqrt.runtime.text.sampler import Sampler, check_whole
from seqrt.runtime.text.writer import TextWriter, check_writes
from seqrt.text.tokenizer import as_bytes

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.runtime.compute.engine import Engine


class Pieces(Iterator[AnyStr]):
    """The text of `Model.generate_iter` as it is drawn; `seed` is the one that draws it.

    Pieces of bytes are single bytes. Those of str are characters: joined, they are what
    `bytes.decode(errors="replace")` makes of all the bytes.
    """

    def __init__(
        self, engine: Engine, manifest: Manifest, prompt: AnyStr, n: int, sampler: Sampler
    ) -> None:
        """Read the prompt, for a text of `n` bytes; see Model.generate_iter for the errors."""
        check_writes(manifest, "generate")
        check_whole("n", n, 0)
        if not isinstance(prompt, str | bytes):
            raise UsageError(f"prompt must be str or bytes, got {type(prompt).__name__}.")
        self.seed = sampler.seed
        self._writer = TextWriter(engine, as_bytes(prompt), sampler)
        self._left = n
        characters = codecs.getincrementaldecoder("utf-8")("replace")
        self._decode: Any = _unchanged if isinstance(prompt, bytes) else characters.decode

    @needs_memory
    def __next__(self) -> AnyStr:
        """Return the next piece, which is never empty."""
        while self._left:
            byte = self._writer.write()
            self._left -= 1
            piece: AnyStr = self._decode(bytes((byte,)), self._left == 0)
            if piece:
                return piece
        raise StopIteration


def _unchanged(data: bytes, _is_last: bool) -> bytes:
    return data
