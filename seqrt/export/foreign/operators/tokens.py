"""What is read from a table by token id: embeddings, one-hot vectors, masks such as x != 0."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqrt.contract import X, idioms
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.operators.table import OperatorCall, aten
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.values import Axis, Fixed, GraphValue, Ramp

# A table of one-hot vectors has as many rows as columns: 16 MB.
_MOST_CLASSES = 2048


@aten("embedding")
def look_up(g: Emitter, call: OperatorCall, table: Fixed, ids: Any, *_: Any, **__: Any) -> Any:
    """A row of a table for each id in x."""
    if isinstance(ids, Ramp):
        raise Refused(
            "an embedding of positions", "Make the position a feature of x, or leave it out."
        )
    if not isinstance(ids, GraphValue) or ids.name != X:
        raise Refused("an embedding reads ids that are computed", "Give it x itself.")
    return _rows(g, table.data.expand(table.sizes), ids.axes)


@aten("one_hot")
def one_hot_rows(g: Emitter, call: OperatorCall, ids: Any, classes: int) -> Any:
    """1 at the place of each id, 0 elsewhere."""
    if not isinstance(ids, GraphValue) or ids.name != X:
        raise Refused("F.one_hot reads ids that are computed", "Give it x itself.")
    if classes > _MOST_CLASSES:
        raise Refused(
            f"F.one_hot of {classes:,} classes, where a file takes {_MOST_CLASSES:,}",
            "Use nn.Embedding.",
        )
    return _rows(g, torch.eye(classes), ids.axes)


def compared(g: Emitter, call: OperatorCall, ids: GraphValue, test: Any, other: Any) -> GraphValue:
    """Return a mask (1 or 0) of the ids that fulfil `test`, such as torch.ne, with constants."""
    constants = other.data.expand(other.sizes) if isinstance(other, Fixed) else torch.tensor(other)
    numbers = constants.reshape(1, -1)
    beside = ids.axes[-1] if isinstance(ids.axes[-1], int) else 0
    if numbers.shape[1] > 1 and beside != 1:
        raise Refused("ids are compared with several numbers", "Use F.one_hot, or one number.")
    axes = ids.axes[:-1] if beside else ids.axes
    found: Tensor = test(torch.arange(g.tokens).reshape(-1, 1), numbers)
    mask = _rows(g, found, axes)
    mask = mask if beside else mask.viewed(*axes)
    g.masks.add(mask.name)
    return mask


def _rows(g: Emitter, table: Tensor, axes: tuple[Axis, ...]) -> GraphValue:
    rows, width = table.shape
    name = g.along_time(idioms.embedding, "embedding", g.const(table.double()), rows, width)
    return GraphValue(name, (*axes, width), (width,))
