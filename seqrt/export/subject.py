"""What export needs to know about a network, whether of seqrt or a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrt.contract import Manifest
from seqrt.runtime import Model
from seqrt.runtime.proving.proof import Case
from seqrt.runtime.types import Doubles, Floats, Lengths

# The largest relative error of rounding to float32.
_ROUNDING: Final = 2.0**-24


class Subject(Protocol):
    """A network that is being exported.

    Shapes: x (B, T, D), or tokens (B, T); lengths (B,), state (B, S), y (B, O) or (B, T, O).
    """

    def manifest(self) -> Manifest:
        """Return the manifest, without what is measured on the file."""

    def graph(self) -> onnx.ModelProto:
        """Return the ONNX model, without its metadata."""

    def weights(self) -> Mapping[str, Tensor]:
        """Return the weights by name."""

    def case(
        self, draft: Model, rows: int, steps: int, rng: np.random.Generator, *, fresh: bool = False
    ) -> Case:
        """Return a case with random inputs; `fresh` if it may start from the zero state."""

    def solve(
        self,
        dtype: torch.dtype,
        x: Floats | Doubles,
        lengths: Lengths,
        state: Floats,
        *,
        rounded: bool = False,
    ) -> tuple[Doubles, Doubles]:
        """Return y and the final state as torch computes them; y is 0 past each length.

        With `rounded`, x is changed as much as rounding it to float32 once more could, or the table
        of tokens and the state where x holds ids.
        """

    def gradient(self, x: Floats) -> Doubles | None:
        """Return the gradient of the last output by lag, (T,), or None if it is not known."""

    def check(self, draft: Model) -> None:
        """Raise UsageError if the network does something that no file can do."""


def rounded_again(values: NDArray[Any]) -> Doubles:
    """Return values (B, ...) changed as much as rounding them to float32 once more could."""
    each = values[0]
    signs = np.where(np.arange(each.size).reshape(each.shape) % 2, 1.0, -1.0)
    rounded: Doubles = values * (1.0 + _ROUNDING * np.broadcast_to(signs, values.shape))
    return rounded
