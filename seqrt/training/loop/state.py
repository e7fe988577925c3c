"""One moment of training as tensors with names: what a checkpoint holds, and the way back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from seqrt.training.loop.adam import Descent
from seqrt.training.loop.distributed import World

Tensors = Mapping[str, Tensor]


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
