"""Writes a model file as plain C: one step of the network, for devices without onnxruntime."""

from __future__ import annotations

from seqrt.export.to_c.write import ExportedC, export_c

__all__ = ["ExportedC", "export_c"]
