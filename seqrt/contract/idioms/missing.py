"""The graph nodes of each missing-value policy: what a NaN in x is replaced with.

Export writes these nodes, and the guard compares them one by one, because no other part of a graph
may count, scatter or gather along time. Every ONNX host computes the same result: the nodes only
test, count and copy. Shapes: B batch, T time, D features; u (B, T, D) is x in scaled units, in
which 0 is the mean of a feature.

`forward` needs no loop. At each step, let n be the number of known values of a feature so far, and
m the number of missing ones. Scatter every known value to place n of T + 1 places, and every NaN to
place -m, counted from the end, so that each place from 1 on is written exactly once; place 0 holds
the value known before the first step. Gathering place n at each step gives the last known value.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from seqrt.contract import LENGTHS
from seqrt.contract.idioms.fixed_node import Constant, FixedNode
from seqrt.contract.manifest import Missing
from seqrt.contract.onnx_reader import FLOAT, INT64

KNOWN_START: Final = "known_start"


class Policy(NamedTuple):
    """The nodes of a policy in order, and the constants that they read.

    `filled` is the name of the first layer's input: (B, T, D), or (B, T, 2 D) with indicators.
    `known` is the name of the last known values (1, B, D), if they are carried between calls.
    """

    nodes: list[FixedNode]
    constants: dict[str, Constant]
    filled: str
    known: str | None


def policy(missing: Missing, u: str, *, streamable: bool) -> Policy:
    """Return the nodes that fill u.

    For a `streamable` network, `forward` continues from KNOWN_START (1, B, D), part of the state.
    """
    unknown = FixedNode("IsNaN", (u,), "x_unknown", {})
    if missing == "forward":
        return _forward(u, unknown, streamable=streamable)
    constants = {"zero": Constant(FLOAT, (), bytes(4))}
    filled = FixedNode("Where", (unknown.output, "zero", u), "x_filled", {})
    if missing == "mean":
        return Policy([unknown, filled], constants, filled.output, None)
    marks = FixedNode("Cast", (unknown.output,), "x_indicators", {"to": FLOAT})
    both = FixedNode("Concat", (filled.output, marks.output), "x_and_indicators", {"axis": 2})
    return Policy([unknown, filled, marks, both], constants, both.output, None)


def _forward(u: str, unknown: FixedNode, *, streamable: bool) -> Policy:
    time = {"axis": 1}
    constants = {"time_axis": _integers(1, shape=()), "one": _integers(1, shape=())}
    before = [FixedNode("Pad", (u, "one_before"), "x_places", {})]
    last: list[FixedNode] = []
    if streamable:
        row = FixedNode("Transpose", (KNOWN_START,), "known_row", {"perm": [1, 0, 2]})
        before = [row, FixedNode("Concat", (row.output, u), "x_places", time)]
        last = _last_known()
        constants |= {"axes_0": _integers(0), "axes_1": _integers(1)}
    else:
        constants["one_before"] = _integers(0, 1, 0, 0, 0, 0)
    nodes = [
        unknown,
        FixedNode("Not", (unknown.output,), "x_there", {}),
        FixedNode("Cast", ("x_there",), "x_counted", {"to": INT64}),
        FixedNode("CumSum", ("x_counted", "time_axis"), "x_n", {}),
        FixedNode("Sub", ("x_counted", "one"), "x_lacking", {}),
        FixedNode("CumSum", ("x_lacking", "time_axis"), "x_minus_m", {}),
        FixedNode("Where", (unknown.output, "x_minus_m", "x_n"), "x_place", {}),
        *before,
        FixedNode("ScatterElements", ("x_places", "x_place", u), "x_sorted", time),
        FixedNode("GatherElements", ("x_sorted", "x_n"), "x_filled", time),
        *last,
    ]
    return Policy(nodes, constants, "x_filled", last[-1].output if last else None)


def _last_known() -> list[FixedNode]:
    """Return the nodes that pick each row's known values after its own last step."""
    return [
        FixedNode("Cast", (LENGTHS,), "lengths_wide", {"to": INT64}),
        FixedNode("Sub", ("lengths_wide", "one"), "last_step", {}),
        FixedNode("Unsqueeze", ("last_step", "axes_1"), "last_steps", {}),
        FixedNode("GatherND", ("x_filled", "last_steps"), "known_rows", {"batch_dims": 1}),
        FixedNode("Unsqueeze", ("known_rows", "axes_0"), "known_end", {}),
    ]


def _integers(*numbers: int, shape: tuple[int, ...] | None = None) -> Constant:
    data = struct.pack(f"<{len(numbers)}q", *numbers)
    return Constant(INT64, (len(numbers),) if shape is None else shape, data)
