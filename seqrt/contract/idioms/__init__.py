"""Fixed groups of nodes that look along time: export writes them, the guard compares with them.

Outside these groups no node of a graph may count, compare, gather, pad or sum along time, and none
may read `lengths` but a recurrent layer. Each function returns an Idiom: its nodes in order, the
constants that they read, and the names and shapes of what goes in and out.

Shapes: T time, B batch, W width. Values over time are time-major, (T, B, W); a piece of the state
is (1, B, n). Every idiom of a graph has its own number, which is part of the names of its nodes:
`sum.3.total` is the output of the third. `inside` and `count` or `steps` occur at most once.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # importing typing takes longer than this file
if TYPE_CHECKING:
    from typing import Any

    from seqrt.contract.idioms.context import MOST_CONTEXT, taps, windows
    from seqrt.contract.idioms.dilated import interleaved, phases
    from seqrt.contract.idioms.fixed_node import (
        Constant,
        FixedNode,
        Idiom,
        float_constant,
        int_constant,
    )
    from seqrt.contract.idioms.lengths import count, inside, steps
    from seqrt.contract.idioms.one_step import step_from_end, step_from_start
    from seqrt.contract.idioms.over_time import attend, masked, reversed_steps, scores, time_softmax
    from seqrt.contract.idioms.pools import time_max, time_sum
    from seqrt.contract.idioms.tokens import embedding, token_rows

__all__ = [
    "MOST_CONTEXT",
    "Constant",
    "FixedNode",
    "Idiom",
    "attend",
    "count",
    "embedding",
    "float_constant",
    "inside",
    "int_constant",
    "interleaved",
    "masked",
    "phases",
    "reversed_steps",
    "scores",
    "step_from_end",
    "step_from_start",
    "steps",
    "taps",
    "time_max",
    "time_softmax",
    "time_sum",
    "token_rows",
    "windows",
]

_MODULES = (
    *("context", "dilated", "fixed_node", "lengths", "one_step", "over_time", "pools", "tokens"),
)


def __getattr__(name: str) -> Any:
    """Import the idioms at the first use of one (PEP 562): a file of format 1 has none."""
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f"{__name__}.{module}"))
            globals().update({each: found[each] for each in __all__ if each in found})
    if name not in globals():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[name]
