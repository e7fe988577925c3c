"""How a training step is taken, decided once per training.

CUDA graph     on a GPU, if batches have few shapes: one launch, see cuda_graph
eager          otherwise, one operation after another: gradient, sum over processes, clipping, Adam
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from seqrt.training.inputs.examples import Examples
from seqrt.training.loop.adam import Adam
from seqrt.training.loop.checkpoints import Checkpoints, Request
from seqrt.training.loop.cuda_graph import CudaGraphStep
from seqrt.training.loop.distributed import ProcessGroup
from seqrt.training.loop.gradient import StepGradient
from seqrt.training.loop.loss import MeanLoss
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.steps import MicroBatch
from seqrt.training.networks.stack import Stack

Step = Callable[[Sequence[MicroBatch], float], tuple[float, float, Request]]
"""From micro-batches and learning rate to loss, gradient norm before clipping, and request."""


def stepper(
    net: Stack,
    optimizer: Adam,
    data: Examples,
    recipe: Recipe,
    objective: MeanLoss,
    checkpoints: Checkpoints,
    group: ProcessGroup,
) -> Step:
    """Return the function that takes the steps of this training."""
    if CudaGraphStep.supports(net, data, recipe, group):
        return CudaGraphStep(net, optimizer, data, objective, recipe.clip, checkpoints.request).step
    gradient = StepGradient(net, optimizer, objective)
    return EagerStep(gradient, recipe.clip, checkpoints.request, group).step


class EagerStep:
    """Takes steps of one network operation by operation, together with the other processes."""

    def __init__(
        self,
        gradient: StepGradient,
        clip: float,
        request: Callable[[], Request],
        group: ProcessGroup,
    ) -> None:
        """Train the network of `gradient`, with gradients clipped to the norm `clip`."""
        self.gradient, self.optimizer = gradient, gradient.optimizer
        self.clip, self.request, self.group = clip, request, group

    def step(
        self, micro_batches: Sequence[MicroBatch], rate: float
    ) -> tuple[float, float, Request]:
        """Take a step of Adam; return loss, gradient norm before clipping, and request."""
        loss = self.gradient.compute(micro_batches)
        loss, request = sum_over_processes(
            self.group, self.request(), loss, self.optimizer.gradients()
        )
        norm = self.optimizer.clip(self.clip)
        self.optimizer.step(rate)
        return loss, norm, request


def sum_over_processes(
    group: ProcessGroup, request: Request, loss: float = 0.0, gradients: Sequence[Tensor] = ()
) -> tuple[float, Request]:
    """Sum loss and gradients (in place); return the loss, and the requests of all as one."""
    loss, *sums = group.all_reduce(gradients, [loss, *request])
    save, stop = (total > 0 for total in sums)
    return loss, Request(save or stop, stop)
