"""The effective memory: after how many steps it no longer matters where a stream started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract import MEMORY_TOLERANCE
from seqrt.errors import InputError, ModelError
from seqrt.runtime.inputs.arrays import check_shape
from seqrt.runtime.inputs.layout import layout_of
from seqrt.runtime.out_of_memory import needs_memory
from seqrt.runtime.proving.parity import scaled_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.model import Model
    from seqrt.runtime.types import Floats

# Each sequence starts from the zero state, and from the states of two neighbours after _WARM_UP
# steps.
_STARTS = 3
_WARM_UP = 256
# Agreement counts once it has lasted for as long again, and for this many steps more.
_EXTRA_STEPS = 64


@dataclass(frozen=True)
class Forgetting:
    """The steps that each sequence took to forget its start, and the most that can be measured.

    `steps[i]` counts to the first output from which on all starts of sequence i agree, 1 for a
    network without a memory. A number above `most` means only that: more than `most`.
    """

    steps: tuple[int, ...]
    most: int

    @property
    def longest(self) -> int:
        """The steps of the slowest sequence, at most `most`."""
        return min(max(self.steps), self.most)

    @property
    def median(self) -> int:
        """The steps of the median sequence, at most `most`."""
        return min(sorted(self.steps)[len(self.steps) // 2], self.most)

    @property
    def more(self) -> bool:
        """Whether some sequence took more than `most` steps."""
        return max(self.steps) > self.most


@needs_memory
def forgetting(model: Model, x: Any, *, tolerance: float = MEMORY_TOLERANCE) -> Forgetting:
    """Return after how many steps of x the outputs no longer depend on the start.

    x is (B, T, D), or tokens (B, T). Each sequence starts from the zero state and from the states
    that its two neighbours in x lead
    to, B >= 2. The starts agree when the outputs differ by less than `tolerance`, in units of each
    output's own scale. Agreement counts once it has lasted for as long again, so that T steps can
    show a memory of up to T / 2; reading ends early when all sequences have agreed for that long.

    Raises ModelError (E_STREAM) for a network without a state, InputError for an x that does not
    fit.
    """
    if not model.manifest.streamable:
        why = model.manifest.not_streamable
        which = "this" if why else "a bidirectional"
        raise ModelError(
            f"E_STREAM: the memory of {which} network cannot be measured: it has no state"
            f"{f', because {why}' if why else ''}."
        )
    model, layout = model.joined, layout_of(model.manifest)
    x = layout.read(x, "x")
    check_shape("x", x, ("batch", *layout.axes))
    if len(x) < 2 or not x.shape[1]:
        raise InputError(
            "E_INPUT_SHAPE: x must have at least two sequences of at least one step, got shape"
            f" {x.shape}."
        )
    last = np.zeros(len(x), np.int64)
    state = _starts(model, x)
    # an amplifying network may leave the range of float32; NaN agrees with nothing
    for step in range(1, x.shape[1] + 1):
        now = np.concatenate([x[:, step - 1 : step]] * _STARTS)
        y, state = model.run(now, None, state, nonfinite="propagate")
        last[~(_spread(model, y) < tolerance)] = step
        if step >= 2 * last.max() + _EXTRA_STEPS:
            break
    return Forgetting(tuple(int(step) + 1 for step in last), max(1, x.shape[1] // 2))


def _starts(model: Model, x: NDArray[Any]) -> Floats:
    """Return the initial states (3 B, S): zero, and those that two neighbours lead to."""
    _, reached = model.run(x[:, :_WARM_UP], nonfinite="propagate")
    starts = [np.zeros_like(reached), np.roll(reached, 1, axis=0), np.roll(reached, 2, axis=0)]
    return np.concatenate(starts)


def _spread(model: Model, y: Floats) -> NDArray[np.float64]:
    """Return the largest difference among the outputs (3 B, ..., O) of each sequence: (B,)."""
    own = scaled_units(y, model.manifest.outputs).reshape(_STARTS, len(y) // _STARTS, -1)
    with np.errstate(invalid="ignore"):
        spread: NDArray[np.float64] = np.ptp(own, axis=0).max(axis=-1)
    return spread
