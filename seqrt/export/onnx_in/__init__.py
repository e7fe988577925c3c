"""Reads ONNX files of other exporters: graph, operators, a module of torch, the original."""

from __future__ import annotations

from seqrt.export.onnx_in.graph import OnnxGraph, read_graph
from seqrt.export.onnx_in.net import OnnxNet
from seqrt.export.onnx_in.original import Original

__all__ = ["OnnxGraph", "OnnxNet", "Original", "read_graph"]
