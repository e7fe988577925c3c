"""Missing values: how a network reads NaN in x, by the policy that goes into the file.

    error       NaN is rejected
    mean        as the mean of the feature, which is 0 in scaled units
    indicator   as the mean, with one more input per feature: 1 where the value is missing
    forward     as the last value of the feature in its sequence, or the mean if there was none yet

Shapes: B batch, T time, D features; u (B, T, D) is x in scaled units. Values are only copied, so
the results are the same bit for bit wherever a sequence is cut. From chunk to chunk, `forward`
carries the last value of each feature, (B, D), in scaled units: zeros, the mean, at the start.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from seqrt.contract.manifest import Missing

# Policies under which a missing value looks the same as the mean.
AS_MEAN: Final = ("mean", "forward")


def input_size(features: int, missing: Missing) -> int:
    """Return the number of inputs of the first layer."""
    return 2 * features if missing == "indicator" else features


def carried_size(features: int, missing: Missing) -> int:
    """Return how many numbers are carried from chunk to chunk."""
    return features if missing == "forward" else 0


def fill(u: Tensor, missing: Missing, last: Tensor) -> Tensor:
    """Return u (B, T, D) as the first layer reads it: (B, T, D), or (B, T, 2 D) with indicators.

    `last` (B, D) is carried over from the chunk before; only `forward` reads it.
    """
    if missing == "error":
        return u
    if missing == "forward":
        return _fill_forward(u, last)
    unknown = u.isnan()
    known = torch.where(unknown, 0, u)
    return torch.cat([known, unknown.to(u)], dim=2) if missing == "indicator" else known


def carry(u: Tensor, lengths: Tensor | None, missing: Missing) -> Tensor:
    """Return what filled u carries to the next chunk (B, ·), at each row's last step."""
    if missing != "forward":
        return u.new_zeros(len(u), 0)
    return u[:, -1] if lengths is None else u[torch.arange(len(u), device=u.device), lengths - 1]


def _fill_forward(u: Tensor, last: Tensor) -> Tensor:
    """Fill each gap with the value before it; `last` is put before step 1, as step 0."""
    step = torch.arange(1, u.shape[1] + 1, device=u.device)[:, None]
    source = torch.where(u.isnan(), 0, step).cummax(dim=1).values
    return torch.cat([last[:, None], u], dim=1).gather(1, source)
