"""Recurrent layers whose units fall into groups that do not read each other: a node for each.

The members of a committee lie side by side in one layer, with zeros between them. Written as one
node, K members would cost K times the arithmetic and the bytes that they need.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np

from seqrt.contract import Carry, Layer
from seqrt.contract.format2 import MOST_GROUPS
from seqrt.contract.manifest import GATES
from seqrt.export.graph.weights import LayerWeights, Weights, onnx_weights
from seqrt.training.networks.recurrent import Recurrent
from seqrt.training.networks.stack import Stack
from seqrt.training.networks.time_layer import TimeLayer

# A node costs some microseconds a run: more than fewer zeros do in one step of one row.
_LEAST_ZEROS: Final = 100_000
_LEAST_UNITS: Final = 16


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of a layer, first to last, all of the same size; of most layers there is one.

    `shares` says that each group reads its share of the inputs, and not all of them.
    """

    weights: tuple[LayerWeights, ...]
    shares: bool


def layer_groups(step: Recurrent) -> Groups:
    """Return the weights of the groups of a layer."""
    w, r, b = onnx_weights(step)
    count, gates = group_count(step), GATES[step.layer.cell]
    shares = count > 1 and _is_diagonal(w, gates, count)
    w_blocks, r_blocks = _blocks(w, gates, count, count if shares else 1), _blocks(r, gates, count)
    directions, units = len(w), step.layer.units // count
    weights = tuple(
        (
            w_blocks[:, :, k, :, k if shares else 0].reshape(directions, gates * units, -1),
            r_blocks[:, :, k, :, k].reshape(directions, gates * units, units),
            b.reshape(directions, 2 * gates, count, units)[:, :, k].reshape(directions, -1),
        )
        for k in range(count)
    )
    return Groups(weights, shares)


def group_count(step: TimeLayer) -> int:
    """Return into how many groups a layer is written: 1 where others would not be faster."""
    if type(step) is not Recurrent:
        return 1
    w, r, _ = onnx_weights(step)
    units, gates = step.layer.units, GATES[step.layer.cell]
    if not r.any():  # a minGRU, whose R says nothing about groups
        return 1
    most = min(units // _LEAST_UNITS, MOST_GROUPS)
    counts = (count for count in range(most, 1, -1) if units % count == 0)
    count = next((count for count in counts if _is_diagonal(r, gates, count)), 1)
    reached = r.size + (w.size if _is_diagonal(w, gates, count) else 0)
    zeros = reached * (count - 1) // count
    return count if zeros >= _LEAST_ZEROS else 1


def layers_of(stack: Stack) -> tuple[Layer, ...]:
    """Return the recurrent layers as the file has them, with their groups."""
    return tuple(replace(step.layer, groups=group_count(step)) for step in stack.recurrent())


def carries_of(stack: Stack) -> tuple[Carry, ...]:
    """Return the pieces of the state as the file has them: h of each group, then C of each."""
    pieces, found = iter(stack.carries), list[Carry]()
    for step in stack.time_layers() if stack.carries else ():
        count = group_count(step)
        for piece in islice(pieces, len(step.carries)):
            found += [replace(piece, size=piece.size // count)] * count
    return (*found, *pieces)


def _blocks(matrix: Weights, gates: int, rows: int, columns: int | None = None) -> Weights:
    """Return a matrix (dirs, G H, D) as blocks (dirs, G, rows, H / rows, columns, D / columns)."""
    columns = columns or rows
    return matrix.reshape(len(matrix), gates, rows, -1, columns, matrix.shape[2] // columns)


def _is_diagonal(matrix: Weights, gates: int, count: int) -> bool:
    """Return whether a matrix (dirs, G H, D) is zero outside `count` diagonal blocks."""
    if matrix.shape[2] % count:
        return False
    filled = _blocks(matrix, gates, count).any(axis=(0, 1, 3, 5))
    return not (filled & ~np.eye(count, dtype=bool)).any()
