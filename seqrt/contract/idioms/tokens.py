"""The idiom of token inputs: a row of a table for each id."""

from __future__ import annotations

from seqrt.contract import X
from seqrt.contract.idioms.fixed_node import BATCH, TIME, Idiom, Writer
from seqrt.contract.onnx_reader import FLOAT, INT64


def embedding(number: int, table: str, rows: int, width: int) -> Idiom:
    """Return the nodes that look up x, int64 ids (B, T), in a table (rows, W): (T, B, W).

    No id reaches outside the table: the runtime refuses such an id, and the graph reads the first
    or the last row for those in the padding.
    """
    w = Writer("embedding", number)
    ids = w.add("Clip", [X, w.number(0), w.number(rows - 1)], "ids")
    looked_up = w.add("Gather", [table, ids], "rows", axis=0)
    output = w.add("Transpose", [looked_up], "steps", perm=[1, 0, 2])
    idiom = w.idiom({table: (rows, width)}, {output: (TIME, BATCH, width)})
    return idiom._replace(reads={X: (INT64, (BATCH, TIME)), table: (FLOAT, (rows, width))})
