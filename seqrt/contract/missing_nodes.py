"""The policy for missing values as nodes of the graph: what a NaN in x is read as.

Written by export and looked for by the guard, node by node: no other graph may count, sort or copy
along time. Every ONNX host gives the same answers, because the nodes only ask, count and copy.
Shapes: B batch, T time, D features; u (B, T, D) is x in scaled units, in which 0 is a feature's
mean.

`forward` has no loop. With n the values of a feature that were there up to a step, and m those that
were missing, each value that is there goes to place n of T + 1, each NaN to place -m, counted from
the end: so every place from 1 on is written once. Place 0 is what was known before. What stands at
place n is then, at every step, the last value that was there.
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from seqrt.contract.manifest import Missing
from seqrt.contract.onnx_reader import FLOAT, INT64

KNOWN_START: Final = "known_start"
_LENGTHS = "lengths"


class Step(NamedTuple):
    """A node of one output, which is its name too."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


class Constant(NamedTuple):
    """A constant: its type, its shape, its bytes."""

    kind: int
    shape: tuple[int, ...]
    data: bytes


class Policy(NamedTuple):
    """The nodes of a policy in their order, and the constants that they read.

    `filled` is what the first layer reads: (B, T, D), with indicators (B, T, 2 D). `known` is what
    is carried on: (1, B, D), the last values, or None where nothing is.
    """

    steps: list[Step]
    constants: dict[str, Constant]
    filled: str
    known: str | None


def policy(missing: Missing, u: str, *, streamable: bool) -> Policy:
    """Return what fills u; `forward` goes on from KNOWN_START (1, B, D) where there is a state."""
    unknown = Step("IsNaN", (u,), "x_unknown", {})
    if missing == "forward":
        return _forward(u, unknown, streamable=streamable)
    constants = {"zero": Constant(FLOAT, (), bytes(4))}
    filled = Step("Where", (unknown.output, "zero", u), "x_filled", {})
    if missing == "mean":
        return Policy([unknown, filled], constants, filled.output, None)
    marks = Step("Cast", (unknown.output,), "x_indicators", {"to": FLOAT})
    both = Step("Concat", (filled.output, marks.output), "x_and_indicators", {"axis": 2})
    return Policy([unknown, filled, marks, both], constants, both.output, None)


def _forward(u: str, unknown: Step, *, streamable: bool) -> Policy:
    time = {"axis": 1}
    constants = {"time_axis": _integers(1, shape=()), "one": _integers(1, shape=())}
    before = [Step("Pad", (u, "one_before"), "x_places", {})]
    last: list[Step] = []
    if streamable:
        row = Step("Transpose", (KNOWN_START,), "known_row", {"perm": [1, 0, 2]})
        before = [row, Step("Concat", (row.output, u), "x_places", time)]
        last = _last()
        constants |= {"axes_0": _integers(0), "axes_1": _integers(1)}
    else:
        constants["one_before"] = _integers(0, 1, 0, 0, 0, 0)
    steps = [
        unknown,
        Step("Not", (unknown.output,), "x_there", {}),
        Step("Cast", ("x_there",), "x_counted", {"to": INT64}),
        Step("CumSum", ("x_counted", "time_axis"), "x_n", {}),
        Step("Sub", ("x_counted", "one"), "x_lacking", {}),
        Step("CumSum", ("x_lacking", "time_axis"), "x_minus_m", {}),
        Step("Where", (unknown.output, "x_minus_m", "x_n"), "x_place", {}),
        *before,
        Step("ScatterElements", ("x_places", "x_place", u), "x_sorted", time),
        Step("GatherElements", ("x_sorted", "x_n"), "x_filled", time),
        *last,
    ]
    return Policy(steps, constants, "x_filled", last[-1].output if last else None)


def _last() -> list[Step]:
    """Return what each row knew after its own last step."""
    return [
        Step("Cast", (_LENGTHS,), "lengths_wide", {"to": INT64}),
        Step("Sub", ("lengths_wide", "one"), "last_step", {}),
        Step("Unsqueeze", ("last_step", "axes_1"), "last_steps", {}),
        Step("GatherND", ("x_filled", "last_steps"), "known_rows", {"batch_dims": 1}),
        Step("Unsqueeze", ("known_rows", "axes_0"), "known_end", {}),
    ]


def _integers(*numbers: int, shape: tuple[int, ...] | None = None) -> Constant:
    data = struct.pack(f"<{len(numbers)}q", *numbers)
    return Constant(INT64, (len(numbers),) if shape is None else shape, data)
