"""One layer of a Keras model: its class, its options, its weights by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import GATES, Cell
from seqrt.export.keras.options import LAYERS, checked_options
from seqrt.export.keras.refusal import bad_file, cannot_carry
from seqrt.export.untrusted import as_ascii

CELLS: dict[str, Cell] = {"SimpleRNN": "rnn", "LSTM": "lstm", "GRU": "gru"}
_PER_STEP = (
    *("Dense", "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Dropout"),
    *("LayerNormalization", "BatchNormalization"),
)

Arrays = list[NDArray[Any]]
# The sizes of a weight; a letter stands for any size, the same one wherever it occurs.
Shape = tuple[int | str, ...]
_Expected = Callable[[dict[str, Any]], list[tuple[str, Shape]]]


@dataclass(frozen=True)
class KerasLayer:
    """A layer that can be carried over.

    `inner` holds the layer of a TimeDistributed, or both directions of a Bidirectional. Weights are
    float32 arrays under the names that Keras gives them, such as kernel and recurrent_kernel.
    """

    kind: str
    name: str
    options: dict[str, Any]
    weights: dict[str, NDArray[np.float32]]
    inner: tuple[KerasLayer, ...] = ()

    @property
    def place(self) -> str:
        """The layer in errors: LSTM 'lstm_1'."""
        return f"{self.kind} {as_ascii(self.name)}"


def read_layers(records: list[dict[str, Any]], arrays: Arrays) -> list[KerasLayer]:
    """Return the layers of records of the configuration; take their weights from `arrays`.

    Raises UsageError for a layer or an option that cannot be carried over, InputError if weights
    are missing, left over, of a wrong shape or not finite.
    """
    left = list(arrays)
    layers = [_read(record, left) for record in records]
    if left:
        places = " and ".join(layer.place for layer in layers[:2])
        raise bad_file(f"{places} must have {len(arrays) - len(left)} weights, not more")
    return layers


def named(record: Any) -> tuple[str, str, dict[str, Any]]:
    """Return class, name and configuration of a layer's record."""
    config = record.get("config") if isinstance(record, dict) else None
    if not isinstance(config, dict):
        raise bad_file("each layer must have a class_name and a config")
    kind, name = record.get("class_name"), config.get("name", record.get("name", ""))
    if not isinstance(kind, str) or not isinstance(name, str):
        raise bad_file("each layer must have a class_name and a name of text")
    return kind, name, config


def _read(record: dict[str, Any], left: Arrays) -> KerasLayer:
    kind, name, config = named(record)
    place = f"{kind if kind.isidentifier() else as_ascii(kind)} {as_ascii(name)}"
    custom = record.get("registered_name") or ""
    if kind == "Lambda":
        raise cannot_carry(place, "it holds Python code, which is never run")
    if kind not in LAYERS or ">" in str(custom):
        raise cannot_carry(place, f"layers of class {as_ascii(custom or kind)} are not known")
    wrapped: dict[str, Any] = {
        each: config[each] for each in ("layer", "backward_layer") if each in config
    }
    plain = {key: value for key, value in config.items() if key not in wrapped}
    if kind not in ("Bidirectional", "TimeDistributed"):
        plain = config
    options = checked_options(kind, place, plain)
    inner: tuple[KerasLayer, ...] = ()
    if kind == "Bidirectional":
        inner = _both_directions(place, wrapped, left)
    elif kind == "TimeDistributed":
        inner = (_read(_wrapped(place, wrapped, "layer", _PER_STEP), left),)
    weights: dict[str, Any] = {}
    if not inner:
        weights = _weights(place, _expected(kind, options), left)
    return KerasLayer(kind, name, options, weights, inner)


def _wrapped(
    place: str, wrapped: dict[str, Any], which: str, allowed: tuple[str, ...]
) -> dict[str, Any]:
    record = wrapped.get(which)
    kind, _, _ = named(record)
    if kind not in allowed or not isinstance(record, dict):
        raise cannot_carry(place, f"it wraps a layer of class {as_ascii(kind)}")
    return record


def _both_directions(
    place: str, wrapped: dict[str, Any], left: Arrays
) -> tuple[KerasLayer, KerasLayer]:
    """Return the forward and the backward layer, which must be alike but for their direction."""
    record = _wrapped(place, wrapped, "layer", tuple(CELLS))
    back = dict(record)
    if "backward_layer" in wrapped:
        back = _wrapped(place, wrapped, "backward_layer", tuple(CELLS))
    else:
        back["config"] = {**record["config"], "go_backwards": not _goes_back(record)}
    both = _read(record, left), _read(back, left)
    if both[0].options["go_backwards"] or not both[1].options["go_backwards"]:
        raise cannot_carry(place, "its first layer must go forwards and its second backwards")
    if both[0].kind != both[1].kind or _directed(both[0]) != _directed(both[1]):
        raise cannot_carry(place, "its two layers must have the same class and the same options")
    return both


def _goes_back(record: dict[str, Any]) -> bool:
    return record["config"].get("go_backwards") is True


def _directed(layer: KerasLayer) -> dict[str, Any]:
    return {name: value for name, value in layer.options.items() if name != "go_backwards"}


def _weights(
    place: str, expected: list[tuple[str, Shape]], left: Arrays
) -> dict[str, NDArray[np.float32]]:
    """Take the weights of a layer from the front of `left`."""
    sizes: dict[str, int] = {}
    found = {}
    for name, shape in expected:
        if not left:
            raise bad_file(f"{place} has no weights {name}")
        array = left.pop(0)
        if len(array.shape) == len(shape):
            for size, got in zip(shape, array.shape, strict=True):
                sizes.setdefault(str(size), got if isinstance(size, str) else size)
        wanted = tuple(sizes.get(str(size), 0) for size in shape)
        if array.shape != wanted:
            raise bad_file(f"{name} of {place} must have shape {wanted}, got {array.shape}")
        with np.errstate(over="ignore"):
            values = array.astype(np.float32)
        if not np.isfinite(values).all():
            raise bad_file(
                f"{name} of {place} contains NaN or Inf",
                "Train again with a smaller learning rate.",
            )
        found[name] = values
    return found


def _expected(kind: str, options: dict[str, Any]) -> list[tuple[str, Shape]]:
    """Return name and shape of each weight, in the order in which Keras saves them."""
    made = _EXPECTED.get(kind)
    return made(options) if made else []


def _recurrent(kind: str) -> _Expected:
    def expected(options: dict[str, Any]) -> list[tuple[str, Shape]]:
        units = options["units"]
        rows = GATES[CELLS[kind]] * units
        bias: Shape = (2, rows) if options.get("reset_after") else (rows,)
        found: list[tuple[str, Shape]] = [
            ("kernel", ("D", rows)),
            ("recurrent_kernel", (units, rows)),
        ]
        return [*found, ("bias", bias)] if options["use_bias"] else found

    return expected


def _dense(options: dict[str, Any]) -> list[tuple[str, Shape]]:
    found: list[tuple[str, Shape]] = [("kernel", ("D", options["units"]))]
    return [*found, ("bias", (options["units"],))] if options["use_bias"] else found


def _convolution(options: dict[str, Any]) -> list[tuple[str, Shape]]:
    filters = options["filters"]
    found: list[tuple[str, Shape]] = [("kernel", (options["kernel_size"], "D", filters))]
    return [*found, ("bias", (filters,))] if options["use_bias"] else found


def _table(options: dict[str, Any]) -> list[tuple[str, Shape]]:
    return [("embeddings", (options["input_dim"], options["output_dim"]))]


def _scaled(*statistics: str) -> _Expected:
    def expected(options: dict[str, Any]) -> list[tuple[str, Shape]]:
        names = ["gamma"] * options["scale"] + ["beta"] * options["center"] + [*statistics]
        return [(name, ("D",)) for name in names]

    return expected


def _statistics(options: dict[str, Any]) -> list[tuple[str, Shape]]:
    if options["mean"] is not None:
        return []
    shape: Shape = ("D",) if options["axis"] == -1 else ()
    return [("mean", shape), ("variance", shape), ("count", ())]


_EXPECTED: dict[str, _Expected] = {
    **{kind: _recurrent(kind) for kind in CELLS},
    "Dense": _dense,
    "Conv1D": _convolution,
    "Embedding": _table,
    "Normalization": _statistics,
    "LayerNormalization": _scaled(),
    "BatchNormalization": _scaled("moving_mean", "moving_variance"),
}
