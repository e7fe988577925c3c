"""Fixtures for files with small weights: what they store, as float64."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper


@pytest.fixture
def stored():
    """Return the weights that a file stores, by name, as the numbers that they stand for."""

    def read(path):
        tensors = {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in onnx.load(path).graph.initializer
        }
        found = {}
        for name, values in tensors.items():
            if name.endswith(".fp16"):
                found[name.removesuffix(".fp16")] = values.astype(np.float64)
            if name.endswith(".int8"):
                name = name.removesuffix(".int8")
                found[name] = values.astype(np.float64) * tensors[f"{name}.scale"]
        return found

    return read
