"""Adam, over all weights of a network as if they were one.

A small network takes a step in a millisecond, and a fifth of that would go into telling the norm,
the clipping and Adam about its dozen weights one by one. So on a CPU all weights lie behind each
other in one tensor and their gradients in another, and each of the three is one call.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.adam import adam

_LINE = 16  # numbers: every weight begins where a cache line may


class Descent(torch.optim.Adam):
    """Torch's Adam for one network: `clear`, gradients add up, `clip`, `descend`.

    On a CPU the weights of the network become views of one tensor, and their gradients of another:
    clear them by `clear` alone, because `net.zero_grad()` would cut the ties. On a GPU they stay
    where cuDNN wants them.
    """

    def __init__(self, net: nn.Module) -> None:
        """Take the weights of `net`, which stand on one device and have one dtype."""
        weights = list(net.parameters())
        self.at_once = weights[0].device.type == "cpu"
        self.weights = [_as_one(weights)] if self.at_once else weights
        super().__init__(self.weights, fused=True)
        if self.at_once:
            weight = self.weights[0]
            moments = {name: torch.zeros_like(weight) for name in ("exp_avg", "exp_avg_sq")}
            self.state[weight] = {"step": torch.tensor(0.0), **moments}

    def clear(self) -> None:
        """Forget the gradients."""
        if self.at_once:
            self.slopes()[0].zero_()
        else:
            self.zero_grad()

    def clip(self, most: float) -> float:
        """Shorten the gradient of all weights together to the norm `most`; return what it was."""
        if not self.at_once:
            return nn.utils.clip_grad_norm_(self.weights, most).item()
        (slope,) = self.slopes()
        norm: float = torch.linalg.vector_norm(slope).item()
        if norm > most:
            slope.mul_(most / norm)
        return norm

    @torch.no_grad()
    def descend(self, lr: float) -> None:
        """Take a step of Adam at the rate `lr`."""
        (group,) = self.param_groups
        group["lr"] = lr
        if not self.at_once:
            self.step()
            return
        # what step() does, without all that it asks before
        moments = self.state[self.weights[0]]
        beta1, beta2 = group["betas"]
        adam(
            [*self.weights],
            self.slopes(),
            [moments["exp_avg"]],
            [moments["exp_avg_sq"]],
            [],
            [moments["step"]],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=lr,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )

    def slopes(self) -> list[torch.Tensor]:
        """Return the gradients, in one tensor on a CPU."""
        return [weight.grad for weight in self.weights if weight.grad is not None]


def _as_one(weights: list[nn.Parameter]) -> nn.Parameter:
    """Return a weight whose parts `weights` become, and whose gradient holds theirs."""
    sizes = [-(-weight.numel() // _LINE) * _LINE for weight in weights]
    slopes = weights[0].detach().new_zeros(sum(sizes))
    whole = nn.Parameter(torch.zeros_like(slopes))
    whole.grad = slopes
    parts = zip(weights, whole.detach().split(sizes), slopes.split(sizes), strict=True)
    for weight, values, slope in parts:
        place = values[: weight.numel()].view_as(weight)
        weight.data = place.copy_(weight.detach())
        weight.grad = slope[: weight.numel()].view_as(weight)
    return whole
