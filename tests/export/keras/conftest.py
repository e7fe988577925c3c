"""Builds Keras files by hand, so that a test can make any part of them wrong."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import h5py
import numpy as np
import pytest

METADATA = {"keras_version": "3.15.1"}


def record(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}}


class KerasFile:
    """A Sequential model of one LSTM and one Dense layer; change any part, then `write` it."""

    def __init__(self) -> None:
        lstm = {"units": 4, "activation": "tanh", "recurrent_activation": "sigmoid"}
        self.layers = [record("LSTM", "lstm", **lstm), record("Dense", "dense", units=1)]
        self.config: dict[str, Any] = {
            "class_name": "Sequential",
            "config": {"layers": self.layers},
        }
        self.members: dict[str, bytes | None] = {}
        self.compression = zipfile.ZIP_STORED
        rng = np.random.default_rng(0)
        self.arrays: dict[str, Any] = {
            "layers/lstm/cell/vars/0": rng.normal(0, 0.3, (2, 16)).astype(np.float32),
            "layers/lstm/cell/vars/1": rng.normal(0, 0.3, (4, 16)).astype(np.float32),
            "layers/lstm/cell/vars/2": np.zeros(16, np.float32),
            "layers/dense/vars/0": rng.normal(0, 0.3, (4, 1)).astype(np.float32),
            "layers/dense/vars/1": np.zeros(1, np.float32),
        }

    def hdf5(self, change: Any = None) -> bytes:
        held = io.BytesIO()
        with h5py.File(held, "w") as file:
            for place, array in self.arrays.items():
                file[place] = array
            if change:
                change(file)
        return held.getvalue()

    def write(self, path: Any, change: Any = None) -> Any:
        members = {
            "metadata.json": json.dumps(METADATA).encode(),
            "config.json": json.dumps(self.config).encode(),
            "model.weights.h5": self.hdf5(change),
            **self.members,
        }
        with zipfile.ZipFile(path, "w", self.compression) as archive:
            for name, content in members.items():
                if content is not None:
                    archive.writestr(name, content)
        return path


@pytest.fixture
def keras_file():
    return KerasFile()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.keras"
