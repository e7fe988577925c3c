"""The effective memory: after how many steps it no longer matters where a stream began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import MEMORY_TOLERANCE
from seqrt.errors import InputError, ModelError
from seqrt.runtime.inputs.arrays import as_floats, check_shape
from seqrt.runtime.out_of_memory import needs_memory
from seqrt.runtime.proving.parity import own_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.model import Model
    from seqrt.runtime.types import Floats

# The zero state, and those that so many steps of two neighbours lead to.
_STARTS = 3
_READ = 256
# What has met has to stay together: for as long again, and for so many steps.
_STAY = 64


@dataclass(frozen=True)
class Forgetting:
    """What was found: the steps that each sequence took, and how many may be believed.

    `steps[i]` counts to the first answer from which on all starts of sequence i agree, 1 for a
    network without a memory. A number over `most` says only that: more than `most`.
    """

    steps: tuple[int, ...]
    most: int

    @property
    def longest(self) -> int:
        """The steps of the slowest sequence, at most `most`."""
        return min(max(self.steps), self.most)

    @property
    def median(self) -> int:
        """The steps of the sequence in the middle, at most `most`."""
        return min(sorted(self.steps)[len(self.steps) // 2], self.most)

    @property
    def more(self) -> bool:
        """Whether some sequence took more than `most` steps."""
        return max(self.steps) > self.most


@needs_memory
def forgetting(model: Model, x: Any, *, tolerance: float = MEMORY_TOLERANCE) -> Forgetting:
    """Return after how many steps of x (B, T, D) the answers forget where they began.

    Each sequence is read from the zero state and from where reading its two neighbours in x leads,
    B >= 2. Its starts agree when their answers differ by less than `tolerance`, in units of each
    output's own scale. Only what then lasts for as long again is believed, so that T steps show a
    memory of up to T / 2; reading ends early where all have agreed for so long.

    Raises ModelError (E_STREAM) for a network that reads both ways, InputError for what does not
    fit.
    """
    if not model.manifest.streamable:
        raise ModelError(
            "E_STREAM: only a causal network has a start to forget, and this one is bidirectional."
        )
    x = as_floats(x, "x")
    check_shape("x", x, ("batch", "time", len(model.manifest.features)))
    if len(x) < 2 or not x.shape[1]:
        raise InputError(
            f"E_INPUT_SHAPE: x must hold at least two sequences of a step, got {x.shape}."
        )
    last = np.zeros(len(x), np.int64)
    state = _starts(model, x)
    # an amplifying network may leave the numbers behind: what is no number never agrees
    for step in range(1, x.shape[1] + 1):
        now = np.tile(x[:, step - 1 : step], (_STARTS, 1, 1))
        y, state = model.run(now, None, state, nonfinite="propagate")
        last[~(_apart(model, y) < tolerance)] = step
        if step >= 2 * last.max() + _STAY:
            break
    return Forgetting(tuple(int(step) + 1 for step in last), max(1, x.shape[1] // 2))


def _starts(model: Model, x: Floats) -> Floats:
    """Return the states to begin from (3 B, S): zero, and where two neighbours lead."""
    _, reached = model.run(x[:, :_READ], nonfinite="propagate")
    starts = [np.zeros_like(reached), np.roll(reached, 1, axis=0), np.roll(reached, 2, axis=0)]
    return np.concatenate(starts)


def _apart(model: Model, y: Floats) -> NDArray[np.float64]:
    """Return how far the answers (3 B, ..., O) of each sequence are apart: (B,)."""
    own = own_units(y, model.manifest.outputs).reshape(_STARTS, len(y) // _STARTS, -1)
    with np.errstate(invalid="ignore"):
        apart: NDArray[np.float64] = np.ptp(own, axis=0).max(axis=-1)
    return apart
