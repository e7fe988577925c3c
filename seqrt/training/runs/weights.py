"""The weights file of a run: its network, and where that comes from.

The header of best.safetensors holds the configuration of the network and its metadata, except for
the name and the digests of the data. Those are in run.toml beside it, so that the same numbers
train the same file whatever they are stored in.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from seqrt.contract import Column, Input, TimeColumn
from seqrt.contract.text import Text
from seqrt.data.readers.source import name_of
from seqrt.errors import ModelError, UsageError
from seqrt.files import write_bytes
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.network import LATER, Network
from seqrt.training.networks.weights_file import DAMAGE, pack, reason, unpack
from seqrt.training.runs.folder import WEIGHTS, record_or_empty

# The newest format that is read. A network with options that older versions do not know has it, so
# that they ask for an upgrade; all others have format 1.
FORMAT: Final = 2

Trained = Network | Forecaster

# What the header calls a forecaster; without a kind, the file holds a Network.
_FORECASTER: Final = "forecaster"

# The metadata that run.toml has, with what stands for it where there is no run.toml.
_ORIGIN: Final = {"name": Metadata.name, "data_sha256": None, "earlier_data": ()}


def save_weights(net: Trained, folder: Path) -> None:
    """Write the weights of `net`, with its configuration and metadata in the header."""
    about = {name: value for name, value in asdict(net.metadata).items() if name not in _ORIGIN}
    for later in ("quantiles", "wide", "text"):
        if not about[later]:
            del about[later]  # the bytes of other networks are those of versions without it
    config = net.config()
    forecasts = isinstance(net, Forecaster)
    newer = forecasts or config.keys() & LATER.keys() or config["cell"] == "mingru"
    header = {
        "format": FORMAT if newer else 1,
        "architecture": config,
        "about": about,
        **({"kind": _FORECASTER} if forecasts else {}),
    }
    write_bytes(folder / WEIGHTS, pack(net.state_dict(), header))


def load_run(path: str | Path) -> Trained:
    """Return the network of a run with its best weights, from its folder or its weights file.

    Raises UsageError if there is no run, ModelError if its weights are damaged.
    """
    weights = weights_path(path)
    return network_of(weights.read_bytes(), weights)


def with_origin(path: str | Path) -> bytes:
    """Return the weights file of a run with the name and the digests of its data in the header.

    Raises UsageError if there is no run, ModelError if its weights are damaged.
    """
    weights = weights_path(path)
    data = weights.read_bytes()
    network_of(data, weights)  # to raise if it is damaged
    tensors, header = unpack(data, weights, FORMAT)
    return pack(tensors, header | {"about": _with_origin(header["about"], weights)})


def weights_path(path: str | Path) -> Path:
    """Return the weights file of a run, given its folder or the file; UsageError if none exists."""
    path = Path(path)
    weights = path / WEIGHTS if path.is_dir() else path
    if not weights.is_file():
        raise UsageError(
            f"{path} must be a run folder or its weights file, but {weights} does not exist."
            " Train a run with: seqrt train DATA"
        )
    return weights


def network_of(data: bytes, weights: Path) -> Trained:
    """Return the network in the bytes of the file `weights`; raise ModelError if it is damaged.

    Its name and the digests of its data are those in the header, or else in run.toml beside it.
    """
    try:
        return _load_network(data, weights)
    except (ModelError, UsageError) as error:
        raise ModelError(str(error)) from None
    except (*DAMAGE, RuntimeError) as error:
        raise ModelError(
            f"E_RUN_DAMAGED: {weights} must hold the weights of a run, but cannot be read"
            f" ({reason(error)}). Train again, or copy the file again."
        ) from None


def _load_network(data: bytes, path: Path) -> Trained:
    """Return the network in the bytes of a weights file, which is read once and never mapped."""
    weights, header = unpack(data, path, FORMAT)
    header["about"] = _with_origin(header["about"], path)
    if any(value.dtype != torch.float32 for value in weights.values()):
        raise ValueError("its weights are not float32")
    net = _empty_network(header)
    net.load_state_dict(weights, assign=True)
    return net.eval()


def _with_origin(about: dict[str, Any], weights: Path) -> dict[str, Any]:
    """Return the metadata in a header, completed from run.toml beside the file."""
    if "name" in about:
        return about
    record = record_or_empty(weights.parent)
    source = record.get("plan", {}).get("source")
    source = tuple(source) if isinstance(source, list) else source
    known = {"name": name_of(source)} if isinstance(source, str | tuple) else {}
    known |= {name: record[name] for name in _ORIGIN if name in record}
    return {**about, **_ORIGIN, **known}


def _empty_network(header: dict[str, Any]) -> Trained:
    """Return the network that the header describes, without weights."""
    metadata = _metadata_of(header["about"])
    if _sizes(header) != (len(metadata.features), len(metadata.outputs)):
        raise ValueError("its header contradicts itself")
    with torch.device("meta"):
        net = _made(header)
    net.metadata = metadata
    return net


def _sizes(header: dict[str, Any]) -> tuple[int, int]:
    """Return the numbers of features and outputs of the architecture in a header."""
    options = header["architecture"]
    if header.get("kind") == _FORECASTER:
        return options["features"], options["horizon"] * len(options["answers"])
    return options["features"], options["outputs"]


def _made(header: dict[str, Any]) -> Trained:
    """Make the kind of network that a header names, from its architecture."""
    if header.get("kind") != _FORECASTER:
        return Network(**header["architecture"])
    options = header["architecture"]
    lists = {name: tuple(value) for name, value in options.items() if isinstance(value, list)}
    return Forecaster(**{**options, **lists})


def _metadata_of(record: dict[str, Any]) -> Metadata:
    columns = {
        name: tuple(Column(**column) for column in record[name]) for name in ("features", "outputs")
    }
    names = ("classes", "targets", "series", "earlier_data", "quantiles", "wide")
    lists = {name: tuple(record.get(name, ())) for name in names}
    inputs = tuple(
        Input(**{**each, "levels": tuple(each["levels"])}) for each in record.get("inputs", ())
    )
    time, text = record.get("time"), record.get("text")
    made = {
        "inputs": inputs,
        "time": TimeColumn(**time) if time else None,
        "text": Text(**{**text, "vocabulary": tuple(text["vocabulary"])}) if text else None,
    }
    return Metadata(**{**record, **columns, **lists, **made})
