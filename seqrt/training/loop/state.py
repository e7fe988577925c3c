"""One moment of training as tensors with names: what a checkpoint holds, and the way back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqrt.training.loop.adam import Descent
from seqrt.training.loop.distributed import World

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data.

    `loss` is the mean over the pass and `val_loss` that of the validation part after it, both in
    scaled units; `grad_norm` is the largest norm of the gradient before clipping. `best` says
    that these are the best weights so far.
    """

    number: int
    loss: float
    val_loss: float | None
    grad_norm: float
    seconds: float
    best: bool

    @classmethod
    def of_row(cls, row: Mapping[str, str]) -> Epoch:
        """Return the pass that a row of results.csv wrote down."""
        return cls(
            number=int(row["number"]),
            loss=float(row["loss"]),
            val_loss=float(row["val_loss"]) if row["val_loss"] else None,
            grad_norm=float(row["grad_norm"]),
            seconds=float(row["seconds"]),
            best=row["best"] == "True",
        )


@dataclass
class Standing:
    """Where training stands: the pass under way, the steps done in it, and the best so far.

    `total` is the sum of the loss over the rows of this pass, `grad_norm` its largest norm.
    """

    number: int = 1
    step: int = 0
    total: float = 0.0
    grad_norm: float = 0.0
    seconds: float = 0.0
    best_loss: float = math.inf
    best_number: int = 0

    def after_step(self, loss: float, grad_norm: float, seconds: float) -> None:
        """Count a step of this pass; `loss` is a sum over its rows."""
        self.step += 1
        self.total += loss
        self.grad_norm = max(self.grad_norm, grad_norm)
        self.seconds = seconds

    def after_pass(self) -> None:
        """Stand before the first step of the next pass."""
        self.number += 1
        self.step, self.total, self.grad_norm, self.seconds = 0, 0.0, 0.0, 0.0


def weights_of(net: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the weights of `net` and of its scaling."""
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def held(
    net: nn.Module,
    descent: Descent,
    best: Tensors,
    carried: Mapping[int, Tensor],
    world: World,
) -> dict[str, Tensor]:
    """Return all tensors that the next step depends on, in whatever world it is taken."""
    device = next(net.parameters()).device
    generators = {"random.cpu": torch.get_rng_state()}
    if device.type == "cuda":
        generators["random.cuda"] = torch.cuda.get_rng_state(device)
    return {
        **{f"weights.{name}": value for name, value in net.state_dict().items()},
        **{f"best.{name}": value for name, value in best.items()},
        **{f"adam.{name}": value for name, value in descent.moments().items()},
        **generators,
        **{f"carried.{place}": world.whole(state) for place, state in carried.items()},
    }


def restored(tensors: Tensors, net: nn.Module, descent: Descent) -> dict[str, Tensor]:
    """Put weights and moments back; return the best weights so far. Nothing held: all is new."""
    if not tensors:
        return weights_of(net)
    net.load_state_dict(_under("weights.", tensors))
    descent.restore(_under("adam.", tensors))
    device = next(net.parameters()).device
    return {name: value.to(device, copy=True) for name, value in _under("best.", tensors).items()}


def set_random(tensors: Tensors, device: torch.device) -> None:
    """Put the states of torch's generators back."""
    torch.set_rng_state(tensors["random.cpu"].clone())
    if device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random.cuda"].clone(), device)


def carried_in(tensors: Tensors, world: World, device: torch.device) -> dict[int, Tensor]:
    """Return the states that this process carries from piece to piece, by their places."""
    return {
        int(place): world.own(state).to(device, copy=True)
        for place, state in _under("carried.", tensors).items()
    }


def _under(head: str, tensors: Tensors) -> dict[str, Tensor]:
    return {
        name.removeprefix(head): value for name, value in tensors.items() if name.startswith(head)
    }
