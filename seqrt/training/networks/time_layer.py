"""Layers that read other steps of a sequence than the current one, and what a stream keeps."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from seqrt.contract import Carry


class TimeLayer(nn.Module):
    """A layer over time: recurrent, in front of the recurrent layers, or a pool after them.

    Shapes: B batch, T time, W width, S state; x (B, T, W) → y (B, T, ·), or (B, ·) from a pool.

    `carries` lists the pieces of the state (B, S) that a stream carries from call to call; zeros
    are the start of a sequence. `not_streamable` says why a layer cannot stream, and is empty if
    it can. `widest` is the most numbers per step that the layer computes at a time.
    """

    carries: tuple[Carry, ...] = ()
    not_streamable: str = ""
    widest: int = 1

    @property
    def state_size(self) -> int:
        """S, the number of values that a stream carries."""
        return sum(piece.size for piece in self.carries)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map x (B, T, W) to y from zero state; ignore steps past `lengths`."""
        return self.advance(x, x.new_zeros(len(x), self.state_size), lengths)[0]

    def run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over x; return y and the state after each row's last step."""
        raise NotImplementedError

    def advance(
        self, x: Tensor, state: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over x with the fast kernels; return y and the next state.

        The state is meaningless for rows that end earlier. Without `lengths`, none does.
        """
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1], device=x.device)
        return self.run(x, lengths, state)

    def of_segments(self, x: Tensor, counts: Tensor | None) -> Tensor:
        """Map the segments of each row, `counts` in number, to y: only of layers over segments."""
        raise NotImplementedError

    def input_weights(self) -> Iterator[Tensor]:
        """Yield the weights of the inputs, each (..., W)."""
        raise NotImplementedError


def valid_steps(x: Tensor, lengths: Tensor) -> Tensor:
    """Return a mask (B, T, 1) of the steps of x (B, T, ·) that are not padding."""
    return (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]
