"""Converts the weights of a layer from torch's gate order to ONNX's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seqrt.contract.manifest import Cell
from seqrt.training.networks.recurrent import Recurrent

Weights = NDArray[np.float32]

# The index in torch of each block of ONNX: LSTM i f g o -> i o f c, GRU r z n -> z r h.
BLOCKS: dict[Cell, tuple[int, ...]] = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


def onnx_weights(step: Recurrent) -> tuple[Weights, Weights, Weights]:
    """Return W (dirs, G H, D), R (dirs, G H, H), B (dirs, 2 G H) of a layer, gates in ONNX's order.

    G is the number of gates of the cell, `GATES`. B holds b_ih, then b_hh.
    """
    order = BLOCKS[step.layer.cell]
    w, r, b = [], [], []
    for cell in step.cells:
        w.append(_reorder(cell.weight_ih_l0, order))
        r.append(_reorder(cell.weight_hh_l0, order))
        biases = (_reorder(cell.bias_ih_l0, order), _reorder(cell.bias_hh_l0, order))
        b.append(np.concatenate(biases))
    return np.stack(w), np.stack(r), np.stack(b)


def _reorder(parameter: Any, order: tuple[int, ...]) -> Weights:
    blocks = np.split(float32_array(parameter), len(order))
    return np.concatenate([blocks[i] for i in order])


def float32_array(parameter: Tensor) -> Weights:
    """Return a parameter or buffer as a float32 array."""
    array: Weights = parameter.detach().cpu().numpy().astype(np.float32)
    return array
