"""A live sequence of words, whose text may be cut anywhere, in the middle of a word too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract.text import LONGEST_WORD
from seqrt.errors import InputError, UsageError
from seqrt.runtime.live.saved_state import pack_state, unpack_state
from seqrt.runtime.live.stream import Stream
from seqrt.runtime.out_of_memory import needs_memory
from seqrt.text.tokenizer import is_part_of_word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.heads import Heads
    from seqrt.runtime.inputs.nonfinite import Nonfinite
    from seqrt.runtime.types import Floats

# The numbers in a saved state that hold the bytes of a word that has begun; the rest are zeros.
_MOST_HELD = LONGEST_WORD + 1


class WordStream(Stream):
    """A Stream of a model that reads words: a push may be text, cut anywhere.

    A word is answered when the byte after it arrives, so a push of " " ends the last one.
    """

    @needs_memory
    def __init__(
        self, engine: Engine, digest: str, saved: bytes | None = None, heads: Heads | None = None
    ) -> None:
        """Start from zero state and without a word, or from what `save` returned."""
        assert engine.layout.text
        self._words = engine.layout.text.tokenizer
        self._held = self._next = b""
        super().__init__(engine, digest, saved, heads)
        self._read = self._read_piece

    def _read_piece(self, piece: Any, name: str) -> NDArray[Any]:
        """Return the ids of the words that end in a piece of text, or ids as they are."""
        if isinstance(piece, str | bytes):
            live = self._words.live()
            live.held = self._held
            ids = live.push(piece)
            self._next = live.held
            return ids
        if self._held:
            raise UsageError(
                f'the stream holds the word {self._held!r}, which has not ended. Push " " before'
                " ids."
            )
        self._next = b""
        return self._engine.layout.read_all(piece, name)

    def _pushed(self, x: NDArray[Any], nonfinite: Nonfinite) -> Any:
        y = super()._pushed(x, nonfinite)
        self._held = self._next
        return y

    @needs_memory
    def reset(self) -> None:
        """Return to the state before the first step, and forget the word that has begun."""
        super().reset()
        self._held = b""

    @needs_memory
    def fork(self) -> WordStream:
        """Return another stream of the same model that continues from the current state."""
        return WordStream(self._engine, self._digest, self.save(), self._heads)

    @needs_memory
    def save(self) -> bytes:
        """Return the state and the word that has begun as bytes for `restore`."""
        if not self._held:
            return super().save()
        word = np.zeros((1, _MOST_HELD), np.float32)
        word[0, : len(self._held)] = np.frombuffer(self._held, np.uint8)
        return pack_state(self._digest, self.steps, np.concatenate([self._current(), word], axis=1))

    @needs_memory
    def restore(self, saved: bytes) -> None:
        """Continue from what `save` returned; raise InputError for other bytes or another model."""
        size = self._state.size
        state, steps = unpack_state(saved, self._digest, size, _MOST_HELD)
        held = _word_in(state[size:])
        self._go_to(state[:size].reshape(self._state.shape), steps)
        self._held = held


def check_no_word(saved: bytes, digest: str, size: int) -> None:
    """Raise InputError for a state (S,) that was saved in the middle of a word."""
    word = _word_in(unpack_state(saved, digest, size, _MOST_HELD)[0][size:])
    if word:
        raise InputError(
            f"E_STATE: the state was saved in the middle of a word, {word!r}, and only a Stream can"
            ' go on with it. Push " " before you save it.'
        )


def _word_in(numbers: Floats) -> bytes:
    """Return the beginning of a word that a saved state holds; b"" if there is none."""
    with np.errstate(invalid="ignore"):
        data = numbers.astype(np.uint8)
    word = data.tobytes().rstrip(b"\0")
    if not np.array_equal(data, numbers) or not is_part_of_word(word):
        raise InputError("E_STATE: the saved state is damaged. Copy it again.")
    return word
