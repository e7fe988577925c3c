"""The idioms of token inputs: a row of a table for each id."""

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


def token_rows(table: str, rows: int, width: int) -> Idiom:
    """Return the nodes that look up x, int64 ids (B, T), in a table (rows, W): (T, B, W).

    Every id outside the table, in the padding too, reads row 0, that of unknown tokens. Alone, a
    Gather would differ by host: onnxruntime on a CPU counts negative ids from the last row, and
    refuses the batch for ids that are too large.
    """
    w = Writer("tokens", 0)
    zero, size = w.number(0), w.number(rows)
    below = w.add("Less", [X, zero], "below")
    inside = w.add("Less", [X, size], "inside")
    beyond = w.add("Not", [inside], "beyond")
    outside = w.add("Or", [below, beyond], "outside")
    ids = w.add("Where", [outside, zero, X], "ids")
    looked_up = w.add("Gather", [table, ids], "rows", axis=0)
    output = w.add("Transpose", [looked_up], "steps", perm=[1, 0, 2])
    idiom = w.idiom({table: (rows, width)}, {output: (TIME, BATCH, width)})
    return idiom._replace(reads={X: (INT64, (BATCH, TIME)), table: (FLOAT, (rows, width))})
