"""The ONNX graph of a stack: one file for each kind of node."""

from __future__ import annotations
