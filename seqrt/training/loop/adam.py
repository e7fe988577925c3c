"""Adam, over all weights of a network as if they were one.

A small network takes a step in a millisecond, and a fifth of that would go into telling the norm,
the clipping and Adam about its dozen weights one by one. So on a CPU all weights lie behind each
other in one tensor and their gradients in another, and each of the three is one call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

_LINE = 16  # numbers: every weight begins where a cache line may

# Of the paper, and of torch.
_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8


class Descent:
    """Adam for one network, as torch computes it: gradients add up, `clip`, `descend`, `clear`.

        m = β1 m + (1 - β1) g               the mean of the gradient
        v = β2 v + (1 - β2) g²              the mean of its square
        w = w - lr m̂ / (√v̂ + ε)             with m̂ = m / (1 - β1^t), v̂ = v / (1 - β2^t)

    On a CPU the weights of the network become views of one tensor, and their gradients of another:
    clear them by `clear` alone, because `net.zero_grad()` would cut the ties. On a GPU they stay
    where cuDNN wants them.

    Not one of torch's optimisers, because to make one loads its compiler: two seconds.

    Kingma & Ba 2015, arXiv:1412.6980.
    """

    def __init__(self, net: nn.Module) -> None:
        """Take the weights of `net`, which stand on one device and have one dtype."""
        weights = list(net.parameters())
        self.at_once = weights[0].device.type == "cpu"
        if not self.at_once:
            _lay_out(net)
            weights = [weight for weight in weights if weight.requires_grad]
        self.weights = [_as_one(weights)] if self.at_once else weights
        self._steps = [
            torch.zeros((), dtype=torch.float32, device=weight.device) for weight in self.weights
        ]
        self._means = [torch.zeros_like(weight.detach()) for weight in self.weights]
        self._squares = [torch.zeros_like(weight.detach()) for weight in self.weights]

    def clear(self) -> None:
        """Forget the gradients."""
        if self.at_once:
            self.slopes()[0].zero_()
            return
        for weight in self.weights:
            weight.grad = None

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
    def descend(self, lr: float | Tensor) -> None:
        """Take a step of Adam at the rate `lr`, a number or a tensor of one."""
        rate: Any = lr  # torch takes both, and says so of one
        torch._foreach_add_(self._steps, 1)
        torch._fused_adam_(
            [*self.weights],
            self.slopes(),
            self._means,
            self._squares,
            [],
            self._steps,
            lr=rate,
            beta1=_BETA1,
            beta2=_BETA2,
            weight_decay=0.0,
            eps=_EPS,
            amsgrad=False,
            maximize=False,
        )

    def moments(self) -> dict[str, Tensor]:
        """Return all that a step depends on besides the weights: t, m and v as NUMBER.NAME."""
        return {
            f"{number}.{name}": tensor
            for name, tensors in self._kept().items()
            for number, tensor in enumerate(tensors)
        }

    def restore(self, moments: Mapping[str, Tensor]) -> None:
        """Go on from the `moments` of a descent over the same weights."""
        own = self.moments()
        for name, value in moments.items():
            own[name].copy_(value)

    def _kept(self) -> dict[str, list[Tensor]]:
        # what torch calls them, as a checkpoint did from the first
        return {"step": self._steps, "exp_avg": self._means, "exp_avg_sq": self._squares}

    def slopes(self) -> list[Tensor]:
        """Return the gradients, in one tensor on a CPU."""
        return [weight.grad for weight in self.weights if weight.grad is not None]


def _lay_out(net: nn.Module) -> None:
    """Put the weights of each layer where cuDNN wants them; in a copy of a network they are not."""
    for module in net.modules():
        if isinstance(module, nn.RNNBase):
            module.flatten_parameters()


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
