"""Reads a saved Keras model into a list of layers with their weights, without Keras."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from seqrt.export.keras.archive import Archive, content_of, open_archive
from seqrt.export.keras.hdf5 import Hdf5, check_installed
from seqrt.export.keras.layer import Arrays, KerasLayer, named, read_layer
from seqrt.export.keras.trial import check_by_trial
from seqrt.export.keras.wiring import all_layers, chain_of

# Where a layer keeps the weights of its parts, in the order in which Keras lists them.
_PARTS = ("cell", "forward_layer", "backward_layer", "layer")
# A group can be a part of itself; no layer has a longer path, in names.
_DEEPEST = 5


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
    places = _places(archive)
    layers = []
    for record in chain_of(archive.config):
        layer = read_layer(record, _arrays(archive, places[named(record)[1]]))
        layers.append(_as_version(layer, archive.keras))
    return KerasModel(tuple(layers), archive.keras)


def _as_version(layer: KerasLayer, version: str) -> KerasLayer:
    """Mark the hard_sigmoid of Keras 2, which has another slope than that of Keras 3."""
    older = version.startswith(("1.", "2."))
    inner = tuple(_as_version(each, version) for each in layer.inner)
    options = layer.options
    if older and options.get("activation") == "hard_sigmoid":
        options = {**options, "activation": "hard_sigmoid_keras2"}
    return replace(layer, options=options, inner=inner)


def _places(archive: Archive) -> dict[str, str]:
    """Return the group of each layer by name: its name in .h5; in .keras its class and a number."""
    records = all_layers(archive.config)
    if archive.legacy:
        return {named(each)[1]: named(each)[1] for each in records}
    seen: Counter[str] = Counter()
    places = {}
    for record in records:
        kind, name, _ = named(record)
        key = _snake(kind)
        places[name] = f"{key}_{seen[key]}" if seen[key] else key
        seen[key] += 1
    return places


def _snake(kind: str) -> str:
    """Return a class name as Keras writes it in paths: SimpleRNN as simple_rnn."""
    plain = re.sub(r"\W+", "", kind)
    plain = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", plain)
    return re.sub("([a-z])([A-Z])", r"\1_\2", plain).lower()


def _arrays(archive: Archive, place: str) -> Arrays:
    """Return the weights of a layer in the order of `layer.weights`."""
    file = archive.weights
    if not archive.legacy:
        return _collected(file, "layers", place)
    group = ("model_weights", place)
    names = file.texts("weight_names", *group)
    if names is None:
        names, part = [], 0
        while more := file.texts(f"weight_names{part}", *group):
            names, part = names + more, part + 1
    return [file.array(*group, *name.split("/")) for name in names if "seed_generator" not in name]


def _collected(file: Hdf5, *path: str) -> Arrays:
    found: list[Any] = []
    names = set(file.names(*path, "vars"))
    while str(len(found)) in names:
        found.append(file.array(*path, "vars", str(len(found))))
    for part in _PARTS if len(path) < _DEEPEST else ():
        if part in file.names(*path):
            found += _collected(file, *path, part)
    return found
