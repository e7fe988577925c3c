"""What a language model writes: the methods of Model that return text."""

from __future__ import annotations

from typing import TYPE_CHECKING, AnyStr

from seqrt.runtime.out_of_memory import needs_memory
from seqrt.runtime.reading import ModelReading

if TYPE_CHECKING:
    from seqrt.runtime.text.pieces import Pieces


class ModelGenerating(ModelReading):
    """The part of a Model that writes text."""

    @needs_memory
    def generate(
        self,
        prompt: AnyStr,
        n: int = 500,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> AnyStr:
        """Return `n` bytes of text that continue `prompt`: str for str, bytes for bytes.

        Each byte is drawn by its probability after all before it. A `temperature` below 1 prefers
        probable bytes, and 0 always takes the most probable; `top_k` draws only from as many of
        them. An empty prompt is read as a newline. In str, bytes that are not UTF-8 become U+FFFD.

        The same seed gives the same text on the same machine; without one, each call differs. On
        another machine a probability may differ in its last bits, and the text from there on::

            model.generate("ROMEO:", 200, temperature=0.8, top_k=40, seed=1)

        Raises UsageError for a model that is not a language model and for an option out of range.
        """
        pieces = self.generate_iter(prompt, n, temperature=temperature, top_k=top_k, seed=seed)
        return prompt[:0].join(pieces)

    @needs_memory
    def generate_iter(
        self,
        prompt: AnyStr,
        n: int = 500,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> Pieces[AnyStr]:
        """Yield the text of `generate` as it is drawn: characters of str, or single bytes.

        The prompt is read before this returns. `seed` of the iterator is the seed that draws the
        text, also where none was given. Only one caller at a time may use an iterator.
        """
        from seqrt.runtime.text.pieces import Pieces
        from seqrt.runtime.text.sampler import Sampler

        return Pieces(self._engine, self.manifest, prompt, n, Sampler(temperature, top_k, seed))
