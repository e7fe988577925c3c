"""Open a model file and run it: batches, ragged lists, live streams. Needs numpy, onnxruntime."""

from __future__ import annotations

from seqrt.runtime.model import Model, load
from seqrt.runtime.stream import Stream
from seqrt.runtime.streams import Streams

__all__ = ["Model", "Stream", "Streams", "load"]
