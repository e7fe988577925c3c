"""Embeddings of token ids."""

from __future__ import annotations

from typing import Any

from seqrt.contract import X, idioms
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.table import OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Fixed, GraphValue, Ramp


@aten("embedding")
def look_up(g: Emitter, call: OperatorCall, table: Fixed, ids: Any, *_: Any, **__: Any) -> Any:
    """A row of a table for each id in x."""
    if isinstance(ids, Ramp):
        raise Refused(
            "an embedding of positions", "Make the position a feature of x, or leave it out."
        )
    if not isinstance(ids, GraphValue) or ids.name != X:
        raise Refused("an embedding reads ids that are computed", "Give it x itself.")
    data = table.data.expand(table.sizes)
    rows, width = data.shape
    name = g.along_time(idioms.embedding, "embedding", g.const(data), rows, width)
    return GraphValue(name, (*ids.axes, width), (width,))
