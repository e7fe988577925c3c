"""How a network reads values that are missing, NaN in x: the policy that goes into the file.

    error       it does not: NaN is refused
    mean        as the feature's mean, which is 0 in scaled units
    indicator   so too, and beside the features one more input for each: 1 where it is missing
    forward     as the feature's last value in its sequence; the mean before there was one

Shapes: B batch, T time, D features; u (B, T, D) is x in scaled units. Only copies are made, so that
however a sequence is cut, the values are the same bit for bit. What `forward` carries from piece to
piece is the last value of each feature, (B, D), in scaled units: zeros at the start, the mean.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from seqrt.contract.manifest import Missing

# Policies that tell a missing value from the mean by nothing.
AS_MEAN: Final = ("mean", "forward")


def inputs(features: int, missing: Missing) -> int:
    """Return how many inputs the first layer has for so many features."""
    return 2 * features if missing == "indicator" else features


def carried(features: int, missing: Missing) -> int:
    """Return how many numbers are carried from piece to piece."""
    return features if missing == "forward" else 0


def filled(u: Tensor, missing: Missing, last: Tensor) -> Tensor:
    """Return u (B, T, D) as the first layer reads it: (B, T, D), (B, T, 2 D) with indicators.

    `last` (B, D) is what is carried from before; it is read by `forward` alone.
    """
    if missing == "error":
        return u
    if missing == "forward":
        return _forward(u, last)
    unknown = u.isnan()
    known = torch.where(unknown, 0, u)
    return torch.cat([known, unknown.to(u)], dim=2) if missing == "indicator" else known


def reached(u: Tensor, lengths: Tensor | None, missing: Missing) -> Tensor:
    """Return what is carried on (B, ·) behind filled u, after each row's own last step."""
    if missing != "forward":
        return u.new_zeros(len(u), 0)
    return u[:, -1] if lengths is None else u[torch.arange(len(u), device=u.device), lengths - 1]


def _forward(u: Tensor, last: Tensor) -> Tensor:
    """Fill each gap with the value before it: step 0 stands for what is carried from before."""
    step = torch.arange(1, u.shape[1] + 1, device=u.device)[:, None]
    source = torch.where(u.isnan(), 0, step).cummax(dim=1).values
    return torch.cat([last[:, None], u], dim=1).gather(1, source)
