"""The file format: what export writes and the runtime reads.

Training and runtime share nothing but the model file, and only this package describes that file:
the names of its tensors, the manifest, the seal, and the guard that checks a file before it runs.
"""

from __future__ import annotations

from typing import Final

from seqrt.contract.columns import Column, Input, TimeColumn
from seqrt.contract.manifest import (
    FORMAT,
    NEWEST_FORMAT,
    Carry,
    Layer,
    Manifest,
    OutputHead,
)
from seqrt.contract.measured import Gradient, Memory, Parity, Rounding
from seqrt.contract.seal import seal

# The newest ONNX that seqrt writes. README.md says which hosts read it.
OPSET: Final = 17
IR_VERSION: Final = 8

# Names of the graph's inputs and outputs.
X: Final = "x"
LENGTHS: Final = "lengths"
STATE: Final = "state"
Y: Final = "y"
STATE_OUT: Final = "state_out"

# A network has forgotten its start once predictions from different states agree this closely, in
# units of each output's own scale: far less than the error of a trained network.
MEMORY_TOLERANCE: Final = 1e-3

# Keys of the file's metadata records.
MANIFEST_KEY: Final = "seqrt.manifest"
PROOF_KEY: Final = "seqrt.proof"

__all__ = [
    "FORMAT",
    "IR_VERSION",
    "LENGTHS",
    "MANIFEST_KEY",
    "MEMORY_TOLERANCE",
    "NEWEST_FORMAT",
    "OPSET",
    "PROOF_KEY",
    "STATE",
    "STATE_OUT",
    "Carry",
    "Column",
    "Gradient",
    "Input",
    "Layer",
    "Manifest",
    "Memory",
    "OutputHead",
    "Parity",
    "Rounding",
    "TimeColumn",
    "X",
    "Y",
    "seal",
]
