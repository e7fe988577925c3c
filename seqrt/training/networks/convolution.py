"""A causal convolution over time, in front of the recurrent layers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from seqrt.contract import Carry
from seqrt.contract.idioms import MOST_CONTEXT
from seqrt.errors import UsageError
from seqrt.training.networks.time_layer import TimeLayer


class CausalConvolution(TimeLayer):
    r"""Each step is computed from itself and the K - 1 steps before it.

        y_t = relu(W_1 x_{t-K+1} + ... + W_K x_t + b)

    What lies before the sequence reads as zero, which is the mean in scaled units.

    Shapes: B batch, T time, D features, C channels; x (B, T, D) → y (B, T, C). The state is the
    last K - 1 steps, oldest first: (B, (K - 1) D). `dense` holds W_1 to W_K side by side, (C, K D).
    """

    def __init__(self, features: int, channels: int, kernel: int) -> None:
        """Make the layer with torch's initial weights for a convolution, and K = `kernel`."""
        super().__init__()
        self.features, self.channels, self.kernel = features, channels, kernel
        if self.context * features > MOST_CONTEXT:
            raise UsageError(
                f"a front of {kernel} steps reads {self.context} steps of {features} features"
                f" before each step, more than {MOST_CONTEXT:,} numbers. Take a shorter one."
            )
        self.dense = nn.Linear(kernel * features, channels)
        self.carries = (Carry("taps", self.context * features),) if self.context else ()
        self.widest = max(kernel * features, channels)

    @property
    def context(self) -> int:
        """K - 1, the number of earlier steps that a step is computed from."""
        return self.kernel - 1

    def run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over x; return y and the state after each row's last step."""
        seen = torch.cat([state.view(len(x), self.context, self.features), x], dim=1)
        taps = seen.unfold(1, self.kernel, 1).transpose(2, 3).flatten(2)  # (B, T, K D)
        rows = torch.arange(len(x), device=x.device)[:, None]
        places = lengths[:, None] + torch.arange(self.context, device=x.device)
        return torch.relu(self.dense(taps)), seen[rows, places].flatten(1)

    def of_segments(self, x: Tensor, counts: Tensor | None) -> Tensor:
        """Map segments of K steps, side by side (B, N, K D), to y (B, N, C)."""
        return torch.relu(self.dense(x))

    def input_weights(self) -> Iterator[Tensor]:
        """Yield the weights of the inputs, (C, K, D)."""
        yield self.dense.weight.view(self.channels, self.kernel, self.features)
