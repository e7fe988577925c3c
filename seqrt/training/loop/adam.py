"""Adam over all weights of a network as if they were one tensor.

A step of a small network takes a millisecond, and calling the gradient norm, the clipping and Adam
once for each of its dozen weights would take a fifth of that. So on a CPU all weights share one
contiguous tensor, their gradients share another, and each of the three is one call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

_ALIGNMENT = 16  # numbers: every weight begins on a cache line

# The defaults of the paper and of torch.
_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8


class Adam:
    """Adam for one network, as torch computes it.

        m = β1 m + (1 - β1) g               mean of the gradient
        v = β2 v + (1 - β2) g²              mean of its square
        w = w - lr m̂ / (√v̂ + ε)             with m̂ = m / (1 - β1^t), v̂ = v / (1 - β2^t)

    For each step: `clear` the gradients, accumulate new ones, `clip` them, and take the `step`.

    On a CPU the weights of the network become views of one tensor, and their gradients views of
    another. Clear them with `clear` only, because `net.zero_grad()` would replace the views. On a
    GPU the weights stay in the layout that cuDNN expects.

    This is not one of torch's optimisers because constructing one loads torch's compiler, which
    takes two seconds.

    Kingma & Ba 2015, arXiv:1412.6980.
    """

    def __init__(self, net: nn.Module) -> None:
        """Optimise the weights of `net`, which share one device and one dtype."""
        weights = list(net.parameters())
        self.is_flat = weights[0].device.type == "cpu"
        if not self.is_flat:
            _flatten_for_cudnn(net)
            weights = [weight for weight in weights if weight.requires_grad]
        self.weights = [_flatten(weights)] if self.is_flat else weights
        self._steps = [
            torch.zeros((), dtype=torch.float32, device=weight.device) for weight in self.weights
        ]
        self._means = [torch.zeros_like(weight.detach()) for weight in self.weights]
        self._squares = [torch.zeros_like(weight.detach()) for weight in self.weights]

    def clear(self) -> None:
        """Set the gradients to zero."""
        if self.is_flat:
            self.gradients()[0].zero_()
            return
        for weight in self.weights:
            weight.grad = None

    def clip(self, max_norm: float) -> float:
        """Scale the gradient to a norm of at most `max_norm`; return the norm it had before."""
        if not self.is_flat:
            return nn.utils.clip_grad_norm_(self.weights, max_norm).item()
        (gradient,) = self.gradients()
        norm: float = torch.linalg.vector_norm(gradient).item()
        if norm > max_norm:
            gradient.mul_(max_norm / norm)
        return norm

    @torch.no_grad()
    def step(self, lr: float | Tensor) -> None:
        """Update the weights at the learning rate `lr`, a number or a scalar tensor."""
        rate: Any = lr  # torch accepts both, its annotation only one
        torch._foreach_add_(self._steps, 1)
        torch._fused_adam_(
            [*self.weights],
            self.gradients(),
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

    def state(self) -> dict[str, Tensor]:
        """Return what a step depends on besides the weights: t, m and v, named NUMBER.NAME."""
        return {
            f"{number}.{name}": tensor
            for name, tensors in self._by_name().items()
            for number, tensor in enumerate(tensors)
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Continue from the `state` of another Adam over the same weights."""
        own = self.state()
        for name, value in state.items():
            own[name].copy_(value)

    def _by_name(self) -> dict[str, list[Tensor]]:
        # torch's names, which checkpoints have had from the start
        return {"step": self._steps, "exp_avg": self._means, "exp_avg_sq": self._squares}

    def gradients(self) -> list[Tensor]:
        """Return the gradients, on a CPU in one tensor."""
        return [weight.grad for weight in self.weights if weight.grad is not None]


def _flatten_for_cudnn(net: nn.Module) -> None:
    """Move the weights of each layer to the contiguous memory that a copied network has lost."""
    for module in net.modules():
        if isinstance(module, nn.RNNBase):
            module.flatten_parameters()


def _flatten(weights: list[nn.Parameter]) -> nn.Parameter:
    """Make `weights` and their gradients views of one parameter and its gradient; return it."""
    sizes = [-(-weight.numel() // _ALIGNMENT) * _ALIGNMENT for weight in weights]
    gradients = weights[0].detach().new_zeros(sum(sizes))
    flat = nn.Parameter(torch.zeros_like(gradients))
    flat.grad = gradients
    parts = zip(weights, flat.detach().split(sizes), gradients.split(sizes), strict=True)
    for weight, values, gradient in parts:
        view = values[: weight.numel()].view_as(weight)
        weight.data = view.copy_(weight.detach())
        weight.grad = gradient[: weight.numel()].view_as(weight)
    return flat
