"""Exports a network as one ONNX file that carries its own proof; needs onnx and torch."""

from __future__ import annotations

from seqrt.errors import MissingExtraError

try:
    from seqrt.export.from_keras import import_keras
    from seqrt.export.from_onnx import ImportedOnnx, import_onnx
    from seqrt.export.to_c.write import ExportedC, export_c
    from seqrt.export.write import Exported, export, shrink
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("onnx", "torch", "safetensors"):
        raise
    raise MissingExtraError(
        f"export needs {error.name}. Install it with: pip install 'seqrt[train,cpu]'"
    ) from None

__all__ = [
    "Exported",
    "ExportedC",
    "ImportedOnnx",
    "export",
    "export_c",
    "import_keras",
    "import_onnx",
    "shrink",
]
