"""Recurrent layers: one node of the graph for each layer and depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqrt.contract import LENGTHS, idioms
from seqrt.contract.manifest import STATE_PARTS
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.recurrent import RecurrentCall
from seqrt.export.foreign.operators.table import OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import NotStreamable, Refused, RunsOverBatch
from seqrt.export.foreign.values import B, Ends, Fixed, GraphValue, described


@aten("layer")
def layer(
    g: Emitter,
    call: OperatorCall,
    x: Any,
    h: Any,
    c: Any,
    weights: list[Any],
    mode: str,
    hidden: int,
    out: int,
    directions: int,
    depth: int,
    bias: bool,
    batch_first: bool,
) -> Any:
    """nn.RNN, nn.LSTM or nn.GRU: its output, h and c."""
    x = g.exact(g.value(x))
    kind = mode.split("_", maxsplit=1)[0].split(maxsplit=1)[0]
    module = call.module or f"nn.{kind}"
    rows, time = (0, 1) if batch_first else (1, 0)
    if x.axes[rows] != "B":
        raise RunsOverBatch(
            f"{module} has batch_first={batch_first} and so runs over axis {time} of"
            f" {described(x.sizes)}, the batch: rows would mix",
            f"Set batch_first={not batch_first}.",
        )
    steps = 0 if x.axes[time] == "T" else int(x.axes[time])
    tensors = [_weight(each) for each in weights]
    cell: Any = kind.lower()
    whole = RecurrentCall(cell, mode, hidden, out, directions, depth, bias, steps, module, tensors)
    if directions == 2 and not steps:
        g.not_streamable(f"{module} is bidirectional")
    value = x
    ends: list[list[GraphValue]] = [[], []]
    for number in range(depth):
        starts = [(h, "h"), (c, "c")][: len(STATE_PARTS[cell])]
        value, new = _one_layer(g, whole, number, value, starts)
        for parts, more in zip(ends, new, strict=False):
            parts += more
    y = GraphValue(value.name, (*x.axes[:2], out * directions), value.real, end=value.end)
    sizes = (depth * directions, B)
    return [
        y,
        Ends(tuple(ends[0]), (*sizes, out)),
        Ends(tuple(ends[1] or ends[0]), (*sizes, hidden)),
    ]


def _weight(fixed: Any) -> Tensor:
    if not isinstance(fixed, Fixed):
        raise Refused("the weights of a recurrent layer are computed from x")
    return fixed.data.expand(fixed.sizes).detach().double()


def _one_layer(
    g: Emitter, s: RecurrentCall, depth: int, x: GraphValue, starts: list[tuple[Any, str]]
) -> tuple[GraphValue, list[list[GraphValue]]]:
    """Write one layer; return its output (T, B, W) or (B, steps, W), and its ends by part."""
    w, r, b, projections = s.onnx_weights(depth)
    begun = [_start(g, s, depth, what, of, projections) for of, what in starts]
    if any(name for name, _ in begun):
        begun = [(name or _zeros(g, s), piece) for name, piece in begun]
    attributes: dict[str, Any] = {
        "direction": "bidirectional" if s.directions == 2 else "forward",
        "hidden_size": s.hidden,
    }
    if s.cell == "rnn":
        activation = s.layer().nonlinearity.capitalize()
        attributes["activations"] = [activation] * s.directions
    if s.cell == "gru":
        # Keras can apply the reset gate to the state, before its product; torch never does.
        attributes["linear_before_reset"] = int("_RESET_BEFORE" not in s.mode)
    if s.activations:
        attributes["activations"] = list(s.activations) * s.directions
    name = f"layer{len(g.layers)}"
    inputs = [_steps_first(g, s, x), *(g.const(each) for each in (w, r, b))]
    inputs += ["" if s.steps else LENGTHS, *(start for start, _ in begun if start)]
    outputs = [f"{name}_steps", *(f"{name}_{part}_end" for part in STATE_PARTS[s.cell])]
    g.append(s.cell.upper(), inputs, outputs, **attributes)
    g.layers[outputs[0]] = s.layer()
    for (_, piece), end in zip(begun, outputs[1:], strict=True):
        if piece:
            piece.end = end
    h_ends = _ends(g, s, outputs[1], projections)
    c_ends = _ends(g, s, outputs[2], []) if s.cell == "lstm" else []
    return _output(g, s, outputs[0], h_ends, projections), [h_ends, c_ends]


def _steps_first(g: Emitter, s: RecurrentCall, x: GraphValue) -> str:
    if not s.steps:
        return g.flat(x)
    width = x.width // s.steps
    if s.steps == 1:
        return g.unsqueezed(g.flat(x))
    return g.node("Transpose", g.laid(x, s.steps, width), perm=[1, 0, 2])


def _output(
    g: Emitter, s: RecurrentCall, steps: str, ends: list[GraphValue], projections: list[Tensor]
) -> GraphValue:
    width = s.hidden * s.directions
    if s.steps == 1 and s.directions == 1:
        return GraphValue(ends[0].name, ("B", 1, s.out), (s.out,))
    if s.directions == 1:
        name = g.node("Squeeze", steps, g.integers(1))
    else:
        turned = g.node("Transpose", steps, perm=[0, 2, 1, 3])
        name = g.node("Reshape", turned, g.integers(0, 0, -1))
    if projections:
        name = g.node("MatMul", name, g.const(torch.block_diag(*projections).T))
        width = s.out * s.directions
    if s.steps:
        name = g.node("Transpose", name, perm=[1, 0, 2])
        return GraphValue(name, ("B", s.steps, width), (s.steps, width))
    end = ends[0].name if s.directions == 1 else ""
    return GraphValue(name, ("T", "B", width), (width,), end=end)


def _ends(g: Emitter, s: RecurrentCall, end: str, projections: list[Tensor]) -> list[GraphValue]:
    """Return what each direction ended with, (B, H)."""
    names = [end]
    if s.directions == 2:
        names = [f"{end}_forward", f"{end}_backward"]
        g.append("Split", [end, g.integers(1, 1)], names, axis=0)
    if projections:
        matrices = [g.const(matrix.T) for matrix in projections]
        names = [g.node("MatMul", *both) for both in zip(names, matrices, strict=True)]
    width = s.out if projections else s.hidden
    rows = [g.squeezed(name) for name in names]
    if s.directions == 2 and not projections:
        g.halves |= {name: (end, place) for place, name in enumerate(rows)}
    return [GraphValue(name, ("B", width), (width,)) for name in rows]


def _start(
    g: Emitter, s: RecurrentCall, depth: int, what: str, of: Any, projections: list[Tensor]
) -> tuple[str, Any]:
    """Return the name of a start state (directions, B, H), "" for zeros, and its piece."""
    first, last = depth * s.directions, (depth + 1) * s.directions
    if not isinstance(of, Fixed):
        return _computed_start(g, s, slice(first, last), of, projections), None
    zero = not bool(of.data.any())
    name, piece = "", None
    if g.streaming and not s.steps:
        kind: Any = what
        piece = g.carry(kind, s.hidden)
        name = piece.start
    if zero:
        return name, piece
    data = of.data.double()
    data = data if data.shape[0] == 1 else data[first:last]
    data = data.expand(s.directions, *data.shape[1:])
    if projections and what == "h":
        # Any g with W_hr g = h is a start for the same outputs.
        pairs = zip(data, projections, strict=True)
        data = torch.stack([h @ torch.linalg.pinv(matrix).T for h, matrix in pairs])
    constant = g.const(data.expand(*data.shape[:2], s.hidden))
    if piece:
        fresh = g.unsqueezed(g.fresh())
        return g.node("Add", name, g.node("Mul", fresh, constant)), piece
    return g.node("Add", _no_rows(g), constant), None


def _no_rows(g: Emitter) -> str:
    """Return zeros (1, B, 1)."""
    count = g.once("count", lambda: g.idiom(idioms.count()))
    return g.unsqueezed(g.node("Mul", count, g.const(0.0)))


def _zeros(g: Emitter, s: RecurrentCall) -> str:
    """Return zeros (directions, B, H)."""
    return g.node("Add", _no_rows(g), g.const(np.zeros((s.directions, 1, s.hidden))))


def _computed_start(
    g: Emitter, s: RecurrentCall, places: slice, of: Any, projections: list[Tensor]
) -> str:
    if projections:
        raise Refused(
            f"{s.name} has proj_size and starts from a state that is computed",
            "Leave out proj_size and put an nn.Linear after the layer.",
        )
    if g.streaming and not s.steps:
        raise NotStreamable(f"{s.name} starts from a state that is computed from x")
    if isinstance(of, Ends):
        parts = [g.flat(part) for part in of.parts[places]]
    else:
        value = g.exact(g.value(of))
        if value.axes[1] != "B":
            raise Refused(f"{s.name} starts from a state of {described(value.sizes)}")
        count = int(value.axes[0])
        whole = g.laid(value, count, s.hidden)
        rows = [g.integers(n) for n in range(count)]
        ends = [g.integers(n + 1) for n in range(count)]
        cut = [
            g.node("Slice", whole, rows[i], ends[i], g.integers(1)) if count > 1 else whole
            for i in range(count)
        ][places]
        parts = [g.node("Squeeze", each, g.integers(1)) for each in cut]
    rows = [g.unsqueezed(part) for part in parts]
    return rows[0] if len(rows) == 1 else g.node("Concat", *rows, axis=0)


@aten("cell")
def cell(
    g: Emitter,
    call: OperatorCall,
    x: Any,
    h: Any,
    c: Any,
    weights: list[Any],
    mode: str,
    hidden: int,
    bias: bool,
) -> Any:
    """nn.LSTMCell, nn.GRUCell or nn.RNNCell outside a loop over time: a layer over one step."""
    value = g.exact(g.value(x))
    if value.axes[0] != "B":
        raise Refused(
            f"{call.module or 'a cell'} reads all steps at once",
            "Call it in a loop over time.",
        )
    steps = GraphValue(value.name, ("B", 1, value.width), value.real)
    starts = [_as_end(each, hidden) for each in (h, c)]
    more = (weights, mode, hidden, hidden, 1, 1, bias, True)
    _, h_end, c_end = layer(g, call, steps, *starts, *more)
    return [h_end.parts[0], c_end.parts[0]]


def _as_end(state: Any, hidden: int) -> Any:
    if isinstance(state, Fixed):
        return Fixed(state.data.reshape(1, *state.data.shape[-2:]), (1, B, hidden))
    return Ends((state,), (1, B, hidden))
