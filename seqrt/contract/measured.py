"""What export measured of a network, as the manifest records it: errors memory, rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Inputs = Literal["data", "drawn"]


@dataclass(frozen=True)
class Parity:
    """The largest errors against float64 over the cases that export tried.

    In units of each output's own scale (1 for an output without scaling): `torch` is the error of
    PyTorch in float32, or of numpy in a file whose weights were rounded, `runtime` that of
    onnxruntime, `scale` the largest distance of an output from its mean. `steps` is the sequence
    length up to which the error stays under 1e-5: the longest that was tried, unless the network
    amplifies its input.
    """

    torch: float
    runtime: float
    scale: float
    steps: int


@dataclass(frozen=True)
class Gradient:
    """How strongly the last output depends on the input k steps before it, for several lags k.

    `norms[i]` is the norm of d y_T / d x_{T-k} at k = `lags[i]`, averaged over sequences, with x
    and y in scaled units. y is that before its activation, or the output itself of a user's own
    module. `steps` is the first lag from which the norm stays below 1 % of its maximum, or None if
    it does not within `lags`.
    """

    lags: tuple[int, ...]
    norms: tuple[float, ...]
    steps: int | None = None


@dataclass(frozen=True)
class Memory:
    """How long a unidirectional network remembers, as export measured it on several sequences.

    Run from different initial states, the network gives the same outputs within `tolerance` (in
    units of each output's own scale) after `steps` steps in the slowest sequence, and after
    `median` steps in the median sequence. `more` is true if the outputs still differed after
    `steps`, the longest that was tried. `inputs` is "data" for sequences from the data, held out
    from training if possible, and "drawn" for sequences drawn from the range seen in training.
    """

    steps: int
    median: int
    more: bool
    tolerance: float
    inputs: Inputs
    gradient: Gradient | None = None


@dataclass(frozen=True)
class Rounding:
    """How far the rounding of the weights moved the outputs, on several sequences.

    `moved[i]` is the largest difference from the outputs of the float32 weights after `steps[i]`
    steps, `largest` the largest of all that were compared, and `scale` the largest distance of an
    output from its mean, all in units of each output's own scale. `inputs` as in Memory.
    """

    steps: tuple[int, ...]
    moved: tuple[float, ...]
    largest: float
    scale: float
    inputs: Inputs
