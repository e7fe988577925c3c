"""The option `front`: which layer there is in front of the recurrent ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from seqrt.errors import UsageError
from seqrt.training.networks.convolution import CausalConvolution

MOST_STEPS: Final = 256
LONGEST_SEGMENT: Final = 1000
_FORM: Final = re.compile(r"conv:([1-9][0-9]{0,5})(?:x([1-9][0-9]{0,5}))?")
_SEGMENTS: Final = re.compile(r"segments:([1-9][0-9]{0,3})")


@dataclass(frozen=True)
class Front:
    """A causal convolution of `steps` steps to `channels` channels, by default as many as units.

    With segments, the recurrent layers continue from the state `dilation` steps before.
    """

    steps: int
    channels: int | None = None
    dilation: int = 1

    def __str__(self) -> str:
        """Return the option as it is written."""
        if self.dilation > 1:
            return f"segments:{self.steps}"
        return f"conv:{self.steps}" + (f"x{self.channels}" if self.channels else "")

    def layer(self, width: int, units: int) -> CausalConvolution:
        """Return the layer for inputs of `width` numbers, in front of a layer of `units` units."""
        return CausalConvolution(width, self.channels or units, self.steps)

    def times(self, count: int) -> Front:
        """Return the layer with `count` times the channels."""
        return replace(self, channels=self.channels and count * self.channels)


def parse_front(text: str) -> Front | None:
    """Return the layer that `text` describes, None for the empty text; raise UsageError if none.

    conv:K      a causal convolution of K steps
    conv:KxC    the same, to C channels
    segments:W  the last W steps of each step, side by side, to as many channels as units; the
                recurrent layers then read one segment after the other
    """
    if not text:
        return None
    segments = _SEGMENTS.fullmatch(text)
    if segments and 1 < int(segments[1]) <= LONGEST_SEGMENT:
        return Front(int(segments[1]), dilation=int(segments[1]))
    found = _FORM.fullmatch(text)
    if not found or int(found[1]) > MOST_STEPS:
        raise UsageError(
            f"front must be conv:K or conv:KxC, a convolution of K steps (1 to {MOST_STEPS}) to C"
            f" channels, such as conv:5 or conv:5x32, or segments:W, for segments of W steps (2 to"
            f" {LONGEST_SEGMENT}), got {text!r:.60}."
        )
    return Front(int(found[1]), int(found[2]) if found[2] else None)
