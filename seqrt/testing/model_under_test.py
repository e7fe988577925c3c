"""The model under test, with typical input, and the tolerance for its predictions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.runtime.model import Model
from seqrt.runtime.proving.parity import largest, scaled_units
from seqrt.runtime.proving.proof import allowed_errors, decode
from seqrt.runtime.proving.validate import typical_batch
from seqrt.testing.assertions import as_float32_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.types import Floats


class ModelUnderTest:
    """A model, its file, and a typical batch x (B, T, D) for it, or tokens (B, T).

    Several outputs are joined side by side.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the model file; raise ModelError if that fails."""
        self.path = os.fspath(path)
        self.model = Model(path).joined
        self.cases = decode(self.model.proof, self.model.manifest)
        self._allowed = allowed_errors(self.model.manifest, self.cases)
        x = typical_batch(self.cases, tokens=self.tokens)
        # The proof of a model with a missing-value policy contains NaN.
        self._x = x if self.tokens else np.where(np.isnan(x), np.float32(0), x)

    @property
    def x(self) -> NDArray[Any]:
        """A new copy of the batch (5, 12, D)."""
        return self._x.copy()

    @property
    def tokens(self) -> int:
        """The number of token ids, 0 for a model that reads numbers."""
        return self.model.manifest.tokens

    @property
    def lengths(self) -> list[int]:
        """Lengths for the rows of x, one of them 0, that the model takes."""
        return [max(steps, self.least) if steps else 0 for steps in (12, 1, 5, 0, 11)]

    @property
    def least(self) -> int:
        """The fewest steps of a row, at most as many as x has."""
        return min(self.model.manifest.least, len(self._x[0]))

    @property
    def per_step(self) -> bool:
        """Whether there is an output for each step, not only for the last."""
        return self.model.manifest.head == "sequence"

    @property
    def causal(self) -> bool:
        """Whether the network is unidirectional, and can stream."""
        return self.model.manifest.streamable

    def state(self, rows: int) -> Floats:
        """Return states (rows, S) other than zero."""
        size = self.model.manifest.state_size
        return np.linspace(-0.5, 0.5, rows * size, dtype=np.float32).reshape(rows, size)

    def assert_close(self, got: Any, want: Any, what: str) -> None:
        """Fail unless two sets of predictions agree within the bound of the proof."""
        outputs = self.model.manifest.outputs
        got, want = as_float32_pair(got, want, what)
        if (
            not largest(scaled_units(got, outputs) - scaled_units(want, outputs))
            <= self._allowed[0]
        ):
            raise AssertionError(f"{what} must agree within the bound of the proof, but do not.")

    def assert_states_close(self, got: Any, want: Any, what: str) -> None:
        """Fail unless two sets of states agree within the bound of the proof."""
        got, want = as_float32_pair(got, want, what)
        if not largest(got - want) <= self._allowed[1]:
            raise AssertionError(f"{what} must agree within the bound of the proof, but do not.")
