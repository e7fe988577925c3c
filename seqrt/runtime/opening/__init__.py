"""From a file to a session: read and check its bytes, then open them in onnxruntime."""

from __future__ import annotations
