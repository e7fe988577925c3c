"""Idioms that read the lengths: which steps are inside a row, and how many there are."""

from __future__ import annotations

from seqrt.contract import LENGTHS, X
from seqrt.contract.idioms.fixed_node import BATCH, FRESH, MASK, TIME, Idiom, Writer
from seqrt.contract.onnx_reader import BOOL, FLOAT, INT64


def inside() -> Idiom:
    """Return the nodes for the mask (T, B, 1), true at the steps inside each row.

    Other idioms read it under the name MASK.
    """
    w = Writer("inside", 0)
    shape = w.add("Shape", [X], "shape")
    time = w.add("Gather", [shape, w.number(1)], "time", axis=0)
    numbers = w.add("Range", [w.number(0), time, w.number(1)], "numbers")
    column = w.add("Unsqueeze", [numbers, w.axes(1)], "column")
    lengths = w.add("Cast", [LENGTHS], "lengths", to=INT64)
    rows = w.add("Less", [column, lengths], "rows")
    w.add("Unsqueeze", [rows, w.axes(2)], "mask")
    return w.idiom({}, {})._replace(writes={MASK: (BOOL, (TIME, BATCH, 1))})


def count() -> Idiom:
    """Return the nodes for the number of steps of each row as float32 (B, 1)."""
    w = Writer("count", 0)
    number = w.add("Cast", [LENGTHS], "numbers", to=FLOAT)
    column = w.add("Unsqueeze", [number, w.axes(1)], "column")
    return w.idiom({}, {column: (BATCH, 1)})


def steps(start: str) -> Idiom:
    """Return the nodes for the steps of each stream so far, with those of this call, (B, 1).

    `start` (1, B, 1) is a piece of the state. The second value that it writes, FRESH (B, 1), is 1
    before the first step ever, and 0 afterwards. Exact up to 2**24 steps; it stays there.
    """
    w = Writer("steps", 0)
    before = w.add("Squeeze", [start, w.axes(0)], "before")
    seen = w.add("Min", [before, w.value(1.0)], "seen")
    w.add("Sub", [w.value(1.0), seen], "fresh")
    number = w.add("Cast", [LENGTHS], "numbers", to=FLOAT)
    column = w.add("Unsqueeze", [number, w.axes(1)], "column")
    total = w.add("Add", [before, column], "total")
    carried = w.add("Unsqueeze", [total, w.axes(0)], "carried")
    return w.idiom(
        {start: (1, BATCH, 1)}, {total: (BATCH, 1), FRESH: (BATCH, 1)}, carried=carried, size=1
    )
