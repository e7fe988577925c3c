"""Converts the weights of a layer from torch's gate order to ONNX's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seqrt.contract.manifest import Cell
from seqrt.training.networks.mingru import MinimalGru
from seqrt.training.networks.recurrent import Recurrent, weights_of

Weights = NDArray[np.float32]
LayerWeights = tuple[Weights, Weights, Weights]

# The index in torch of each block of ONNX: LSTM i f g o -> i o f c, GRU r z n -> z r h.
BLOCKS: dict[Cell, tuple[int, ...]] = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


def onnx_weights(step: Recurrent) -> LayerWeights:
    """Return W (dirs, G H, D), R (dirs, G H, H), B (dirs, 2 G H) of a layer, gates in ONNX's order.

    G is the number of gates of the cell, `GATES`. B holds b_ih, then b_hh. A minGRU is a GRU whose
    R is zero, and all that belongs to r: W = [W_z; 0; W_c], B = [b_z, 0, b_c, 0].
    """
    order = BLOCKS[step.layer.cell]
    w, r, b = [], [], []
    for cell in step.cells:
        w_ih, w_hh, b_ih, b_hh = (_reorder(weights, order) for weights in _arrays(cell))
        w.append(w_ih)
        r.append(w_hh)
        b.append(np.concatenate((b_ih, b_hh)))
    return np.stack(w), np.stack(r), np.stack(b)


def _arrays(cell: Any) -> list[Weights]:
    """Return W_ih, W_hh, b_ih, b_hh in torch's gate order."""
    arrays = [float32_array(weights) for weights in weights_of(cell)]
    if not isinstance(cell, MinimalGru):
        return arrays
    w, b = arrays
    units = len(b) // 2
    zero_w, zero_b = np.zeros((units, w.shape[1]), np.float32), np.zeros(units, np.float32)
    return [
        np.concatenate([zero_w, w]),
        np.zeros((3 * units, units), np.float32),
        np.concatenate([zero_b, b]),
        np.zeros(3 * units, np.float32),
    ]


def _reorder(array: Weights, order: tuple[int, ...]) -> Weights:
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[i] for i in order])


def float32_array(parameter: Tensor) -> Weights:
    """Return a parameter or buffer as a float32 array."""
    array: Weights = parameter.detach().cpu().numpy().astype(np.float32)
    return array
