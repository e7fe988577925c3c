"""The methods that the proof and the laws use of a model, so that they need not import it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.runtime.types import Floats


class ProvableStream(Protocol):
    """One live sequence, as seqrt.Stream."""

    def push(self, chunk: Any) -> Floats:
        """Advance by a chunk (t, D) or a step (D,); return the outputs."""

    def save(self) -> bytes:
        """Return the state as bytes."""


class ProvableModel(Protocol):
    """A model with a proof, as seqrt.Model."""

    @property
    def manifest(self) -> Manifest:
        """What the file says about its network."""

    @property
    def proof(self) -> str:
        """The proof in the file, as JSON text."""

    def predict(self, x: Any, lengths: Any = None) -> Floats | list[Floats]:
        """Map sequences to outputs, each from zero state."""

    def run(
        self, x: Any, lengths: Any = None, state: Any = None, *, any_ids: bool = False
    ) -> tuple[Floats, Floats]:
        """Advance `state` (B, S) over x (B, T, D): return y and the next state."""

    def stream(self, saved: bytes | None = None) -> ProvableStream:
        """Start a live sequence, or continue a saved one."""

    def zero_state(self, batch: int) -> Floats:
        """Return the state before the first step, (B, S)."""
