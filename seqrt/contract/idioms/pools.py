"""Idioms that reduce the steps of a row to one value: sum, maximum, minimum.

With a `start`, a piece of the state, they continue from the call before, and however a sequence is
cut, the results are the same bits.
"""

from __future__ import annotations

from seqrt.contract import LENGTHS
from seqrt.contract.idioms.fixed_node import BATCH, FRESH, LOWEST, MASK, TIME, Idiom, Shape, Writer


def time_sum(number: int, value: str, width: int, start: str = "") -> Idiom:
    """Return the nodes for the sum of value (T, B, W) over the steps of each row: (B, W).

    It is summed step by step, in order. `start` (1, B, W) is the sum so far. For a mean, divide by
    the output of `count`, or of `steps` if there is a start.
    """
    w = Writer("sum", number)
    reads: dict[str, Shape] = {value: (TIME, BATCH, width)}
    if start:
        reads[start] = (1, BATCH, width)
        value = w.add("Concat", [start, value], "seen", axis=0)
    sums = w.add("CumSum", [value, w.number(0)], "sums")
    rows = w.add("Transpose", [sums], "rows", perm=[1, 0, 2])
    places = w.lengths(LENGTHS, 0 if start else 1)
    output = w.add("GatherND", [rows, places], "total", batch_dims=1)
    carried = w.add("Unsqueeze", [output, w.axes(0)], "carried") if start else ""
    return w.idiom(reads, {output: (BATCH, width)}, carried=carried, size=width)


def time_max(
    number: int, value: str, width: int, start: str = "", *, smallest: bool = False
) -> Idiom:
    """Return the nodes for the maximum of value (T, B, W) over the steps of each row: (B, W).

    `start` (1, B, W) is the maximum so far; `steps` must be in the graph to tell the first call.
    With `smallest` it is the minimum.
    """
    name = "Min" if smallest else "Max"
    w = Writer(name.lower(), number)
    fill = w.value(-LOWEST if smallest else LOWEST)
    reads: dict[str, Shape] = {value: (TIME, BATCH, width)}
    inside = w.add("Where", [MASK, value, fill], "inside")
    output = w.add(f"Reduce{name}", [inside], "here", axes=[0], keepdims=0)
    carried = ""
    if start:
        reads |= {start: (1, BATCH, width), FRESH: (BATCH, 1)}
        rows = w.add("Squeeze", [start, w.axes(0)], "start")
        unknown = w.add("Mul", [FRESH, fill], "unknown")
        before = w.add("Add", [rows, unknown], "before")
        output = w.add(name, [before, output], "total")
        carried = w.add("Unsqueeze", [output, w.axes(0)], "carried")
    writes = {output: (BATCH, width)}
    return w.idiom(reads, writes, masked=True, carried=carried, size=width)
