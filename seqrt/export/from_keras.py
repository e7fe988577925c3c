"""Turns a saved Keras model into a proved model file."""

from __future__ import annotations

import os

from seqrt.export.keras import KerasModel, KerasNet, read_keras
from seqrt.export.write import Exported, export


def import_keras(path: str | os.PathLike[str], out: str | os.PathLike[str]) -> Exported:
    """Write the Keras model at `path`, .keras or legacy .h5, to `out` as a proved model file.

    Keras is not needed, and nothing in the file is run. Row i of the result is what Keras computes
    for the steps of row i alone, without padding and without masked steps.

    Raises InputError (E_KERAS_FILE, E_INPUT_FILE) for a damaged or unsafe file, UsageError that
    names the layer and option that cannot be carried over, MissingExtraError without h5py, and what
    `export` raises.
    """
    return write_keras(read_keras(path), out)


def write_keras(model: KerasModel, out: str | os.PathLike[str]) -> Exported:
    """Write a Keras model that was read to `out`; raise what `import_keras` raises."""
    net = KerasNet(model)
    return export(net, out, example=net.example())
