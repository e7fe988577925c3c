"""Training steps on a GPU, recorded once and replayed: CUDA graphs.

A step of a small network is about a hundred kernels, and launching them one by one takes longer
than computing them. For batches of one shape the kernels are the same, only their rows differ. So
the first step of a shape is recorded, from looking up its rows to Adam, and later steps of that
shape are one launch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqrt.training.inputs.examples import Examples
from seqrt.training.loop.adam import Adam
from seqrt.training.loop.checkpoints import Request
from seqrt.training.loop.distributed import ProcessGroup
from seqrt.training.loop.gradient import has_hooks
from seqrt.training.loop.loss import MeanLoss
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.steps import MicroBatch, PaddedMicroBatch
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.stack import Stack

_LENGTHS = 8
"""The number of lengths that batches of ragged sequences are padded to; each is recorded once."""


class _Recording(NamedTuple):
    """A recorded step: its inputs `rows` and `rate`, and its outputs, loss and norm, (2,)."""

    rows: list[Tensor]
    rate: Tensor
    graph: torch.cuda.CUDAGraph
    loss_and_norm: Tensor


class CudaGraphStep:
    """Takes whole steps of one network on `data`, each as the replay of a CUDA graph.

    The results, random numbers included, are those of the same step launched kernel by kernel.
    """

    def __init__(
        self,
        net: Stack,
        optimizer: Adam,
        data: Examples,
        objective: MeanLoss,
        clip: float,
        request: Callable[[], Request],
    ) -> None:
        """Train `net`, on a GPU, with gradients clipped to the norm `clip`."""
        self.net, self.optimizer, self.data, self.clip = net, optimizer, data, clip
        self.objective = objective
        self.request = request
        self._device = data.x.device
        self._length_unit = math.ceil(int(data.lengths.max()) / _LENGTHS)
        self._stream = torch.cuda.Stream(self._device)
        self._pool = torch.cuda.graph_pool_handle()
        self._recordings: dict[tuple[int, ...], _Recording] = {}

    @staticmethod
    def supports(net: Stack, data: Examples, recipe: Recipe, group: ProcessGroup) -> bool:
        """Return whether steps can be recorded.

        This needs a GPU, numbers as inputs, few shapes of batches, no chunks with a state between
        them, one process, and no hooks, which a replay would not call.
        """
        few_shapes = not data.per_step or data.length is not None
        hooked = any(map(has_hooks, net.modules()))
        on_gpu = data.x.device.type == "cuda"
        windowed = not isinstance(net, Forecaster)  # which learns from other steps in each batch
        return (
            on_gpu
            and few_shapes
            and windowed
            and not net.tokens
            and not recipe.tbptt
            and group.is_single
            and not hooked
        )

    def step(
        self, micro_batches: Sequence[MicroBatch], rate: float
    ) -> tuple[float, float, Request]:
        """Take a step of Adam; return loss, gradient norm before clipping, and request.

        If loss or norm is not finite, neither are the weights.
        """
        shape = (self._padded_length(micro_batches), *(len(batch.rows) for batch in micro_batches))
        if shape not in self._recordings:
            with torch.cuda.device(self._device):
                self._recordings[shape] = self._record(micro_batches, shape[0])
        recording = self._recordings[shape]
        for rows, batch in zip(recording.rows, micro_batches, strict=True):
            rows.copy_(batch.rows)
        recording.rate.fill_(rate)
        recording.graph.replay()
        loss, norm = recording.loss_and_norm.tolist()
        return loss, norm, self.request()

    def _padded_length(self, micro_batches: Sequence[MicroBatch]) -> int:
        """Return the length that the sequences of `micro_batches` are padded to."""
        if self.data.length is not None:
            return self.data.length
        longest = max(int(self.data.lengths[batch.rows].max()) for batch in micro_batches)
        return math.ceil(longest / self._length_unit) * self._length_unit

    def _record(self, micro_batches: Sequence[MicroBatch], length: int) -> _Recording:
        own = [self._with_own_rows(batch, length) for batch in micro_batches]
        rate, graph = torch.zeros((), device=self._device), torch.cuda.CUDAGraph()
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            self._warm_up(own, rate)
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            loss_and_norm = self._launch(own, rate)
        return _Recording([batch.rows for batch in own], rate, graph, loss_and_norm)

    def _with_own_rows(self, batch: MicroBatch, length: int) -> MicroBatch:
        """Return a micro-batch of the same shape, whose rows the recording may overwrite."""
        rows = batch.rows.clone()
        if self.data.length is not None:
            return MicroBatch(self.data, rows, batch.noise)
        return PaddedMicroBatch(self.data, rows, batch.noise, length)

    def _warm_up(self, micro_batches: Sequence[MicroBatch], rate: Tensor) -> None:
        """Take a step and undo it: libraries initialise lazily, which no recording may contain."""
        changed = [*self.net.state_dict().values(), *self.optimizer.state().values()]
        before = [tensor.clone() for tensor in changed]
        with torch.random.fork_rng([self._device]):
            self._launch(micro_batches, rate)
        for tensor, value in zip(changed, before, strict=True):
            tensor.copy_(value)

    def _launch(self, micro_batches: Sequence[MicroBatch], rate: Tensor) -> Tensor:
        """Launch all kernels of a step; return loss and norm, (2,)."""
        self.optimizer.clear()
        targets, loss = sum(map(len, micro_batches)), torch.zeros((), device=self._device)
        for batch in micro_batches:
            mean = self.objective.mean(*batch.forward(self.net))
            share = mean * (len(batch) / targets)
            share.backward()
            loss += share.detach()
        norm = nn.utils.clip_grad_norm_(self.optimizer.weights, self.clip)
        self.optimizer.step(rate)
        return torch.stack([loss, norm])
