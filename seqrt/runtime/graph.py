"""Holding the graph of a model against its own manifest."""

from __future__ import annotations

from typing import Any

from seqrt.contract import LENGTHS, STATE, STATE_OUT, Manifest, X, Y
from seqrt.errors import ModelError


def check_graph(session: Any, manifest: Manifest) -> None:
    """Raise ModelError unless the graph takes and gives what the manifest says."""
    features, outputs, size = len(manifest.features), len(manifest.outputs), manifest.state_size
    steps = ["batch", "time", outputs] if manifest.head == "sequence" else ["batch", outputs]
    takes = [
        (X, ["batch", "time", features], "tensor(float)"),
        (LENGTHS, ["batch"], "tensor(int32)"),
    ]
    gives = [(Y, steps, "tensor(float)")]
    if manifest.streamable:
        takes.append((STATE, ["batch", size], "tensor(float)"))
        gives.append((STATE_OUT, ["batch", size], "tensor(float)"))
    for what, wanted, found in (
        ("take", takes, session.get_inputs()),
        ("give", gives, session.get_outputs()),
    ):
        got = [(node.name, node.shape, node.type) for node in found]
        if got != wanted:
            raise ModelError(
                f"E_MODEL_GRAPH: by its manifest the graph must {what} {wanted}, it does {got}."
                " Export the model again."
            )
