"""The option `front`: which layer there is in front of the recurrent ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from seqrt.errors import UsageError
from seqrt.training.networks.convolution import CausalConvolution

# The graph has a node for each step that a convolution reads.
MOST_STEPS: Final = 256
_FORM: Final = re.compile(r"conv:([1-9][0-9]{0,5})(?:x([1-9][0-9]{0,5}))?")


@dataclass(frozen=True)
class Front:
    """A causal convolution of `steps` steps to `channels` channels, by default as many as units."""

    steps: int
    channels: int | None = None

    def layer(self, width: int, units: int) -> CausalConvolution:
        """Return the layer for inputs of `width` numbers, in front of a layer of `units` units."""
        return CausalConvolution(width, self.channels or units, self.steps)


def parse_front(text: str) -> Front | None:
    """Return the layer that `text` describes, None for the empty text; raise UsageError if none.

    conv:K      a causal convolution of K steps
    conv:KxC    the same, to C channels
    """
    if not text:
        return None
    found = _FORM.fullmatch(text)
    if not found or int(found[1]) > MOST_STEPS:
        raise UsageError(
            f"front must be conv:K or conv:KxC, a convolution of K steps (1 to {MOST_STEPS}) to C"
            f" channels, such as conv:5 or conv:5x32, got {text!r:.60}."
        )
    return Front(int(found[1]), int(found[2]) if found[2] else None)
