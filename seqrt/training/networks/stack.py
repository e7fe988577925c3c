"""Stacks of recurrent and other layers, in raw units: what seqrt trains and exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqrt.contract import Carry, Column
from seqrt.contract.manifest import Activation, Head, Missing
from seqrt.training.networks.dilated import segments_of
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.missing import carried_size, carry, fill
from seqrt.training.networks.pooling import Pooling
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.time_layer import TimeLayer

Advance = Callable[[TimeLayer, Tensor, Tensor], tuple[Tensor, Tensor]]


class Stack(nn.Module):
    """A sequence of layers of which at least one is recurrent.

    Shapes: B batch, T time, D features, O outputs; x (B, T, D) → y (B, O) with the `last` head,
    (B, T, O) with the `sequence` head.

        u = fill((x - mean_x) / scale_x)        see seqrt.training.networks.missing
        u = table[x]                            where x holds the ids of `tokens`
        v = step_n(... step_1(u))               the logits, on which the loss is computed
        y = activation(v) * scale_y + mean_y

    With `residual`, each recurrent layer from the second on adds the output of the one before it to
    its own, which the steps between the two do not change: h_l = layer_l(steps(h_{l-1})) + h_{l-1}.

    With the `last` head a pool follows the last recurrent layer, or else only each direction's
    output after its last step is kept. `segment` is 1, or the dilation of the recurrent layers,
    which then read the steps in segments. With an `embedding` x holds ids, int32 or int64 (B, T, 1)
    or (B, T), of its rows; an id that has no row reads row 0, that of unknown tokens.
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
        *,
        residual: bool = False,
    ) -> None:
        """Make a stack with mean 0 and scale 1; a subclass adds its `steps`."""
        super().__init__()
        self.segment = 1
        self.embedding: nn.Embedding | None = None
        self.missing = missing
        self.residual = residual
        self.head = head
        self.activation = activation
        self.metadata = Metadata.unnamed(features, outputs, activation, head)
        for name, size in (("x", features), ("y", outputs)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))

    @property
    def about(self) -> Metadata:
        """The metadata, under its name in earlier versions."""
        return self.metadata

    @about.setter
    def about(self, metadata: Metadata) -> None:
        """Set the metadata."""
        self.metadata = metadata

    @property
    def tokens(self) -> int:
        """V, the number of ids that x may hold; 0 for a network that reads numbers."""
        return self.embedding.num_embeddings if self.embedding else 0

    def steps(self) -> list[nn.Module]:
        """Return the layers in order; at least one is Recurrent."""
        raise NotImplementedError

    @property
    def widest(self) -> int:
        """The most numbers that a layer computes for a step."""
        return max(layer.widest for layer in self.time_layers())

    @property
    def logit_size(self) -> int:
        """The number of logits of a sequence or a step."""
        return len(self.metadata.outputs)

    def time_layers(self) -> list[TimeLayer]:
        """Return the layers that read other steps than the current one, first to last."""
        return [step for step in self.steps() if isinstance(step, TimeLayer)]

    def recurrent(self) -> list[Recurrent]:
        """Return the recurrent layers, first to last."""
        return [step for step in self.steps() if isinstance(step, Recurrent)]

    @property
    def pooled(self) -> bool:
        """Whether the head reads all steps of a sequence at once."""
        return any(isinstance(step, Pooling) for step in self.steps())

    def cut_to_last(self) -> Recurrent | None:
        """Return the layer of which only the last step is kept, if there is one."""
        return None if self.pooled or self.head == "sequence" else self.recurrent()[-1]

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map x to y, both in raw units, from zero state; rows end after `lengths` steps."""
        return self.output(self.logits(x, lengths))

    def logits(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map raw x to the outputs before activation and unscaling."""
        return self.logits_from(self.inputs(x), lengths)

    def logits_from(self, u: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map u (B, T, W), the inputs of the first layer, to the logits."""
        if self.segment == 1 or not self.cut_to_last():
            return self._through(u, lengths, lambda step, h: step(h, lengths))
        # the last step depends on no other segments than those that end with it
        h, counts = segments_of(u, lengths, self.segment)
        return self._through(h, counts, lambda step, h: step.of_segments(h, counts))

    def inputs(self, x: Tensor) -> Tensor:
        """Map raw x, from the start of a sequence, to the inputs of the first layer."""
        start = x.new_zeros(len(x), carried_size(len(self.x_mean), self.missing))
        return self._read(x, start)

    def _read(self, x: Tensor, last_known: Tensor) -> Tensor:
        """Map raw x to the inputs of the first layer; `last_known` is carried from before it."""
        if self.embedding is None:
            return fill(self.scaled(x), self.missing, last_known)
        ids = x[..., 0] if x.ndim == 3 else x
        known = (ids >= 0) & (ids < self.tokens)
        return F.embedding(torch.where(known, ids, 0), self.embedding.weight)

    def zero_state(self, rows: int) -> Tensor:
        """Return the state (B, S) of `rows` sequences before their first step."""
        return self.x_mean.new_zeros(rows, self.state_size)

    def run(self, x: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over x: return y and the next state; causal stacks only.

        The state holds what every layer carries, first layer first, followed by the values that the
        policy for missing values carries.
        """
        logits, end = self._advance(x, lengths, state, lambda step, h, s: step.run(h, lengths, s))
        return self.output(logits), end

    def advance(self, x: Tensor, lengths: Tensor | None, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance `state` (B, S) over all of x with the fast kernels; causal stacks only.

        Returns the logits and the next state, which is meaningless for rows that end earlier.
        """
        return self._advance(x, lengths, state, lambda step, h, s: step.advance(h, s, lengths))

    def _advance(
        self, x: Tensor, lengths: Tensor | None, state: Tensor, advance: Advance
    ) -> tuple[Tensor, Tensor]:
        sizes = [layer.state_size for layer in self.time_layers()]
        *starts, last_known = state.split(
            [*sizes, carried_size(len(self.x_mean), self.missing)], dim=1
        )
        u = self._read(x, last_known)
        states, ends = iter(starts), []

        def read(step: TimeLayer, h: Tensor) -> Tensor:
            h, end = advance(step, h, next(states))
            ends.append(end)
            return h

        v = self._through(u, lengths, read)
        return v, torch.cat([*ends, carry(u, lengths, self.missing)], dim=1)

    def _through(
        self, h: Tensor, lengths: Tensor | None, read: Callable[[TimeLayer, Tensor], Tensor]
    ) -> Tensor:
        """Map the inputs of the first layer to the logits; `read` runs a layer over time."""
        cut, before = self.cut_to_last(), None
        for step in self.steps():
            h = read(step, h) if isinstance(step, TimeLayer) else step(h)
            if isinstance(step, Recurrent):
                h = h if before is None else h + before
                before = h if self.residual else None
            if cut and step is cut:
                h = cut.last(h, lengths)
        return h

    def scaled(self, x: Tensor) -> Tensor:
        """Map raw x to the scaled units of training; missing values stay NaN."""
        return (x - self.x_mean) / self.x_scale

    def output(self, logits: Tensor) -> Tensor:
        """Map logits to raw units, or to probabilities."""
        if self.activation == "softmax":
            return logits.softmax(dim=-1)
        if self.activation == "sigmoid":
            return logits.sigmoid()
        return logits * self.y_scale + self.y_mean

    def answer(self, logits: Tensor) -> Tensor:
        """Return `output(logits)`, under its name in earlier versions."""
        return self.output(logits)

    def set_scaling(self, features: Sequence[Column], outputs: Sequence[Column]) -> None:
        """Set the mean and scale of every feature and output from its column."""
        for name, columns in (("x", features), ("y", outputs)):
            for part in ("mean", "scale"):
                values = torch.tensor([getattr(column, part) for column in columns])
                getattr(self, f"{name}_{part}").copy_(values)

    @property
    def not_streamable(self) -> str:
        """Why the stack cannot stream; empty if it can."""
        return next(filter(None, (layer.not_streamable for layer in self.time_layers())), "")

    @property
    def carries(self) -> tuple[Carry, ...]:
        """The pieces of the state of a sequence; none for a stack that cannot stream."""
        if self.not_streamable:
            return ()
        known = carried_size(len(self.x_mean), self.missing)
        pieces = [piece for layer in self.time_layers() for piece in layer.carries]
        return (*pieces, *([Carry("known", known)] if known else []))

    @property
    def state_size(self) -> int:
        """S, the size of the state of a sequence; 0 for a stack that cannot stream."""
        return sum(piece.size for piece in self.carries)
