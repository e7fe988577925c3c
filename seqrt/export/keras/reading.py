"""Reads a saved Keras model into a list of layers with their weights, without Keras."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from seqrt.export.keras.archive import content_of, open_archive
from seqrt.export.keras.hdf5 import check_installed
from seqrt.export.keras.layer import KerasLayer, read_layers
from seqrt.export.keras.nesting import units_of
from seqrt.export.keras.trial import check_by_trial


@dataclass(frozen=True)
class KerasModel:
    """A saved model that is a chain of layers, in the order in which they are applied."""

    layers: tuple[KerasLayer, ...]
    keras: str

    def notes(self) -> list[str]:
        """Return what a user of the imported file must know about masks and padding."""
        said = []
        for layer in self.layers:
            if layer.kind == "Masking":
                value = layer.options["mask_value"]
                said.append(f"Keras skips steps of nothing but {value:g}; give rows without them")
            if layer.kind == "Embedding" and layer.options["mask_zero"]:
                said.append("Keras skips the token 0; give rows without it")
            elif layer.kind == "Embedding":
                said.append("there is no mask: if Keras was trained on padded rows, pad them alike")
        return said


def read_keras(path: str | os.PathLike[str]) -> KerasModel:
    """Return the layers of a .keras or legacy .h5 file. Nothing in the file is run or imported.

    Raises InputError (E_KERAS_FILE, E_INPUT_FILE) for a file that is damaged or unsafe, UsageError
    that names the layer and the option that cannot be carried over, MissingExtraError without h5py.
    """
    check_installed()
    content = content_of(path)
    check_by_trial(content)
    return read_content(content)


def read_content(content: bytes) -> KerasModel:
    """Return the layers of a file whose bytes these are, without a trial in another process."""
    archive = open_archive(content)
    layers = []
    for records, arrays in units_of(archive):
        layers += [_as_version(layer, archive.keras) for layer in read_layers(records, arrays)]
    return KerasModel(tuple(layers), archive.keras)


def _as_version(layer: KerasLayer, version: str) -> KerasLayer:
    """Mark the hard_sigmoid of Keras 2, which has another slope than that of Keras 3."""
    older = version.startswith(("1.", "2."))
    inner = tuple(_as_version(each, version) for each in layer.inner)
    options = layer.options
    for name in ("activation", "recurrent_activation"):
        if older and options.get(name) == "hard_sigmoid":
            options = {**options, name: "hard_sigmoid_keras2"}
    return replace(layer, options=options, inner=inner)
