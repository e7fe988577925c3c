"""Weights stored in fewer bytes: the nodes that make float32 of them, before all others.

    fp16    W.fp16 -> Cast -> W
    int8    W.int8 -> Cast -> W.whole, which Mul multiplies by W.scale -> W

Hosts that fold constants do this once, when they load the file. Every other node reads W, as if it
were stored as float32.
"""

from __future__ import annotations

from seqrt.contract.onnx_reader import FLOAT, FLOAT16, INT8, SIZES

TYPE_CHECKING = False  # importing typing takes longer than this file
if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqrt.contract.idioms.fixed_node import FixedNode

# ONNX's type of the numbers of each form, and how many times larger they are as float32.
STORED_AS = {"fp16": FLOAT16, "int8": INT8}
TIMES_LARGER = {"float32": 1, "fp16": 2, "int8": 4}

# The scales of int8 are in this range, so that no product leaves that of float32.
SMALLEST_SCALE, LARGEST_SCALE = 2.0**-126, 2.0**120

# The inputs of the nodes that may read the weights.
PLACES = {"MatMul": (1,), "RNN": (1, 2), "GRU": (1, 2), "LSTM": (1, 2), "Gather": (0,)}


def chain(name: str, weights: str) -> list[FixedNode]:
    """Return the nodes that make the weights `name` from those stored as `weights`."""
    from seqrt.contract.idioms.fixed_node import FixedNode

    if weights == "fp16":
        return [FixedNode("Cast", (f"{name}.fp16",), name, {"to": FLOAT})]
    whole = f"{name}.whole"
    return [
        FixedNode("Cast", (f"{name}.int8",), whole, {"to": FLOAT}),
        FixedNode("Mul", (whole, f"{name}.scale"), name, {}),
    ]


def stored_sizes(weights: str) -> Mapping[int, int]:
    """Return the bytes of a number of each type that the constants of a file may have."""
    if weights not in STORED_AS:
        return SIZES
    return {**SIZES, STORED_AS[weights]: 4 // TIMES_LARGER[weights]}
