"""Open a model file and run it on batches, ragged lists and live streams.

Needs numpy and onnxruntime.
"""

from __future__ import annotations

from seqrt.runtime.live.stream import Stream
from seqrt.runtime.live.streams import Streams
from seqrt.runtime.loading import load
from seqrt.runtime.model import Model

__all__ = ["Model", "Stream", "Streams", "load"]
