"""Reads models that Keras saved, without Keras; needs h5py."""

from __future__ import annotations

from seqrt.export.keras.net import KerasNet
from seqrt.export.keras.reading import KerasModel, read_keras

__all__ = ["KerasModel", "KerasNet", "read_keras"]
