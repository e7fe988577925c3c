"""Finds the order of the layers in a Sequential model, or a functional one that is a chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seqrt.errors import UsageError
from seqrt.export.keras.layer import named
from seqrt.export.keras.refusal import bad_file, cannot_carry
from seqrt.export.untrusted import as_ascii

_MOST_LAYERS = 1000
# What Keras 3 writes for the mask of an Embedding or a Masking layer.
_MASK_CLASSES = ("NotEqual", "Any")

Record = dict[str, Any]


@dataclass(frozen=True)
class _Call:
    """What a layer is called on: names of layers, other arguments, and the layer of its mask."""

    sources: tuple[str, ...]
    numbers: tuple[Any, ...] = ()
    mask: str = ""


def all_layers(config: Record) -> list[Record]:
    """Return the record of every layer, in the order in which the file counts them."""
    kind, inner = config.get("class_name"), config.get("config")
    if kind not in ("Sequential", "Functional", "Model"):
        raise UsageError(
            f"cannot import a model of class {as_ascii(kind)}: it must be Sequential or functional."
            " Rebuild a subclassed model with keras.Sequential and set its weights."
        )
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    if not isinstance(layers, list) or not 0 < len(layers) <= _MOST_LAYERS:
        raise bad_file(f"a model must have a list of 1 to {_MOST_LAYERS} layers")
    names = [named(layer)[1] for layer in layers]
    if len(set(names)) < len(names):
        raise bad_file("two layers have the same name")
    return layers


def chain_of(config: Record) -> list[Record]:
    """Return the layers in the order in which they are applied, without inputs and masks.

    Raises UsageError that names the layer at which a functional model is not a chain.
    """
    layers = all_layers(config)
    if config["class_name"] == "Sequential":
        return [layer for layer in layers if layer["class_name"] != "InputLayer"]
    records = {named(layer)[1]: layer for layer in layers}
    calls = {name: _call(name, record) for name, record in records.items()}
    inner = config["config"]
    name, first = _only(inner, "output_layers"), _only(inner, "input_layers")
    chain: list[str] = []
    while name != first:
        if name not in records or name in chain:
            raise bad_file(f"layer {as_ascii(name)} is not connected to the input")
        chain.insert(0, name)
        sources = calls[name].sources
        if len(sources) != 1 or calls[name].numbers:
            raise _not_a_chain(records[name], f"reads {len(sources)} inputs")
        name = sources[0]
    _check_rest(first, chain, records, calls)
    return [records[name] for name in chain]


def _check_rest(
    first: str, chain: list[str], records: dict[str, Record], calls: dict[str, _Call]
) -> None:
    """Raise UsageError unless each layer outside the chain makes a mask that the file implies."""
    for name, record in records.items():
        if name not in (first, *chain) and record["class_name"] not in _MASK_CLASSES:
            raise _not_a_chain(record, "is a branch beside the chain")
    before = dict(zip(chain, [first, *chain], strict=False))
    implied: list[tuple[str, Any]] = []
    for name in chain:
        kind, _, config = named(records[name])
        if kind == "Masking":
            implied.append((before[name], config.get("mask_value")))
        if kind == "Embedding" and config.get("mask_zero") is True:
            implied.append((before[name], 0))
    for name in chain:
        if calls[name].mask and _origin(calls[name].mask, records, calls) not in implied:
            raise _not_a_chain(records[name], "has a mask of its own")


def _origin(name: str, records: dict[str, Record], calls: dict[str, _Call]) -> tuple[str, Any]:
    """Return the layer whose output a mask compares, and the number with which it does."""
    if records.get(name, {}).get("class_name") == "Any" and len(calls[name].sources) == 1:
        name = calls[name].sources[0]
    if records.get(name, {}).get("class_name") != "NotEqual":
        return name, None
    call = calls[name]
    return (call.sources[0], call.numbers[0]) if call.sources and call.numbers else (name, None)


def _only(inner: Any, which: str) -> str:
    """Return the name of the only input or output."""
    found = inner.get(which) if isinstance(inner, dict) else None
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    if isinstance(found, list) and len(found) == 3 and isinstance(found[0], str):
        return found[0]
    count = len(found) if isinstance(found, list) else 0
    words = which.replace("_layers", "s")
    raise UsageError(
        f"cannot import a model with {count} {words}: it must have one."
        " Save a keras.Model of one input and one output."
    )


def _call(name: str, record: Record) -> _Call:
    nodes = record.get("inbound_nodes", [])
    if not isinstance(nodes, list):
        raise bad_file(f"layer {as_ascii(name)} must have a list of inbound_nodes")
    if not nodes:
        return _Call(())
    if len(nodes) > 1:
        raise _not_a_chain(record, f"is called {len(nodes)} times")
    node = nodes[0]
    return _newer(record, node) if isinstance(node, dict) else _older(record, node)


def _newer(record: Record, node: Record) -> _Call:
    """The call in a file of Keras 3: args and kwargs, in which tensors name their layers."""
    args, kwargs = node.get("args"), node.get("kwargs")
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise bad_file(f"the call of layer {as_ascii(named(record)[1])} must have args and kwargs")
    mask = ""
    for option, value in kwargs.items():
        source = _tensor(value)
        if option == "mask" and source:
            mask = source
        elif value not in (None, False) and record["class_name"] != "Any":
            raise _not_a_chain(record, f"is called with {as_ascii(option)}")
    sources = tuple(filter(None, map(_tensor, args)))
    numbers = tuple(each for each in args if not _tensor(each))
    return _Call(sources, numbers, mask)


def _tensor(value: Any) -> str:
    """Return the name of the layer that a tensor comes from, nothing for other values."""
    config = value.get("config") if isinstance(value, dict) else None
    history = config.get("keras_history") if isinstance(config, dict) else None
    if isinstance(history, list) and history and isinstance(history[0], str):
        return history[0]
    return ""


def _older(record: Record, node: Any) -> _Call:
    """The call in a file of Keras 2: [name, node, tensor, kwargs] for each input."""
    inputs = node if isinstance(node, list) and node and isinstance(node[0], list) else [node]
    sources = []
    for each in inputs:
        if not isinstance(each, list) or len(each) < 3 or not isinstance(each[0], str):
            raise bad_file(f"the call of layer {as_ascii(named(record)[1])} must name its inputs")
        options = each[3] if len(each) > 3 else {}
        if not isinstance(options, dict):
            raise bad_file(f"the call of layer {as_ascii(named(record)[1])} must end with options")
        given = [name for name, value in options.items() if value not in (None, False)]
        if given:
            raise _not_a_chain(record, f"is called with {as_ascii(given[0])}")
        sources.append(each[0])
    return _Call(tuple(sources))


def _not_a_chain(record: Record, what: str) -> UsageError:
    kind, name, _ = named(record)
    return cannot_carry(
        f"{as_ascii(kind)} {as_ascii(name)}",
        f"it {what}, and only a chain of layers can be imported",
        "Rebuild the network in PyTorch and export that.",
    )
