"""Parity by step: how far two engines drift from float64 while a sequence goes on."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.runtime import Model
from seqrt.training.networks.stack import Stack
from seqrt.training.problems.series import mackey_glass

Array = NDArray[Any]

ROWS, STEPS = 16, 300
_SEED = 1


def errors_by_step(net: Stack, model: Model) -> dict[str, Array]:
    """Return the largest error of every step (T,), in the network's own units, for each engine.

    PyTorch reads 16 sequences whole. onnxruntime gets them one step at a time, with its state
    carried from call to call: the harder way.
    """
    x = mackey_glass(_SEED, ROWS * STEPS).reshape(ROWS, STEPS, 1).astype(np.float32)
    truth = _every_step(net, x, torch.float64)
    scale = np.array([column.scale for column in model.manifest.outputs])
    engines = {
        "onnxruntime": _step_by_step(model, x),
        "PyTorch float32": _every_step(net, x, torch.float32),
    }
    return {name: np.abs((y - truth) / scale).max(axis=(0, 2)) for name, y in engines.items()}


def _step_by_step(model: Model, x: Array) -> Array:
    state, y = model.zero_state(len(x)), []
    for t in range(x.shape[1]):
        y_t, state = model.run(x[:, t : t + 1], None, state)
        y.append(y_t)
    return np.stack(y, axis=1).astype(np.float64)


def _every_step(net: Stack, x: Array, dtype: torch.dtype) -> Array:
    """Return what `net` would answer after each step (B, T, O), computed in `dtype`."""
    twin = copy.deepcopy(net).to(dtype)
    twin.head = "sequence"
    with torch.no_grad():
        y: Array = twin(torch.from_numpy(x).to(dtype)).double().numpy()
    return y
