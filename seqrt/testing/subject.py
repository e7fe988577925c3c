"""The model under test, with typical input, and what a check may ask of its answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import SeqrtError
from seqrt.runtime.model import Model
from seqrt.runtime.proving.parity import largest, own_units
from seqrt.runtime.proving.proof import allowed, decode
from seqrt.runtime.proving.validate import typical

if TYPE_CHECKING:
    from seqrt.runtime.types import Floats


class Subject:
    """A model, its file, and a typical batch x (B, T, D) of its own range."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the file; raise ModelError."""
        self.path = os.fspath(path)
        self.model = Model(path)
        self.cases = decode(self.model.proof, self.model.manifest)
        self._most = allowed(self.model, self.cases)
        x = typical(self.cases)
        # where NaN stands for a missing value, the proof holds some
        self._x = np.where(np.isnan(x), np.float32(0), x)

    @property
    def x(self) -> Floats:
        """A batch (5, 12, D) of the caller's own."""
        return self._x.copy()

    @property
    def per_step(self) -> bool:
        """Whether each step is answered."""
        return self.model.manifest.head == "sequence"

    @property
    def causal(self) -> bool:
        """Whether the model can stream."""
        return self.model.manifest.streamable

    def state(self, rows: int) -> Floats:
        """Return states (rows, S) that are not zero."""
        size = self.model.manifest.state_size
        return np.linspace(-0.5, 0.5, rows * size, dtype=np.float32).reshape(rows, size)

    def close(self, got: Any, want: Any, what: str) -> None:
        """Fail unless the answers agree by the rule of parity, as two right computations do."""
        outputs = self.model.manifest.outputs
        got, want = _alike(got, want, what)
        if not largest(own_units(got, outputs) - own_units(want, outputs)) <= self._most[0]:
            raise AssertionError(f"{what} must agree by the rule of parity, and do not.")

    def states_close(self, got: Any, want: Any, what: str) -> None:
        """Fail unless the states agree by the rule of parity."""
        got, want = _alike(got, want, what)
        if not largest(got - want) <= self._most[1]:
            raise AssertionError(f"{what} must agree by the rule of parity, and do not.")


def same(got: Any, want: Any, what: str) -> None:
    """Fail unless two arrays of float32 are equal bit for bit, as one computation done twice is."""
    got, want = _alike(got, want, what)
    if got.tobytes() != want.tobytes():
        apart = largest(got.astype(np.float64) - want)
        raise AssertionError(f"{what} must be the same bit for bit, and are {apart:.1e} apart.")


def zeros(got: Any, what: str) -> None:
    """Fail unless an array holds nothing but zeros."""
    if np.any(got):
        raise AssertionError(f"{what} must be zeros, got {np.asarray(got).reshape(-1)[:4]} ...")


def refused(
    expected: str | type[SeqrtError], what: str, call: Any, *args: Any, **named: Any
) -> None:
    """Fail unless the call raises seqrt's error with one of these codes, or of this class."""
    name = expected if isinstance(expected, str) else expected.__name__
    try:
        answer = call(*args, **named)
    except SeqrtError as error:
        if isinstance(expected, str) and error.code in expected.split():
            return
        if not isinstance(expected, str) and isinstance(error, expected):
            return
        raise AssertionError(f"{what} must be refused with {name}, got: {error}") from None
    except Exception as error:
        raise AssertionError(f"{what} must be refused with {name}, got {error!r:.200}") from error
    raise AssertionError(f"{what} must be refused with {name}, got an answer: {answer!r:.100}")


def _alike(got: Any, want: Any, what: str) -> tuple[Any, Any]:
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or got.dtype != np.float32:
        raise AssertionError(
            f"{what} must be float32 of shape {want.shape}, got {got.dtype} of {got.shape}."
        )
    return got, want
