"""The networks of tests/export/foreign, and what their own forwards compute for one row."""

from __future__ import annotations

import copy
from typing import Any

import foreign_nets
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from seqrt.contract import Manifest

NAMES: list[str] = list(foreign_nets.nets())


def case_of(name: str) -> Any:
    """Return a network by its name, with the weights of seed 0, and what is expected of it."""
    torch.manual_seed(0)
    return foreign_nets.nets()[name]


def expected(net: nn.Module, row: NDArray[Any], m: Manifest) -> NDArray[np.float64]:
    """Return what forward computes for one row in float64: (O,), or (T, O) per step."""
    twin, steps = copy.deepcopy(net).double().eval(), len(row)
    x = torch.from_numpy(np.stack([row, row]))
    x = x if m.tokens else x.double()
    extras: list[Any] = []
    name = type(net).__name__
    if name == "Flat":
        x = x[..., 0]
    if name in ("Packed", "MaskedMean", "Gathered"):
        extras = [torch.full((2,), steps)]
    if name == "StateArgument":
        extras = [(torch.zeros(2, 2, 6), torch.zeros(2, 2, 6))]
    torch.set_default_dtype(torch.float64)
    try:
        if extras and isinstance(extras[0], tuple):
            extras = [tuple(each.double() for each in extras[0])]
        x = x.transpose(0, 1) if name == "TimeMajor" else x
        with torch.no_grad():
            returned = twin(x, *extras)
    finally:
        torch.set_default_dtype(torch.float32)
    if isinstance(returned, dict):
        beside = torch.zeros(steps, 1, dtype=torch.float64)
        beside[-1] = returned["score"][0]
        return torch.cat([returned["tags"][0], beside], -1).numpy()
    y = returned[0] if isinstance(returned, tuple) else returned
    if name == "TimeMajor":
        y = y.transpose(0, 1)
    rows = y.reshape(2, steps, -1) if m.head == "sequence" else y.reshape(2, -1)
    array: NDArray[np.float64] = rows[0].numpy()
    return array
