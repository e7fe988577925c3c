"""Idioms around a dilated recurrent layer, whose step t continues from the state W steps before.

    h_t = layer(x_t, h_{t-W})        W the dilation (Chang et al. 2017, arXiv:1710.02224)

Each row is then W sequences in turn, its phases: steps 0, W, 2 W, ..., steps 1, W + 1, ..., and so
on. `phases` puts them beside each other as rows of their own, an RNN, LSTM or GRU node reads them,
and `interleaved` puts the steps back in order. If a call has fewer than W steps, there are only as
many phases, so a single step costs what it costs in any other layer.

A stream carries the last W states, oldest first: the first of them is the one that the next step
continues.
"""

from __future__ import annotations

from array import array

from seqrt.contract import LENGTHS, X
from seqrt.contract.idioms.fixed_node import (
    BATCH,
    TIME,
    Constant,
    Idiom,
    Shape,
    Writer,
    phase_sizes,
)
from seqrt.contract.onnx_reader import FLOAT, INT32, INT64


def phases(
    number: int,
    value: str,
    width: int,
    dilation: int,
    starts: tuple[str, ...] = (),
    units: int = 0,
) -> Idiom:
    """Return the nodes that make each phase of value (T, B, F) a row: (T/W, B W, F).

    It also writes `phases.N.lengths`, int32 (B W), the steps of each phase, for the recurrent node.
    For a stream, `starts` are the pieces of the state, (1, B, W H) each with H = `units`: h, and c
    for an LSTM. It then writes `phases.N.start0` and `phases.N.start1`, the initial states
    (1, B W, H) of the node, and what `interleaved` reads.
    """
    w = Writer("phases", number)
    rounds, rows = phase_sizes(dilation)
    reads: dict[str, Shape] = {value: (TIME, BATCH, width)}
    batch, time = _sizes(w)
    used = w.add("Min", [time, w.axes(dilation)], "used")
    up = w.add("Add", [time, w.axes(dilation - 1)], "up")
    each = w.add("Div", [up, w.axes(dilation)], "each")
    whole = w.add("Mul", [each, used], "whole")
    spare = w.add("Sub", [whole, time], "spare")
    pads = w.add("Concat", [w.axes(0, 0, 0), spare, w.axes(0, 0)], "pads", axis=0)
    padded = w.add("Pad", [value, pads], "padded")
    width_of_all = w.add("Mul", [used, batch], "rows")
    target = w.add("Concat", [w.axes(-1), width_of_all, w.axes(width)], "target", axis=0)
    output = w.add("Reshape", [padded, target], "steps")
    lengths = _lengths(w, dilation, used)
    writes: dict[str, tuple[int, Shape]] = {
        output: (FLOAT, (rounds, rows, width)),
        lengths: (INT32, (rows,)),
    }
    for i, start in enumerate(starts):
        reads[start] = (1, BATCH, dilation * units)
        before = w.add("Reshape", [start, w.axes(-1, dilation, units)], f"before{i}")
        ring = w.add("Transpose", [before], f"ring{i}", perm=[1, 0, 2])
        first = w.add("Slice", [ring, w.axes(0), used, w.axes(0)], f"first{i}")
        begin = w.add("Reshape", [first, w.axes(1, -1, units)], f"start{i}")
        writes[ring] = (FLOAT, (dilation, BATCH, units))
        writes[begin] = (FLOAT, (1, rows, units))
    return w.idiom(reads, {})._replace(writes=writes)


def interleaved(
    number: int, value: str, units: int, dilation: int, ends: tuple[str, ...] = ()
) -> Idiom:
    """Return the nodes that put the steps of the phases back in order: (T, B, H).

    `value` (T/W, 1, B W, H) are the steps that the recurrent node gives for the phases of the same
    number. For a stream, `ends` are its last states, (1, B W, H) each: h, and c for an LSTM.
    `carried` then has the last W of h, and after them, on axis 2, those of c.
    """
    w = Writer("interleaved", number)
    rounds, rows = phase_sizes(dilation)
    reads: dict[str, Shape] = {value: (rounds, 1, rows, units)}
    batch, time = _sizes(w)
    target = w.add("Concat", [w.axes(-1), batch, w.axes(units)], "target", axis=0)
    whole = w.add("Reshape", [value, target], "whole")
    output = w.add("Slice", [whole, w.axes(0), time, w.axes(0)], "steps")
    index = _last_of_each_phase(w, dilation) if ends else ""
    kept = []
    for i, end in enumerate(ends):
        ring = f"phases.{number}.ring{i}"
        reads |= {ring: (dilation, BATCH, units), end: (1, rows, units)}
        last = w.add("Reshape", [end, target], f"last{i}")
        seen = w.add("Concat", [ring, last], f"seen{i}", axis=0)
        turned = w.add("Transpose", [seen], f"turned{i}", perm=[1, 0, 2])
        picked = w.add("GatherND", [turned, index], f"picked{i}", batch_dims=1)
        kept.append(w.add("Reshape", [picked, w.axes(1, -1, dilation * units)], f"kept{i}"))
    carried = w.add("Concat", kept, "carried", axis=2) if kept else ""
    return w.idiom(
        reads,
        {output: (TIME, BATCH, units)},
        carried=carried,
        size=len(ends) * dilation * units,
    )


def _sizes(w: Writer) -> tuple[str, str]:
    """Append the nodes for batch and time, each a vector of one number."""
    shape = w.add("Shape", [X], "shape")
    batch = w.add("Gather", [shape, w.axes(0)], "batch", axis=0)
    return batch, w.add("Gather", [shape, w.axes(1)], "time", axis=0)


def _lengths(w: Writer, dilation: int, used: str) -> str:
    """Append the nodes for the steps of each phase: of phase p, (length + W - 1 - p) div W."""
    numbers = array("q", range(dilation - 1, -1, -1)).tobytes()
    down = w.constant((f"down_{dilation}", Constant(INT64, (dilation,), numbers)))
    missing = w.add("Slice", [down, w.axes(0), used, w.axes(0)], "missing")
    column = w.add("Unsqueeze", [missing, w.axes(1)], "column")
    wide = w.add("Cast", [LENGTHS], "wide", to=INT64)
    sums = w.add("Add", [column, wide], "sums")
    parts = w.add("Div", [sums, w.number(dilation)], "parts")
    flat = w.add("Reshape", [parts, w.axes(-1)], "flat")
    return w.add("Cast", [flat], "lengths", to=INT32)


def _last_of_each_phase(w: Writer, dilation: int) -> str:
    """Append the nodes for the places (B, W, 1) of the last W states, oldest first.

    They are places in the W states before the call and, after these, the end of each phase. The
    state j after the oldest is that of step n = length + j, counted from W steps before the call:
    place n if n < W, and else the end of phase n mod W. Both are min(n, n mod W + W).
    """
    wide = w.add("Cast", [LENGTHS], "lengths", to=INT64)
    column = w.add("Unsqueeze", [wide, w.axes(1)], "column")
    numbers = array("q", range(dilation)).tobytes()
    offsets = w.constant((f"range_{dilation}", Constant(INT64, (dilation,), numbers)))
    steps = w.add("Add", [column, offsets], "number")
    phase = w.add("Mod", [steps, w.number(dilation)], "phase")
    end = w.add("Add", [phase, w.number(dilation)], "end")
    places = w.add("Min", [steps, end], "places")
    return w.add("Unsqueeze", [places, w.axes(2)], "index")
