"""Steps of training on a GPU that are recorded once and replayed: CUDA graphs.

A small network computes for less time than it takes to tell a GPU what to compute, because a step
is some hundred kernels, told one by one. Where the batches have the same shape, the kernels are the
same on other rows. So the first step of a shape is recorded, from looking its rows up to Adam, and
from then on it is told at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqrt.training.inputs.examples import Examples
from seqrt.training.loop.adam import Descent
from seqrt.training.loop.distributed import World
from seqrt.training.loop.gradient import heard
from seqrt.training.loop.loss import LOSSES
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.steps import Padded, Part
from seqrt.training.networks.stack import Stack

_LENGTHS = 8
"""To how many different lengths batches of ragged sequences are padded: a recording is of one."""


class _Recording(NamedTuple):
    """What is read before a replay, and written by it: the loss and the norm (2,)."""

    rows: list[Tensor]
    rate: Tensor
    graph: torch.cuda.CUDAGraph
    figures: Tensor


class Replay:
    """Whole steps of one network's training on `data`, each told to the GPU at once.

    The numbers are those of the same step told kernel by kernel, drawn numbers too.
    """

    def __init__(self, net: Stack, descent: Descent, data: Examples, clip: float) -> None:
        """Take a network on a GPU, the descent of its weights, and the norm that is kept to."""
        self.net, self.descent, self.data, self.clip = net, descent, data, clip
        self._device = data.x.device
        self._unit = math.ceil(int(data.lengths.max()) / _LENGTHS)
        self._stream = torch.cuda.Stream(self._device)
        self._pool = torch.cuda.graph_pool_handle()
        self._recordings: dict[tuple[int, ...], _Recording] = {}

    @staticmethod
    def suits(net: Stack, data: Examples, recipe: Recipe, world: World) -> bool:
        """Say whether shapes are few, nothing is cut, carried or told, and nobody listens."""
        few = not data.per_step or data.length is not None
        alone = world.alone and not any(map(heard, net.modules()))
        return data.x.device.type == "cuda" and few and not recipe.tbptt and alone

    def step(self, parts: Sequence[Part], rate: float) -> tuple[float, float]:
        """Take a step of Adam; return the loss, and the norm of the gradient before clipping.

        Where one of them is not finite, neither are the weights any more.
        """
        shape = (self._steps(parts), *(len(part.rows) for part in parts))
        if shape not in self._recordings:
            with torch.cuda.device(self._device):
                self._recordings[shape] = self._record(parts, shape[0])
        recording = self._recordings[shape]
        for rows, part in zip(recording.rows, parts, strict=True):
            rows.copy_(part.rows)
        recording.rate.fill_(rate)
        recording.graph.replay()
        loss, norm = recording.figures.tolist()
        return loss, norm

    def _steps(self, parts: Sequence[Part]) -> int:
        """Return to how many steps the sequences of `parts` are padded."""
        if self.data.length is not None:
            return self.data.length
        longest = max(int(self.data.lengths[part.rows].max()) for part in parts)
        return math.ceil(longest / self._unit) * self._unit

    def _record(self, parts: Sequence[Part], steps: int) -> _Recording:
        own = [self._fixed(part, steps) for part in parts]
        rate, graph = torch.zeros((), device=self._device), torch.cuda.CUDAGraph()
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            self._rehearse(own, rate)
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            figures = self._take(own, rate)
        return _Recording([part.rows for part in own], rate, graph, figures)

    def _fixed(self, part: Part, steps: int) -> Part:
        """Return a part of the same shape, whose rows may change."""
        rows = part.rows.clone()
        if self.data.length is not None:
            return Part(self.data, rows, part.noise)
        return Padded(self.data, rows, part.noise, steps)

    def _rehearse(self, parts: Sequence[Part], rate: Tensor) -> None:
        """Take a step for nothing: libraries load late what they need, and no recording may."""
        changed = [*self.net.state_dict().values(), *self.descent.moments().values()]
        before = [tensor.clone() for tensor in changed]
        with torch.random.fork_rng([self._device]):
            self._take(parts, rate)
        for tensor, value in zip(changed, before, strict=True):
            tensor.copy_(value)

    def _take(self, parts: Sequence[Part], rate: Tensor) -> Tensor:
        self.descent.clear()
        answers, loss = sum(map(len, parts)), torch.zeros((), device=self._device)
        for part in parts:
            share = LOSSES[self.net.activation](*part.answer(self.net)) * (len(part) / answers)
            share.backward()
            loss += share.detach()
        norm = nn.utils.clip_grad_norm_(self.descent.weights, self.clip)
        self.descent.descend(rate)
        return torch.stack([loss, norm])
