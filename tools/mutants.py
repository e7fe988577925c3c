"""Mutants: model files changed by someone who knows their structure, and sealed again.

One to three changes are made to the protobuf message of a network: any field, a node or initialiser
copied, moved or taken from another network, a weight, an attribute, the manifest, the proof.
"""

from __future__ import annotations

import copy
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from attacks import hostile

from seqrt.contract.seal import SEAL_SIZE, seal

NETS = sorted([*hostile.NETS.glob("*.onnx"), *hostile.NETS.glob("format2/*.onnx")])
BODIES = [path.read_bytes()[:-SEAL_SIZE] for path in NETS]
CANARY = hostile.OUTSIDE

NUMBERS = [0, 1, -1, 2, 3, 7, 255, 1 << 20, 1 << 31, (1 << 31) - 1, (1 << 62), -(1 << 63), 40_000]
TEXTS = ["", "x", "y", "state", "lengths", "batch", "time", "layer0_W", "h0_start", CANARY]
TEXTS += [f"../{CANARY}", "Loop", "Expand", "If", "LSTM", "GRU", "Tanh", "Relu", "com.microsoft"]
TEXTS += ["Range", "CumSum", "Where", "GatherND", "Cast", "Softmax", "ReduceMax", "inside.0.mask"]
TEXTS += ["steps.0.fresh", "sum.0.sums", "last.0.step", "taps.0.seen", "count.0.numbers", "axes_1"]
TEXTS += ["Mod", "Pad", "windows.0.steps", "interleaved.0.steps", "phases.0.ring0"]
TEXTS += ["phases.0.lengths", "phases.0.steps", "time/5", "batch*5"]
TEXTS += ["layer0_R", "layer0_R.fp16", "layer0_R.int8", "layer0_R.scale", "layer0_R.whole"]
TEXTS += ["tokens.0.ids", "tokens.0.rows", "tokens.0.outside", "number_0", "number_7", "Less", "Or"]
FLOATS = [0.0, 1.0, -1.0, 1e-45, 3e38, float("inf"), float("nan")]
JSONS: list[Any] = [None, True, 0, -1, 1 << 40, 10**30, 1e308, "", "a", "\x1b[2J", [], {}, [[]]]


def mutant(seed: int, number: int) -> tuple[int, bytes]:
    """Return the index of its network and the sealed mutant, determined by `seed` and `number`."""
    chance = random.Random(f"{seed} {number}")
    origin = chance.randrange(len(BODIES))
    model = onnx.load_from_string(BODIES[origin])
    for _ in range(chance.randrange(1, 4)):
        change = chance.choice(CHANGES)
        try:
            change(model, chance)
        except (IndexError, ValueError, TypeError, OverflowError):
            continue  # the network has nothing of that kind
    return origin, seal(model.SerializeToString(deterministic=True))


def any_field(model: onnx.ModelProto, chance: random.Random) -> None:
    """Set, clear or repeat one field of one message at any depth."""
    message: Any = model
    while True:
        inner = [v for f, v in message.ListFields() if f.message_type]
        parts = [p for v in inner for p in (v if hasattr(v, "append") or len_of(v) else [v])]
        if not parts or chance.random() < 0.25:
            break
        message = chance.choice(parts)
    field = chance.choice(message.DESCRIPTOR.fields)
    held = getattr(message, field.name)
    if chance.random() < 0.2:
        message.ClearField(field.name)
    elif field.message_type:
        new = held.add() if hasattr(held, "add") else held
        new.SetInParent()
        if hasattr(held, "add") and len(held) > 1:
            new.CopyFrom(chance.choice(list(held)[:-1]))
    elif hasattr(held, "append"):
        if held and chance.random() < 0.6:
            held[chance.randrange(len(held))] = scalar(field, chance)
        else:
            held.append(scalar(field, chance))
    else:
        setattr(message, field.name, scalar(field, chance))


def len_of(value: Any) -> bool:
    """Whether a field is a list of messages."""
    return hasattr(value, "__len__")


def scalar(field: Any, chance: random.Random) -> Any:
    """Return a number or text that a field could hold but should not."""
    kinds = {field.CPPTYPE_FLOAT: FLOATS, field.CPPTYPE_DOUBLE: FLOATS}
    if field.cpp_type == field.CPPTYPE_STRING:
        text = chance.choice(TEXTS)
        return text.encode() if field.type == field.TYPE_BYTES else text
    return chance.choice(kinds.get(field.cpp_type, NUMBERS))


def rewire(model: onnx.ModelProto, chance: random.Random) -> None:
    """Make a node read or write another name of the graph."""
    node = chance.choice(model.graph.node)
    names = [n for other in model.graph.node for n in (*other.input, *other.output)]
    side = chance.choice([node.input, node.input, node.output])
    side[chance.randrange(len(side))] = chance.choice(names)


def move(model: onnx.ModelProto, chance: random.Random) -> None:
    """Remove a node, move it, or duplicate it."""
    nodes = list(model.graph.node)
    at = chance.randrange(len(nodes))
    node = nodes[at] if chance.random() < 0.3 else nodes.pop(at)
    if chance.random() < 0.8:
        nodes.insert(chance.randrange(len(nodes) + 1), node)
    copies = [copy.deepcopy(node) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)


def splice(model: onnx.ModelProto, chance: random.Random) -> None:
    """Replace a node, an initialiser or metadata with one of another network."""
    other = onnx.load_from_string(chance.choice(BODIES))
    kind = chance.choice(["node", "initializer", "metadata_props"])
    holders = [m if kind == "metadata_props" else m.graph for m in (model, other)]
    mine, theirs = (getattr(holder, kind) for holder in holders)
    mine[chance.randrange(len(mine))].CopyFrom(chance.choice(theirs))


def weight(model: onnx.ModelProto, chance: random.Random) -> None:
    """Change a byte or a number of an initialiser, or store it as another type."""
    tensor = chance.choice(model.graph.initializer)
    data = bytearray(tensor.raw_data)
    at = chance.randrange(len(data))
    if chance.random() < 0.5:
        data[at] = chance.randrange(256)
    elif chance.random() < 0.1 and not tensor.external_data:  # onnx itself would read the file
        kind = chance.choice([np.float16, np.int8, np.float32, np.float64])
        with np.errstate(all="ignore"):
            values = onnx.numpy_helper.to_array(tensor).astype(kind)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        return
    elif tensor.data_type == onnx.TensorProto.FLOAT16:
        with np.errstate(over="ignore"):
            data[at // 2 * 2 : at // 2 * 2 + 2] = np.float16(chance.choice(FLOATS)).tobytes()
    elif tensor.data_type == onnx.TensorProto.FLOAT:
        data[at // 4 * 4 : at // 4 * 4 + 4] = np.float32(chance.choice(FLOATS)).tobytes()
    else:
        data[at // 8 * 8 : at // 8 * 8 + 8] = np.int64(chance.choice(NUMBERS)).tobytes()
    tensor.raw_data = bytes(data)


def external(model: onnx.ModelProto, chance: random.Random) -> None:
    """Make an initialiser point to another file."""
    tensor = chance.choice(model.graph.initializer)
    places = [CANARY, f"../{CANARY}", str(Path.cwd() / CANARY), f"./{CANARY}"]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=chance.choice(places))
    if chance.random() < 0.7:
        tensor.external_data.add(key="length", value=str(len(tensor.raw_data)))
        tensor.ClearField("raw_data")


def attribute(model: onnx.ModelProto, chance: random.Random) -> None:
    """Copy an attribute from one node to another, or change its value."""
    nodes = [node for node in model.graph.node if node.attribute]
    given = chance.choice(chance.choice(nodes).attribute)
    node = chance.choice(model.graph.node)
    new = node.attribute.add()
    new.CopyFrom(given)
    if chance.random() < 0.5:
        new.CopyFrom(onnx.helper.make_attribute(given.name, chance.choice([0, -1, 1.0, "a", [1]])))


def metadata(model: onnx.ModelProto, chance: random.Random) -> None:
    """Change a value in the manifest or the proof."""
    record = chance.choice(model.metadata_props)
    whole = json.loads(record.value)
    part, parts = whole, []
    while isinstance(part, dict | list) and part:
        key = chance.choice(list(part)) if isinstance(part, dict) else chance.randrange(len(part))
        parts.append((part, key))
        part = part[key]
    holder, key = chance.choice(parts)
    holder[key] = chance.choice([*JSONS, copy.deepcopy(chance.choice(parts)[0])])
    record.value = json.dumps(whole)


def rename(model: onnx.ModelProto, chance: random.Random) -> None:
    """Give an output, or all outputs of an idiom, another name wherever it is read."""
    node = chance.choice(model.graph.node)
    old = chance.choice(node.output)
    new = chance.choice([*TEXTS, chance.choice(chance.choice(model.graph.node).output)])
    if "." in old and "." in new and chance.random() < 0.5:
        old, new = ("".join(name.rpartition(".")[:2]) for name in (old, new))
    for each in model.graph.node:
        each.name = each.name.replace(old, new)
        each.input[:] = [name.replace(old, new) if old else name for name in each.input]
        each.output[:] = [name.replace(old, new) if old else name for name in each.output]


# The possible changes; repeated ones are likelier.
CHANGES = [any_field, any_field, any_field, rewire, move, splice, weight, weight, external]
CHANGES += [attribute, metadata, metadata, rename]
