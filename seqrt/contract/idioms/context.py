"""The idiom of convolutions over time: each step beside those before it, or around it."""

from __future__ import annotations

from array import array
from typing import Final

from seqrt.contract import LENGTHS, X
from seqrt.contract.idioms.fixed_node import BATCH, MASK, TIME, Constant, Idiom, Shape, Writer
from seqrt.contract.onnx_reader import INT64

# The most numbers of context, steps times width, that a convolution may read beside a step.
MOST_CONTEXT: Final = 1 << 18
_TO_THE_END: Final = (1 << 63) - 1


def taps(
    number: int,
    value: str,
    width: int,
    kernel: int,
    dilation: int = 1,
    *,
    ahead: int = 0,
    start: str = "",
) -> Idiom:
    """Return the nodes that put `kernel` steps of value (T, B, W) side by side: (T, B, kernel W).

    The steps are `dilation` apart, oldest first; a product with a matrix (kernel W, O) makes it a
    convolution. The last tap lies `ahead` steps after the current one, 0 for a causal convolution.
    What lies outside the row reads as zero. `start` (1, B, context W) continues a causal one, with
    context = (kernel - 1) dilation: the steps before, oldest first.
    """
    w = Writer("taps", number)
    context = (kernel - 1) * dilation
    reads: dict[str, Shape] = {value: (TIME, BATCH, width)}
    carried = ""
    if start:
        reads[start] = (1, BATCH, context * width)
        seen, carried = _continued(w, value, width, context, start)
    else:
        inside = w.add("Where", [MASK, value, w.value(0.0)], "inside") if ahead else value
        pads = w.axes(context - ahead, 0, 0, ahead, 0, 0)
        seen = w.add("Pad", [inside, pads], "seen")
    steps = []
    for tap in range(kernel):
        first = tap * dilation
        bounds = [w.axes(first), w.axes(first - context or _TO_THE_END), w.axes(0)]
        steps.append(w.add("Slice", [seen, *bounds], f"tap{tap}"))
    output = w.add("Concat", steps, "steps", axis=2)
    return w.idiom(
        reads,
        {output: (TIME, BATCH, kernel * width)},
        masked=ahead > 0,
        carried=carried,
        size=context * width,
    )


def windows(number: int, value: str, width: int, kernel: int, start: str = "") -> Idiom:
    """Return the nodes that put the last `kernel` steps of value (T, B, W) side by side.

    The result (T, B, kernel W) is that of `taps` without dilation: oldest first, zero before the
    row. `start` (1, B, (kernel - 1) W) continues it: the steps before, oldest first.
    """
    w = Writer("windows", number)
    context = kernel - 1
    reads: dict[str, Shape] = {value: (TIME, BATCH, width)}
    carried = ""
    if start:
        reads[start] = (1, BATCH, context * width)
        seen, carried = _continued(w, value, width, context, start)
    else:
        seen = w.add("Pad", [value, w.axes(context, 0, 0, 0, 0, 0)], "seen")
    shape = w.add("Shape", [X], "shape")
    time = w.add("Gather", [shape, w.number(1)], "time", axis=0)
    firsts = w.add("Range", [w.number(0), time, w.number(1)], "starts")
    column = w.add("Unsqueeze", [firsts, w.axes(1)], "begin")
    numbers = array("q", range(kernel)).tobytes()
    offsets = w.constant((f"range_{kernel}", Constant(INT64, (kernel,), numbers)))
    which = w.add("Add", [column, offsets], "which")
    output = _beside(w, seen, which, width)
    return w.idiom(
        reads,
        {output: (TIME, BATCH, kernel * width)},
        carried=carried,
        size=context * width,
    )


def _beside(w: Writer, seen: str, which: str, width: int) -> str:
    """Append the nodes that pick the steps `which` (T, kernel) of each row: (T, B, kernel W).

    Single numbers are picked for all rows at once, and wider steps row by row. The other way round,
    either takes 2 to 7 times as long for 24 rows of 500 steps.
    """
    if width == 1:
        found = w.add("Gather", [seen, which], "found", axis=0)
        beside = w.add("Transpose", [found], "beside", perm=[0, 2, 1, 3])
        return w.add("Reshape", [beside, w.axes(0, 0, -1)], "steps")
    turned = w.add("Transpose", [seen], "turned", perm=[1, 0, 2])
    found = w.add("Gather", [turned, which], "found", axis=1)
    beside = w.add("Reshape", [found, w.axes(0, 0, -1)], "beside")
    return w.add("Transpose", [beside], "steps", perm=[1, 0, 2])


def _continued(w: Writer, value: str, width: int, context: int, start: str) -> tuple[str, str]:
    """Return `value` after the steps before it (context + T, B, W), and the steps to carry on."""
    before = w.add("Reshape", [start, w.axes(-1, context, width)], "before")
    column = w.add("Transpose", [before], "column", perm=[1, 0, 2])
    seen = w.add("Concat", [column, value], "seen", axis=0)
    rows = w.add("Transpose", [seen], "rows", perm=[1, 0, 2])
    first = w.add("Cast", [LENGTHS], "lengths", to=INT64)
    firsts = w.add("Unsqueeze", [first, w.axes(1)], "firsts")
    numbers = array("q", range(context)).tobytes()
    offsets = w.constant((f"range_{context}", Constant(INT64, (context,), numbers)))
    each = w.add("Add", [firsts, offsets], "places")
    index = w.add("Unsqueeze", [each, w.axes(2)], "index")
    kept = w.add("GatherND", [rows, index], "kept", batch_dims=1)
    return seen, w.add("Reshape", [kept, w.axes(1, -1, context * width)], "carried")
