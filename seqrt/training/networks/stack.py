"""A stack of steps between raw units in and raw units out: what can be trained and exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from seqrt.contract import Column
from seqrt.contract.manifest import Activation, Head, Missing
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.missing import carried, filled, reached
from seqrt.training.networks.recurrent import Recurrent

Carry = Callable[[Recurrent, Tensor, Tensor], tuple[Tensor, Tensor]]


class Stack(nn.Module):
    """Recurrent layers and what stands between and behind them, one after the other.

    Shapes: B batch, T time, D features, O outputs; x (B, T, D) → y (B, O) with the `last` head,
    (B, T, O) with the `sequence` head.

        u = filled((x - mean_x) / scale_x)      what is missing, see seqrt.training.networks.missing
        v = step_n(... step_1(u))                 logits: what the loss sees
        y = activation(v) * scale_y + mean_y

    The `last` head keeps, behind the last recurrent layer, each direction's last answer only.
    """

    x_mean: Tensor
    x_scale: Tensor
    y_mean: Tensor
    y_scale: Tensor

    def __init__(
        self,
        features: int,
        outputs: int,
        head: Head,
        activation: Activation,
        missing: Missing = "error",
    ) -> None:
        """Make a stack that scales nothing; a subclass gives it its `steps`."""
        super().__init__()
        self.missing = missing
        self.head = head
        self.activation = activation
        self.metadata = Metadata.unnamed(features, outputs, activation, head)
        for name, size in (("x", features), ("y", outputs)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))

    @property
    def about(self) -> Metadata:
        """The metadata, under the name it had in earlier versions."""
        return self.metadata

    @about.setter
    def about(self, metadata: Metadata) -> None:
        """Set the metadata."""
        self.metadata = metadata

    def steps(self) -> list[nn.Module]:
        """Return the modules in the order in which they act; at least one is Recurrent."""
        raise NotImplementedError

    def recurrent(self) -> list[Recurrent]:
        """Return the recurrent layers, first to last."""
        return [step for step in self.steps() if isinstance(step, Recurrent)]

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map x to y, both in raw units, from zero state; rows end after `lengths` steps."""
        return self.answer(self.logits(x, lengths))

    def logits(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map raw x to the last step's values, before activation and unscaling."""
        h = self.inputs(x)
        last = self.recurrent()[-1]
        for step in self.steps():
            h = step(h, lengths) if isinstance(step, Recurrent) else step(h)
            if step is last and self.head == "last":
                h = last.last(h, lengths)
        return h

    def inputs(self, x: Tensor) -> Tensor:
        """Map raw x, from the beginning of a sequence, to what the first layer reads."""
        nothing = x.new_zeros(len(x), carried(len(self.x_mean), self.missing))
        return filled(self.scaled(x), self.missing, nothing)

    def run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over x: return y and the next state; causal stacks only.

        S packs every layer's h (and C) side by side, first layer first, and behind them what the
        policy for missing values carries.
        """
        logits, end = self._carried(x, lengths, state, lambda step, h, s: step.run(h, lengths, s))
        return self.answer(logits), end

    def advance(self, x: Tensor, lengths: Tensor | None, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over all of x by the fast kernels; causal stacks only.

        Return the logits, and the next state, which is noise for rows that ended before the others.
        """
        return self._carried(x, lengths, state, Recurrent.advance)

    def _carried(
        self, x: Tensor, lengths: Tensor | None, state: Tensor, carry: Carry
    ) -> tuple[Tensor, Tensor]:
        sizes = [layer.layer.state_size for layer in self.recurrent()]
        *starts, known = state.split([*sizes, carried(len(self.x_mean), self.missing)], dim=1)
        h = filled(self.scaled(x), self.missing, known)
        known = reached(h, lengths, self.missing)
        last = self.recurrent()[-1]
        before = iter(starts)
        ends = []
        for step in self.steps():
            if isinstance(step, Recurrent):
                h, end = carry(step, h, next(before))
                ends.append(end)
            else:
                h = step(h)
            if step is last and self.head == "last":
                h = last.last(h, lengths)
        return h, torch.cat([*ends, known], dim=1)

    def scaled(self, x: Tensor) -> Tensor:
        """Map raw x to the units in which the network was trained; what is missing stays NaN."""
        return (x - self.x_mean) / self.x_scale

    def answer(self, logits: Tensor) -> Tensor:
        """Map the last step's values to raw units, or to probabilities."""
        if self.activation == "softmax":
            return logits.softmax(dim=-1)
        if self.activation == "sigmoid":
            return logits.sigmoid()
        return logits * self.y_scale + self.y_mean

    def set_scaling(self, features: Sequence[Column], outputs: Sequence[Column]) -> None:
        """Take mean and scale of every feature and output from its column."""
        for name, columns in (("x", features), ("y", outputs)):
            for part in ("mean", "scale"):
                values = torch.tensor([getattr(column, part) for column in columns])
                getattr(self, f"{name}_{part}").copy_(values)

    @property
    def state_size(self) -> int:
        """S, the numbers of state a causal stack carries per sequence; 0 with two directions."""
        layers = [layer.layer for layer in self.recurrent()]
        if any(layer.bidirectional for layer in layers):
            return 0
        return sum(layer.state_size for layer in layers) + carried(len(self.x_mean), self.missing)
