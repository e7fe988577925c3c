"""What the graph of a file says, row by row: the truth for weights that no torch network has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import LENGTHS, STATE, STATE_OUT, Manifest, X, Y
from seqrt.export.small_weights.numpy_graph import run_graph
from seqrt.runtime.proving.parity import largest, scaled_units
from seqrt.runtime.proving.proof import Case

Array = NDArray[Any]


def solve(
    content: bytes, m: Manifest, x: Array, lengths: Array, state: Array, dtype: type
) -> tuple[Array, Array]:
    """Return y and the end state as the graph computes them in numpy with floats of `dtype`.

    Each row is computed alone, without padding; past its end there are zeros. Several outputs are
    side by side. Beside one for each step, one for the whole row is at the last step of the row.
    """
    per_step, width = m.head == "sequence", len(m.outputs)
    y: Array = np.zeros((len(x), *([x.shape[1]] if per_step else []), width), dtype)
    ends: Array = np.zeros((len(x), m.state_size), dtype)
    heads = [(h.name, h.outputs, h.head) for h in m.heads] or [(Y, width, m.head)]
    for row, steps in enumerate(lengths):
        feeds = {X: x[row : row + 1, :steps], LENGTHS: lengths[row : row + 1]}
        if m.state_size:
            feeds[STATE] = state[row : row + 1]
        found, at = run_graph(content, feeds, dtype), 0
        for name, size, head in heads:
            place = slice(at, at + size)
            if head == "sequence":
                y[row, :steps, place] = found[name][0]
            elif per_step:
                y[row, steps - 1, place] = found[name][0]
            else:
                y[row, place] = found[name][0]
            at += size
        if m.state_size:
            ends[row] = found[STATE_OUT][0]
    return y, ends


def solved(content: bytes, m: Manifest, x: Array, lengths: Array, state: Array) -> Case:
    """Return a case with what the graph says in float64, and the errors of numpy's own float32."""
    y, ends = solve(content, m, x, lengths, state, np.float64)
    y32, ends32 = solve(content, m, x, lengths, state, np.float32)
    case = Case(x, lengths, state, y, ends, 0.0, largest(ends32 - ends))
    error = largest(scaled_outputs(replace(case, y=y32), m) - scaled_outputs(case, m))
    return replace(case, torch_error=error)


def scaled_outputs(case: Case, m: Manifest) -> Array:
    """Return the true outputs of a case inside its lengths, (N, O), in scaled units."""
    return scaled_units(case.valid(case.y), m.outputs)
