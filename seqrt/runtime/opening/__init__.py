"""From bytes to a session: the file is read and checked, onnxruntime opened on a device."""

from __future__ import annotations
