"""Layers that hold other layers, taken apart: models inside a model, and RNN layers of cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from seqrt.export.keras.archive import Archive
from seqrt.export.keras.hdf5 import Hdf5
from seqrt.export.keras.layer import Arrays, named
from seqrt.export.keras.refusal import bad_file, cannot_carry
from seqrt.export.keras.wiring import Record, all_layers, chain_of
from seqrt.export.untrusted import as_ascii

_CELLS = {"LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"}
_MODELS = ("Sequential", "Functional")
# Where a layer keeps the weights of its parts, in the order in which Keras lists them.
_PARTS = ("cell", "forward_layer", "backward_layer", "layer")
# A group can be a part of itself; no layer has a longer path within its own group, in names.
_DEEPEST = 3
_MOST_CELLS, _DEEPEST_MODEL = 100, 4


def units_of(archive: Archive) -> Iterator[tuple[list[Record], Arrays]]:
    """Yield each layer of a chain with its weights, in the order of `layer.weights`.

    One that holds others is yielded as all of them, with the weights of all.
    """
    places = _places(archive.config, legacy=archive.legacy)
    for record in chain_of(archive.config):
        place = places[named(record)[1]]
        records = list(_taken_apart(record))
        if archive.legacy:
            yield records, _legacy_arrays(archive.weights, place, records)
        else:
            yield records, _arrays(archive.weights, record, "layers", place)


def _taken_apart(record: Record, depth: int = 0) -> Iterator[Record]:
    kind, name, _ = named(record)
    if kind in _MODELS:
        if depth == _DEEPEST_MODEL:
            raise bad_file(f"models must be nested at most {_DEEPEST_MODEL} deep")
        for each in chain_of(record):
            yield from _taken_apart(each, depth + 1)
        return
    if kind != "RNN":
        yield record
        return
    cells = _cells_of(record)
    for place, (cell, inner) in enumerate(cells):
        options = {key: value for key, value in record["config"].items() if key != "cell"}
        if place:
            options["go_backwards"] = False
        if place < len(cells) - 1:
            options["return_sequences"] = True
        own = {"name": f"{name}/{inner.get('name', place)}"}
        yield {**cell, "class_name": _CELLS[cell["class_name"]], "config": inner | options | own}


def _cells_of(record: Record) -> list[tuple[Record, Record]]:
    """Return the cells of an RNN layer, each with its options."""
    kind, name, config = named(record)
    place = f"{kind} {as_ascii(name)}"
    whole = config.get("cell")
    cells: Any = [whole]
    if isinstance(whole, dict) and whole.get("class_name") == "StackedRNNCells":
        inner = whole.get("config")
        cells = inner.get("cells") if isinstance(inner, dict) else None
    if not isinstance(cells, list) or not 0 < len(cells) <= _MOST_CELLS:
        raise bad_file(f"{place} must have from 1 to {_MOST_CELLS} cells")
    found = []
    for cell in cells:
        options = cell.get("config") if isinstance(cell, dict) else None
        if not isinstance(options, dict) or not isinstance(cell, dict):
            raise bad_file(f"each cell of {place} must have a class_name and a config")
        if str(cell.get("class_name")) not in _CELLS:
            raise cannot_carry(place, f"its cell {as_ascii(cell.get('class_name'))} is not known")
        found.append((cell, options))
    return found


def _places(config: Record, *, legacy: bool = False) -> dict[str, str]:
    """Return the group of each layer by name: its name in .h5; in .keras its class and a number."""
    records = [named(each) for each in all_layers(config)]
    if legacy:
        return {name: name for _, name, _ in records}
    keys = _numbered([kind for kind, _, _ in records])
    return {name: key for (_, name, _), key in zip(records, keys, strict=True)}


def _numbered(kinds: list[str]) -> list[str]:
    """Return classes as Keras writes them in paths: lstm, lstm_1, simple_rnn."""
    seen: Counter[str] = Counter()
    keys = []
    for kind in kinds:
        plain = re.sub(r"\W+", "", kind)
        plain = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", plain)
        key = re.sub("([a-z])([A-Z])", r"\1_\2", plain).lower()
        keys.append(f"{key}_{seen[key]}" if seen[key] else key)
        seen[key] += 1
    return keys


def _arrays(file: Hdf5, record: Record, *path: str) -> Arrays:
    """Return the weights in a group of a .keras file."""
    kind = named(record)[0]
    if kind in _MODELS:
        places = _places(record)
        inner = [(each, places[named(each)[1]]) for each in chain_of(record)]
        return [a for each, place in inner for a in _arrays(file, each, *path, "layers", place)]
    cells = _cells_of(record) if kind == "RNN" else []
    if len(cells) < 2 and "cells" not in file.names(*path, "cell"):
        return _collected(file, 0, *path)
    keys = _numbered([str(cell["class_name"]) for cell, _ in cells])
    return [a for key in keys for a in _collected(file, 0, *path, "cell", "cells", key)]


def _collected(file: Hdf5, depth: int, *path: str) -> Arrays:
    found: Arrays = []
    names = set(file.names(*path, "vars"))
    while str(len(found)) in names:
        found.append(file.array(*path, "vars", str(len(found))))
    for part in _PARTS if depth < _DEEPEST else ():
        if part in file.names(*path):
            found += _collected(file, depth + 1, *path, part)
    return found


def _legacy_arrays(file: Hdf5, place: str, records: list[Record]) -> Arrays:
    """Return the weights of a layer of a .h5 file, as its list of names orders them."""
    kinds = {named(each)[0] for each in records}
    if len(records) > 1 and kinds & {"BatchNormalization", "Normalization"}:
        raise cannot_carry(
            as_ascii(place),
            "a model with a BatchNormalization inside a .h5 file has its weights in another order",
            "Save the model as .keras.",
        )
    group = ("model_weights", place)
    names = file.texts("weight_names", *group)
    if names is None:
        names, part = [], 0
        while more := file.texts(f"weight_names{part}", *group):
            names, part = names + more, part + 1
    return [file.array(*group, *name.split("/")) for name in names if "seed_generator" not in name]
