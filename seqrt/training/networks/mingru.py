"""A minGRU layer in torch, with the interface of torch's own recurrent layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MinimalGru(nn.Module):
    """One direction of a layer of minGRU cells: see Recurrent for its equations.

    weight_ih_l0 (2H, D) and bias_ih_l0 (2H) stack z and c. It runs anywhere and in every number
    format; for training on a CPU, seqrt.training.kernels has a faster form.
    """

    def __init__(self, features: int, units: int) -> None:
        """Make the layer with weights like torch's for a GRU, uniform within ±1/sqrt(units)."""
        super().__init__()
        bound = units**-0.5
        self.weight_ih_l0 = nn.Parameter(torch.empty(2 * units, features).uniform_(-bound, bound))
        self.bias_ih_l0 = nn.Parameter(torch.empty(2 * units).uniform_(-bound, bound))

    def forward(self, x: Tensor, h_0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map x (B, T, D) and h_0 (1, B, H), or zero, to y (B, T, H) and its last step."""
        z, c = F.linear(x, self.weight_ih_l0, self.bias_ih_l0).chunk(2, dim=-1)
        z = z.sigmoid()
        new = (1 - z) * c.tanh()
        h = torch.zeros_like(new[:, 0]) if h_0 is None else h_0[0]
        y = run_scan(z, new, h) if x.is_cuda else run_steps(z, new, h)
        return y, y[None, :, -1]


def run_steps(z: Tensor, new: Tensor, h: Tensor) -> Tensor:
    """Return h_t = z_t ⊙ h_{t-1} + new_t for all steps: (B, T, H), step by step from h (B, H)."""
    steps = []
    for z_t, new_t in zip(z.unbind(1), new.unbind(1), strict=True):
        h = torch.addcmul(new_t, z_t, h)
        steps.append(h)
    return torch.stack(steps, dim=1)


def run_scan(z: Tensor, new: Tensor, h: Tensor) -> Tensor:
    """Return what `run_steps` does, in as many rounds as T has binary digits; for a GPU."""
    first = torch.addcmul(new[:, :1], z[:, :1], h[:, None])
    return _scanned(z, torch.cat([first, new[:, 1:]], dim=1))


def _scanned(z: Tensor, first_and_new: Tensor) -> Tensor:
    y: Tensor = _Scan.apply(z, first_and_new)  # type: ignore[no-untyped-call]  # torch has no types
    return y


class _Scan(torch.autograd.Function):
    """h_t = z_t ⊙ h_{t-1} + new_t from zero, of z and new (B, T, H).

    Every round doubles the number of steps that each h_t covers (Hillis & Steele 1986,
    doi:10.1145/7902.7903). All z are below 1, so nothing overflows.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, new: Tensor) -> Tensor:
        h, decay, covered = new.clone(), z, 1
        while covered < h.shape[1]:
            wider, before = h.clone(), h[:, :-covered]
            wider[:, covered:].addcmul_(decay[:, covered:], before)
            h = wider
            wider = decay.clone()
            wider[:, covered:].mul_(decay[:, :-covered])
            decay, covered = wider, 2 * covered
        ctx.save_for_backward(z, h)
        return h

    @staticmethod
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor, Tensor]:
        """Sum dh_t + z_{t+1} ⊙ (...) by the same scan, backwards in time."""
        z, h = ctx.saved_tensors
        zero = torch.zeros_like(h[:, :1])
        later = torch.cat([z[:, 1:], zero], dim=1)
        total = _scanned(later.flip(1), dh.flip(1)).flip(1)
        return total * torch.cat([zero, h[:, :-1]], dim=1), total
