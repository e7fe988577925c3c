"""The policy for missing values as nodes of the graph: what a NaN in x is read as.

Every ONNX host gives the same answers, because the nodes only ask, count and copy. Shapes: B batch,
T time, D features; u (B, T, D) is x in scaled units, in which 0 is a feature's mean.

`forward` has no loop. With n the values of a feature that were there up to a step, and m those that
were missing, each value that is there goes to place n of T + 1, each NaN to place -m, counted from
the end: so every place from 1 on is written once. Place 0 is what was known before. What stands at
place n is then, at every step, the last value that was there.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from seqrt.contract import LENGTHS
from seqrt.contract.manifest import Missing
from seqrt.export.nodes import Nodes


def fill(graph: Nodes, u: str, missing: Missing, known: str | None) -> tuple[str, list[str]]:
    """Append what fills u (B, T, D); return what the first layer reads, and what is carried on.

    The layer reads (B, T, D), with indicators (B, T, 2 D). `forward` carries (1, B, D), the last
    values, from `known` on; a network that reads both ways has no state and carries nothing.
    """
    if missing == "error":
        return u, []
    unknown = graph.add("IsNaN", [u], "x_unknown")
    if missing == "forward":
        return _forward(graph, u, unknown, known)
    zero = graph.constant("zero", np.zeros((), np.float32))
    filled = graph.add("Where", [unknown, zero, u], "x_filled")
    if missing == "mean":
        return filled, []
    indicators = graph.add("Cast", [unknown], "x_indicators", to=TensorProto.FLOAT)
    return graph.add("Concat", [filled, indicators], "x_and_indicators", axis=2), []


def _forward(graph: Nodes, u: str, unknown: str, known: str | None) -> tuple[str, list[str]]:
    time, one = (graph.constant(name, np.array(1, np.int64)) for name in ("time_axis", "one"))
    there = graph.add("Not", [unknown], "x_there")
    counted = graph.add("Cast", [there], "x_counted", to=TensorProto.INT64)
    n = graph.add("CumSum", [counted, time], "x_n")
    lacking = graph.add("Sub", [counted, one], "x_lacking")
    minus_m = graph.add("CumSum", [lacking, time], "x_minus_m")
    place = graph.add("Where", [unknown, minus_m, n], "x_place")
    if known is None:
        one_before = graph.constant("one_before", np.array([0, 1, 0, 0, 0, 0], np.int64))
        places = graph.add("Pad", [u, one_before], "x_places")
    else:
        before = graph.add("Transpose", [known], "known_row", perm=[1, 0, 2])
        places = graph.add("Concat", [before, u], "x_places", axis=1)
    sorted_ = graph.add("ScatterElements", [places, place, u], "x_sorted", axis=1)
    filled = graph.add("GatherElements", [sorted_, n], "x_filled", axis=1)
    return filled, [] if known is None else [_last(graph, filled, one)]


def _last(graph: Nodes, filled: str, one: str) -> str:
    """Return what each row knew after its own last step, (1, B, D)."""
    lengths = graph.add("Cast", [LENGTHS], "lengths_wide", to=TensorProto.INT64)
    last = graph.add("Sub", [lengths, one], "last_step")
    rows = graph.add("Unsqueeze", [last, graph.axes(1)], "last_steps")
    values = graph.add("GatherND", [filled, rows], "known_rows", batch_dims=1)
    return graph.add("Unsqueeze", [values, graph.axes(0)], "known_end")
