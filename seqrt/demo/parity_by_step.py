"""Errors of onnxruntime and PyTorch against float64, at each step of long sequences."""

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
    """Return for each engine the largest error at each step (T,), in units of each output's scale.

    PyTorch reads 16 sequences whole. onnxruntime reads them one step at a time, with the state
    carried from call to call, which is harder.
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
    """Return the outputs of `net` after each step (B, T, O), computed in `dtype`."""
    every_step = copy.deepcopy(net).to(dtype)
    every_step.head = "sequence"
    with torch.no_grad():
        y: Array = every_step(torch.from_numpy(x).to(dtype)).double().numpy()
    return y
