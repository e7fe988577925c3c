"""Idioms over all steps of a row: softmax, attention, masks, reversal. None of them can stream."""

from __future__ import annotations

from typing import Final

from seqrt.contract import LENGTHS
from seqrt.contract.idioms.fixed_node import BATCH, LOWEST, MASK, TIME, Idiom, Shape, Size, Writer
from seqrt.contract.onnx_reader import INT64

# The most products, width times queries, that attention may take at each step.
MOST_PRODUCTS: Final = 1 << 16


def masked(
    number: int, value: str, width: int, fill: float = 0.0, *, over_time: bool = True
) -> Idiom:
    """Return the node that replaces value (T, B, W) with `fill` past the end of each row.

    With `over_time` False, `value` is (1, B, W) and is repeated on every step.
    """
    w = Writer("masked", number)
    time: Size = TIME if over_time else 1
    output = w.add("Where", [MASK, value, w.value(fill)], "steps")
    return w.idiom({value: (time, BATCH, width)}, {output: (TIME, BATCH, width)}, masked=True)


def time_softmax(number: int, value: str, width: int) -> Idiom:
    """Return the nodes for the softmax of value (T, B, W) over the steps of each row."""
    w = Writer("softmax", number)
    shape: Shape = (TIME, BATCH, width)
    inside = w.add("Where", [MASK, value, w.value(LOWEST)], "inside")
    output = w.add("Softmax", [inside], "weights", axis=0)
    return w.idiom({value: shape}, {output: shape}, masked=True)


def scores(number: int, value: str, width: int, query: str, queries: int) -> Idiom:
    """Return the nodes for the products of each step with each query: (T, B, K).

    `value` is (T, B, W), `query` (B, W, K).
    """
    w = Writer("scores", number)
    rows = w.add("Transpose", [value], "rows", perm=[1, 0, 2])
    products = w.add("MatMul", [rows, query], "products")
    output = w.add("Transpose", [products], "steps", perm=[1, 0, 2])
    reads: dict[str, Shape] = {value: (TIME, BATCH, width), query: (BATCH, width, queries)}
    return w.idiom(reads, {output: (TIME, BATCH, queries)})


def attend(number: int, weights: str, count: int, value: str, width: int) -> Idiom:
    """Return the nodes for the sums of value (T, B, W) over the steps, weighted: (B, K, W).

    `weights` is (T, B, K), K = `count`.
    """
    w = Writer("attend", number)
    zero = w.value(0.0)
    steps = w.add("Where", [MASK, weights, zero], "weights")
    inside = w.add("Where", [MASK, value, zero], "values")
    columns = w.add("Transpose", [steps], "columns", perm=[1, 2, 0])
    rows = w.add("Transpose", [inside], "rows", perm=[1, 0, 2])
    output = w.add("MatMul", [columns, rows], "sums")
    reads = {weights: (TIME, BATCH, count), value: (TIME, BATCH, width)}
    return w.idiom(reads, {output: (BATCH, count, width)}, masked=True)


def reversed_steps(number: int, value: str, width: int) -> Idiom:
    """Return the nodes that reverse the steps of each row of value (T, B, W)."""
    w = Writer("reversed", number)
    lengths = w.add("Cast", [LENGTHS], "lengths", to=INT64)
    output = w.add("ReverseSequence", [value, lengths], "steps", batch_axis=1, time_axis=0)
    shape: Shape = (TIME, BATCH, width)
    return w.idiom({value: shape}, {output: shape})
