"""What export promises and the runtime relies on: names, manifest, seal.

The two halves of seqrt meet only in the file, and the file is described only here.
"""

from __future__ import annotations

from typing import Final

from seqrt.contract.manifest import Column, Gradient, Layer, Manifest, Memory, Parity
from seqrt.contract.seal import seal

FORMAT: Final = 1
OPSET: Final = 17
IR_VERSION: Final = 8

X: Final = "x"
LENGTHS: Final = "lengths"
STATE: Final = "state"
Y: Final = "y"
STATE_OUT: Final = "state_out"

# Starts are forgotten when answers agree so far, in units of each output's own scale: far less than
# what a trained network is wrong by.
MEMORY_TOLERANCE: Final = 1e-3

MANIFEST_KEY: Final = "seqrt.manifest"
PROOF_KEY: Final = "seqrt.proof"

__all__ = [
    "FORMAT",
    "IR_VERSION",
    "LENGTHS",
    "MANIFEST_KEY",
    "MEMORY_TOLERANCE",
    "OPSET",
    "PROOF_KEY",
    "STATE",
    "STATE_OUT",
    "Column",
    "Gradient",
    "Layer",
    "Manifest",
    "Memory",
    "Parity",
    "X",
    "Y",
    "seal",
]
