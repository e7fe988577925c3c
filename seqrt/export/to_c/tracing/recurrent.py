"""Recurrent nodes: one step of a layer, or the fixed number of steps of a decoder."""

from __future__ import annotations

from typing import Final

import numpy as np

from seqrt.contract.manifest import GATES, STATE_PARTS, Cell
from seqrt.export.to_c.layers import Direction, LayerStep
from seqrt.export.to_c.places import Array, Buffer, Live, Places
from seqrt.export.to_c.tracing.values import Operations, Rule, StepNode, Traced, known

_SLOTS: Final = {"rnn": 1, "lstm": 4, "gru": 4}
_STARTS: Final = 5


def _recurrent(to: Operations, node: StepNode, inputs: list[Traced]) -> list[Traced]:
    """Append a layer; return Y, and the last h and c."""
    cell: Cell = node.operator.lower()  # type: ignore[assignment]  # RULES has only cells
    w, r, b = (each for each in inputs[1:4] if known(each))
    steps, (ways, units) = to.places(inputs[0]).shape[0], (len(r), r.shape[2])
    starts: list[Places | None] = [to.run(start) for start in inputs[_STARTS:]]
    ends = [to.memory.buffer("work", ways * units) for _ in STATE_PARTS[cell]]
    every = to.memory.buffer("work", steps * ways * units) if steps > 1 else None
    after = bool(node.attributes.get("linear_before_reset", 0))
    layer = LayerStep(
        cell=cell,
        name=node.outputs[0] or node.outputs[1],
        directions=_directions(cell, w, r, b, node.attributes["direction"]),
        x=to.run(inputs[0]),
        steps=steps,
        starts=starts or [None] * len(ends),
        ends=ends,
        every=every,
        scratch=to.memory.buffer("work", _SLOTS[cell] * units),
        activations=_functions(cell, node.attributes.get("activations")),
        reset_after=after,
        scratch_of_r=to.memory.buffer("work", units) if cell == "gru" and not after else None,
    )
    to.append(layer)
    return [_every(layer, ways, units), *(_last(end, ways) for end in ends)]


def _last(end: Buffer, ways: int) -> Live:
    return Live(end.places.reshape(ways, 1, -1))


def _every(layer: LayerStep, ways: int, units: int) -> Live:
    places = (layer.every or layer.ends[0]).places
    return Live(places.reshape(layer.steps, ways, 1, units))


def _directions(cell: Cell, w: Array, r: Array, b: Array, direction: str) -> list[Direction]:
    gates, ways = GATES[cell], len(r)
    reverse = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    found = []
    for way in range(ways):
        b_x, b_h = np.split(b[way].astype(np.float32), 2)
        w_way, r_way = (m[way].astype(np.float32).reshape(gates, -1, m.shape[2]) for m in (w, r))
        biases = b_x.reshape(gates, -1), b_h.reshape(gates, -1)
        found.append(Direction(w_way, r_way, *biases, reverse[way]))
    return found


def _functions(cell: Cell, names: list[str] | None) -> tuple[str, str]:
    """Return the C names of the functions of the gates and of the rest."""
    if names is None:
        return "sigmoid", "tanh"
    lower = [name.lower() for name in names]
    return ("sigmoid", lower[0]) if cell == "rnn" else (lower[0], lower[1])


RULES: Final[dict[str, Rule]] = dict.fromkeys(("RNN", "GRU", "LSTM"), _recurrent)
