"""What `seqrt export` writes besides the .onnx file."""

from __future__ import annotations
