"""Idioms that pick one step of each row, counted from its end or from its start."""

from __future__ import annotations

from seqrt.contract import LENGTHS
from seqrt.contract.idioms.fixed_node import BATCH, TIME, Idiom, Writer


def step_from_end(number: int, value: str, width: int, back: int = 1) -> Idiom:
    """Return the nodes for the step `back` before the end of each row, 1 for the last: (B, W).

    `value` is (T, B, W). A row must have `back` steps. Only the last step can be streamed.
    """
    w = Writer("last", number)
    rows = w.add("Transpose", [value], "rows", perm=[1, 0, 2])
    output = w.add("GatherND", [rows, w.lengths(LENGTHS, back)], "step", batch_dims=1)
    return w.idiom({value: (TIME, BATCH, width)}, {output: (BATCH, width)}, least=back)


def step_from_start(number: int, value: str, width: int, at: int = 0) -> Idiom:
    """Return the node for step `at` of each row, 0 for the first: (B, W); it cannot be streamed.

    `value` is (T, B, W). A row must have `at` + 1 steps.
    """
    w = Writer("first", number)
    output = w.add("Gather", [value, w.number(at)], "step", axis=0)
    return w.idiom({value: (TIME, BATCH, width)}, {output: (BATCH, width)}, least=at + 1)
