"""The operators of ONNX that can be imported, each as a function of torch."""

from __future__ import annotations
