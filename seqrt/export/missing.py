"""The policy for missing values, written into a graph: its nodes are those of the contract."""

from __future__ import annotations

import numpy as np

from seqrt.contract.manifest import Missing
from seqrt.contract.missing import policy
from seqrt.contract.onnx_file import FLOAT
from seqrt.export.nodes import Nodes


def fill(graph: Nodes, u: str, missing: Missing, *, streamable: bool) -> tuple[str, list[str]]:
    """Append what fills u (B, T, D); return what the first layer reads, and what is carried on."""
    if missing == "error":
        return u, []
    written = policy(missing, u, streamable=streamable)
    for name, constant in written.constants.items():
        kind = "<f4" if constant.kind == FLOAT else "<i8"
        graph.constant(name, np.frombuffer(constant.data, kind).reshape(constant.shape))
    for step in written.steps:
        graph.add(step.operator, list(step.inputs), step.output, **step.attributes)
    return written.filled, [written.known] if written.known else []
