"""Every hostile model file that we know how to make, with the code of the error it must raise.

The attacker takes a file that seqrt wrote, changes it at will, and seals it again; the seal stops
no one. Each attack here changes one thing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

from seqrt.contract.seal import SEAL_SIZE, seal

NETS = Path(__file__).parents[1] / "runtime" / "nets"
OUTSIDE = "outside.bin"

FORMAT, FOREIGN, VERSION = "E_MODEL_FORMAT", "E_MODEL_FOREIGN", "E_MODEL_VERSION"
GUARD, GRAPH, MANIFEST = "E_MODEL_GUARD", "E_MODEL_GRAPH", "E_MODEL_MANIFEST"
UNSEALED, DAMAGED, WEIGHTS = "E_MODEL_UNSEALED", "E_MODEL_DAMAGED", "E_WEIGHTS_NONFINITE"

_MEAN, _FORWARD = "missing/rnn-mean", "missing/lstm-forward"
_RESIDUAL = "lstm-residual"

Change = Callable[[ModelProto], Any]


class Attack(NamedTuple):
    name: str
    code: str
    content: bytes


def body(net: str = "lstm-last") -> bytes:
    return (NETS / f"{net}.onnx").read_bytes()[:-SEAL_SIZE]


def changed(change: Change, net: str = "lstm-last") -> bytes:
    """Return the sealed file after one change to its message."""
    model = onnx.load_from_string(body(net))
    change(model)
    return seal(model.SerializeToString(deterministic=True))


def attacks() -> Iterator[Attack]:
    for name, (code, content) in BYTES.items():
        yield Attack(name, code, content)
    for name, (code, change, *net) in CHANGES.items():
        yield Attack(name, code, changed(change, *net))
    for name, (code, fields) in MANIFESTS.items():
        yield Attack(f"manifest: {name}", code, changed(lambda m, f=fields: _manifest(m, f)))


# Helpers for the changes


def _node(model: ModelProto, operator: str, number: int = 0) -> onnx.NodeProto:
    return [node for node in model.graph.node if node.op_type == operator][number]


def _named(model: ModelProto, name: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.name == name)


def _constant(model: ModelProto, name: str) -> TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def _attribute(node: onnx.NodeProto, name: str) -> AttributeProto:
    return next(attribute for attribute in node.attribute if attribute.name == name)


def _set(model: ModelProto, name: str, values: Any) -> None:
    _constant(model, name).CopyFrom(numpy_helper.from_array(np.asarray(values), name))


def _give(node: onnx.NodeProto, **attributes: Any) -> None:
    for name, value in attributes.items():
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _swapped(node: onnx.NodeProto, one: int, other: int) -> None:
    node.input[one], node.input[other] = node.input[other], node.input[one]


def _renamed(model: ModelProto, old: str, new: str) -> None:
    """Make every node that reads `old` read `new`."""
    for node in model.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]


def _insert(model: ModelProto, operator: str, inputs: list[str], **attributes: Any) -> None:
    """Insert a node between the last layer and the head."""
    product = _node(model, "MatMul")
    node = helper.make_node(operator, inputs or [product.input[0]], ["hostile"], **attributes)
    place = list(model.graph.node).index(product)
    model.graph.node.insert(place, node)
    model.graph.node[place + 1].input[0] = "hostile"


def _add_constant(model: ModelProto, name: str, values: Any) -> str:
    model.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
    return name


def _subgraph() -> onnx.GraphProto:
    value = helper.make_tensor_value_info("inner", TensorProto.BOOL, [])
    return helper.make_graph([], "inside", [], [value])


def _external(model: ModelProto, location: str) -> None:
    tensor = _constant(model, "layer0_W")
    size = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(size))):
        tensor.external_data.add(key=key, value=value)


def _record(model: ModelProto, key: str, value: str) -> None:
    model.metadata_props.add(key=key, value=value)


def _without(model: ModelProto, key: str) -> None:
    kept = [record for record in model.metadata_props if record.key != key]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)


def _proof(model: ModelProto, text: str) -> None:
    next(r for r in model.metadata_props if r.key == "seqrt.proof").value = text


def _manifest(model: ModelProto, fields: dict[str, Any] | str) -> None:
    """Replace some fields of the manifest, or its whole text."""
    record = next(r for r in model.metadata_props if r.key == "seqrt.manifest")
    if isinstance(fields, dict):
        fields = json.dumps({**json.loads(record.value), **fields})
    record.value = fields


def _grow(model: ModelProto) -> None:
    """Double the width with each node, up to 2**40 columns."""
    last = _node(model, "MatMul").input[0]
    nodes = []
    for number in range(40):
        nodes.append(helper.make_node("Concat", [last, last], [f"twice{number}"], axis=1))
        last = f"twice{number}"
    place = list(model.graph.node).index(_node(model, "MatMul"))
    for node in reversed(nodes):
        model.graph.node.insert(place, node)


def _many_nodes(model: ModelProto) -> None:
    for number in range(1_001):
        model.graph.node.append(helper.make_node("Sigmoid", ["y"], [f"more{number}"]))


def _square(model: ModelProto) -> None:
    """Batch against batch: (1, B, H) + (B, 1, H) would be (B, B, H)."""
    nodes = [
        helper.make_node("Transpose", ["h0_start"], ["turned"], perm=[1, 0, 2]),
        helper.make_node("Add", ["h0_start", "turned"], ["squared"]),
    ]
    for place, node in enumerate(nodes):
        model.graph.node.insert(2 + place, node)


def _mix_time(model: ModelProto) -> None:
    """Take a softmax over time: every output would depend on later steps."""
    turn = helper.make_node("Transpose", ["layer0_out"], ["turned"], perm=[1, 2, 0])
    mix = helper.make_node("Softmax", ["turned"], ["mixed"], axis=-1)
    place = list(model.graph.node).index(_node(model, "LSTM", 1))
    model.graph.node.insert(place, mix)
    model.graph.node.insert(place, turn)


def _residual(model: ModelProto, added: str) -> None:
    """Add another value to every step of the second layer."""
    node = _named(model, "layer1_sum")
    assert node.input[1] == "layer0_out"
    node.input[1] = added


def _turned_residual(model: ModelProto) -> None:
    """Add batch to time: (T, B, H) + (B, T, H)."""
    turn = helper.make_node("Transpose", ["layer0_out"], ["turned"], perm=[1, 0, 2])
    model.graph.node.insert(list(model.graph.node).index(_named(model, "layer1_sum")), turn)
    _residual(model, "turned")


def _inputs(**fields: Any) -> dict[str, Any]:
    """Return the inputs of the two features of the tests' networks, one of them changed."""
    return {"inputs": [{"column": "speed"}, {"column": "load", **fields}]}


def _more_layers(model: ModelProto) -> None:
    again = onnx.NodeProto()
    again.CopyFrom(_node(model, "LSTM", 1))
    again.output[:] = ["", "more_h", "more_c"]
    model.graph.node.append(again)


def _shared(model: ModelProto) -> None:
    for number in range(50):
        product = helper.make_node("MatMul", ["layer1_last", "layer2_weight"], [f"work{number}"])
        model.graph.node.append(product)


def _give_constant(model: ModelProto) -> None:
    """Return an initialiser as y, in place of the computed one."""
    for node in list(model.graph.node):
        if list(node.output) == ["y"]:
            node.output[0] = "elsewhere"
    _add_constant(model, "y", np.zeros((1, 2), np.float32))


def _packed(content: bytes) -> bytes:
    """Pack the shape of a weight, as export never does; the size in bytes stays the same."""
    old = bytes([0x08, 24, 0x08, 2, 0x10, 1])
    new = bytes([0x0A, 2, 24, 2, 0x10, 1])
    assert old in content
    return content.replace(old, new, 1)


def _sized_twice(content: bytes) -> bytes:
    """Give the batch axis of x a number besides its name; the size in bytes stays the same."""
    old, new = b"\x12\x05batch", b"\x08\x01\x12\x03bat"
    assert old in content
    return content.replace(old, new, 1)


LSTM = body()

# Bytes that are not a whole message, or not the message that they seem to be.
BYTES: dict[str, tuple[str, bytes]] = {
    "nothing": (UNSEALED, b""),
    "nothing, sealed": (FOREIGN, seal(b"")),
    "no seal": (UNSEALED, LSTM),
    "another seal": (DAMAGED, LSTM + seal(b"")),
    "a byte after the seal": (DAMAGED, seal(LSTM) + b"\0"),
    "noise": (FORMAT, seal(np.random.default_rng(0).bytes(4000))),
    "a number that never ends": (FORMAT, seal(LSTM + b"\x08" + b"\xff" * 500)),
    "a number of 65 bits": (FORMAT, seal(LSTM + b"\x08" + b"\xff" * 9 + b"\x02")),
    "a field longer than the file": (FORMAT, seal(LSTM + b"\x72\xff\xff\xff\xff\x07")),
    "a field cut short": (FORMAT, seal(LSTM[:-30])),
    "a group": (FORMAT, seal(LSTM + b"\x0b\x0c")),
    "an unknown wire type": (FORMAT, seal(LSTM + b"\x0f\x00")),
    "a million fields": (FORMAT, seal(LSTM + b"\x28\x01" * 1_000_000)),
    "field number 0": (GUARD, seal(LSTM + b"\x00\x00")),
    "a field that ONNX does not know": (GUARD, seal(LSTM + b"\xfa\x3f\x01a")),
    "a second graph, which readers join to the first": (GUARD, seal(LSTM + b"\x3a\x00")),
    "a second IR version": (GUARD, seal(LSTM + b"\x08\x08")),
    "the IR version as text": (GUARD, seal(LSTM.replace(b"\x08\x08", b"\x0a\x00", 1))),
    "metadata that is no text": (FORMAT, seal(LSTM + b"\x72\x03\x0a\x01\xff")),
    "a packed shape": (GUARD, seal(_packed(LSTM))),
    "a size with a number and a name": (GUARD, seal(_sized_twice(LSTM))),
}

CHANGES: dict[str, tuple[Any, ...]] = {
    # the file as a whole
    "functions": (GUARD, lambda m: m.functions.add(name="f", domain="d")),
    "training info": (GUARD, lambda m: m.training_info.add()),
    "a newer IR": (VERSION, lambda m: setattr(m, "ir_version", 99)),
    "an older IR": (GUARD, lambda m: setattr(m, "ir_version", 3)),
    "no IR": (GUARD, lambda m: m.ClearField("ir_version")),
    "a newer opset": (VERSION, lambda m: setattr(m.opset_import[0], "version", 99)),
    "an older opset": (GUARD, lambda m: setattr(m.opset_import[0], "version", 9)),
    "no opset": (GUARD, lambda m: m.ClearField("opset_import")),
    "opset 0": (GUARD, lambda m: setattr(m.opset_import[0], "version", 0)),
    "an opset below zero": (GUARD, lambda m: setattr(m.opset_import[0], "version", -17)),
    "operators of another domain": (
        GUARD,
        lambda m: m.opset_import.append(helper.make_opsetid("com.microsoft", 1)),
    ),
    "no graph": (GRAPH, lambda m: m.ClearField("graph")),
    "a long name of the producer": (GUARD, lambda m: setattr(m, "producer_name", "a" * 5000)),
    # metadata
    "no manifest": (FOREIGN, lambda m: _without(m, "seqrt.manifest")),
    "no proof": (FOREIGN, lambda m: _without(m, "seqrt.proof")),
    "no metadata": (FOREIGN, lambda m: m.ClearField("metadata_props")),
    "the manifest twice": (GUARD, lambda m: _record(m, "seqrt.manifest", "{}")),
    "100 records": (GUARD, lambda m: [_record(m, f"k{i}", "") for i in range(100)]),
    "a record of a megabyte": (GUARD, lambda m: _record(m, "note", "a" * (1 << 20))),
    "a long key": (GUARD, lambda m: _record(m, "k" * 5000, "")),
    "options for onnxruntime": (GUARD, lambda m: _record(m, "ort_config", "{}")),
    "a proof of 20 megabytes": (GUARD, lambda m: _proof(m, " " * (20 << 20))),
    "a proof that is not ASCII": (FORMAT, lambda m: _proof(m, "ä")),
    # operators
    "Loop": (
        GUARD,
        lambda m: _insert(m, "Loop", ["layer1_last", "layer1_last"], body=_subgraph()),
    ),
    "If": (
        GUARD,
        lambda m: _insert(m, "If", ["x"], then_branch=_subgraph(), else_branch=_subgraph()),
    ),
    "Scan": (GUARD, lambda m: _insert(m, "Scan", ["x"], body=_subgraph(), num_scan_inputs=1)),
    "ConstantOfShape": (
        GUARD,
        lambda m: _insert(m, "ConstantOfShape", [_add_constant(m, "big", [40_000, 40_000])]),
    ),
    "Expand": (
        GUARD,
        lambda m: _insert(m, "Expand", ["x", _add_constant(m, "big", [1 << 20, 1 << 20])]),
    ),
    "Tile": (GUARD, lambda m: _insert(m, "Tile", ["x", _add_constant(m, "big", [1 << 40])])),
    "Range": (GUARD, lambda m: _insert(m, "Range", ["lengths", "lengths", "lengths"])),
    "RandomNormal": (GUARD, lambda m: _insert(m, "RandomNormal", [], shape=[1 << 20, 1 << 20])),
    "Constant": (GUARD, lambda m: _insert(m, "Constant", [], value_float=1.0)),
    "Identity": (GUARD, lambda m: _insert(m, "Identity", [])),
    "an operator without a name": (GUARD, lambda m: _insert(m, "", [])),
    "an operator of a long name": (GUARD, lambda m: _insert(m, "A" * 300, [])),
    "EPContext, which loads a file": (
        GUARD,
        lambda m: _insert(m, "EPContext", [], domain="com.microsoft", ep_cache_context=OUTSIDE),
    ),
    "Add of another domain": (GUARD, lambda m: setattr(_node(m, "Add"), "domain", "evil")),
    "an overload": (GUARD, lambda m: setattr(_node(m, "Add"), "overload", "f")),
    "metadata of a node": (GUARD, lambda m: _node(m, "Add").metadata_props.add(key="k")),
    # attributes
    "clip": (GUARD, lambda m: _give(_node(m, "LSTM"), clip=1.0)),
    "layout": (GUARD, lambda m: _give(_node(m, "LSTM"), layout=1)),
    "input_forget": (GUARD, lambda m: _give(_node(m, "LSTM"), input_forget=1)),
    "activations of an LSTM": (
        GUARD,
        lambda m: _give(_node(m, "LSTM"), activations=["Tanh", "Tanh", "Tanh"]),
    ),
    "an activation with parameters": (
        GRAPH,
        lambda m: _give(_node(m, "RNN"), activations=["Affine"]),
        "rnn-last",
    ),
    "the other direction": (GUARD, lambda m: _give(_node(m, "LSTM"), direction="reverse")),
    "no direction": (GUARD, lambda m: _node(m, "LSTM").attribute.pop(0)),
    "a GRU of the other kind": (
        GUARD,
        lambda m: _give(_node(m, "GRU"), linear_before_reset=0),
        "gru-last",
    ),
    "softmax over the batch": (
        GUARD,
        lambda m: _give(_node(m, "Softmax"), axis=0),
        "gru-norm-classes",
    ),
    "softmax over time": (GRAPH, _mix_time),
    "a residual that mixes batch and time": (GRAPH, _turned_residual, _RESIDUAL),
    "a residual of another width": (
        GRAPH,
        lambda m: _residual(m, "x_time_major"),
        _RESIDUAL,
    ),
    "a residual from a later layer": (
        GRAPH,
        lambda m: _residual(m, "layer2_h_end"),
        _RESIDUAL,
    ),
    "a residual of weights": (
        GUARD,
        lambda m: _residual(m, "layer0_W"),
        _RESIDUAL,
    ),
    "a norm over the batch": (
        GUARD,
        lambda m: _give(_node(m, "LayerNormalization"), axis=0),
        "gru-norm-classes",
    ),
    "a norm without epsilon": (
        GRAPH,
        lambda m: _give(_node(m, "LayerNormalization"), epsilon=0.0),
        "gru-norm-classes",
    ),
    "an epsilon that is NaN": (
        GRAPH,
        lambda m: _give(_node(m, "LayerNormalization"), epsilon=float("nan")),
        "gru-norm-classes",
    ),
    "a tensor in an attribute": (
        GUARD,
        lambda m: _node(m, "LSTM").attribute.append(
            helper.make_attribute("t", numpy_helper.from_array(np.zeros(3)))
        ),
    ),
    "a graph in an attribute": (
        GUARD,
        lambda m: _node(m, "LSTM").attribute.append(helper.make_attribute("g", _subgraph())),
    ),
    "an attribute by reference": (
        GUARD,
        lambda m: setattr(_node(m, "LSTM").attribute[0], "ref_attr_name", "f"),
    ),
    "an attribute of another type": (
        GUARD,
        lambda m: setattr(_attribute(_node(m, "LSTM"), "hidden_size"), "type", 1),
    ),
    "an attribute with two values": (
        GUARD,
        lambda m: setattr(_attribute(_node(m, "LSTM"), "hidden_size"), "f", 0.0),
    ),
    "an attribute without a value": (
        GUARD,
        lambda m: _attribute(_node(m, "LSTM"), "hidden_size").ClearField("i"),
    ),
    "the hidden size twice": (
        GUARD,
        lambda m: _node(m, "LSTM").attribute.append(helper.make_attribute("hidden_size", 6)),
    ),
    # initialisers
    "external data beside the file": (GUARD, lambda m: _external(m, OUTSIDE)),
    "external data up the tree": (GUARD, lambda m: _external(m, "../../../../etc/passwd")),
    "external data by a full path": (GUARD, lambda m: _external(m, "/etc/passwd")),
    "external data, and bytes too": (
        GUARD,
        lambda m: setattr(_constant(m, "layer0_W"), "data_location", TensorProto.EXTERNAL),
    ),
    "a sparse initialiser": (GUARD, lambda m: m.graph.sparse_initializer.add()),
    "a quantisation": (GUARD, lambda m: m.graph.quantization_annotation.add()),
    "shapes from elsewhere": (
        GUARD,
        lambda m: m.graph.value_info.append(
            helper.make_tensor_value_info("h0_start", TensorProto.FLOAT, [1, 2, 3])
        ),
    ),
    "floats in a typed field": (GUARD, lambda m: _constant(m, "x_mean").float_data.append(1.0)),
    "a segment": (GUARD, lambda m: _constant(m, "x_mean").segment.SetInParent()),
    "text for weights": (GUARD, lambda m: setattr(_constant(m, "x_mean"), "data_type", 8)),
    "double weights": (GUARD, lambda m: _set(m, "x_mean", np.zeros(2))),
    "half weights": (GUARD, lambda m: _set(m, "x_mean", np.zeros(2, np.float16))),
    "fewer bytes than the shape": (
        GUARD,
        lambda m: setattr(_constant(m, "layer0_W"), "raw_data", b"\0" * 188),
    ),
    "more bytes than the shape": (
        GUARD,
        lambda m: setattr(_constant(m, "layer0_W"), "raw_data", b"\0" * 196),
    ),
    "no bytes": (GUARD, lambda m: _constant(m, "layer0_W").ClearField("raw_data")),
    "a shape of exabytes": (
        GUARD,
        lambda m: _constant(m, "layer0_W").dims.__setitem__(1, 1 << 62),
    ),
    "a shape that wraps around to the right size": (
        GUARD,
        lambda m: _constant(m, "layer0_W").dims.__setitem__(1, (1 << 62) + 24),
    ),
    "a size below zero": (GUARD, lambda m: _constant(m, "layer0_W").dims.__setitem__(1, -24)),
    "an empty initialiser": (GUARD, lambda m: _set(m, "x_mean", np.zeros(0, np.float32))),
    "five axes": (GUARD, lambda m: _set(m, "x_mean", np.zeros((1, 1, 1, 1, 2), np.float32))),
    "an initialiser twice": (
        GUARD,
        lambda m: m.graph.initializer.append(_constant(m, "layer0_W")),
    ),
    "an initialiser for an input": (
        GUARD,
        lambda m: _add_constant(m, "lengths", np.ones(1, np.float32)),
    ),
    "an initialiser without a name": (
        GUARD,
        lambda m: _add_constant(m, "", np.ones(1, np.float32)),
    ),
    "a name of 10,000 letters": (
        GUARD,
        lambda m: _add_constant(m, "a" * 10_000, np.ones(1, np.float32)),
    ),
    "2,001 initialisers": (
        GUARD,
        lambda m: [_add_constant(m, f"c{i}", np.ones(1, np.float32)) for i in range(2_001)],
    ),
    "NaN in a weight": (WEIGHTS, lambda m: _set(m, "layer2_weight", np.full((4, 2), np.nan, "f4"))),
    "Inf in a scale": (WEIGHTS, lambda m: _set(m, "y_scale", np.array([1, np.inf], "f4"))),
    # names and order
    "an input that nothing gives": (
        GRAPH,
        lambda m: _node(m, "MatMul").input.__setitem__(0, "nobody"),
    ),
    "an input that comes later": (GRAPH, lambda m: _node(m, "Sub").input.__setitem__(1, "y")),
    "a node that reads itself": (
        GRAPH,
        lambda m: _node(m, "Sub").input.__setitem__(0, "x_centred"),
    ),
    "an input left out": (GRAPH, lambda m: _node(m, "Sub").input.__setitem__(0, "")),
    "an output given twice": (GRAPH, lambda m: _node(m, "Sub").output.__setitem__(0, "h0_start")),
    "an output over an initialiser": (
        GRAPH,
        lambda m: _node(m, "Sub").output.__setitem__(0, "layer1_W"),
    ),
    "an output over an input": (GRAPH, lambda m: _node(m, "Sub").output.__setitem__(0, "lengths")),
    "an output without a name": (GRAPH, lambda m: _node(m, "Sub").output.__setitem__(0, "")),
    "too few inputs": (GUARD, lambda m: _node(m, "Sub").input.pop()),
    "too many inputs": (GUARD, lambda m: _node(m, "Sub").input.append("x")),
    "too many outputs": (GUARD, lambda m: _node(m, "Sub").output.append("more")),
    "no outputs": (GUARD, lambda m: _node(m, "Sub").ClearField("output")),
    "two nodes of one name": (GUARD, lambda m: setattr(_node(m, "Sub"), "name", "x_scaled")),
    "1,001 nodes": (GUARD, _many_nodes),
    # what goes in and out
    "another number of features": (
        GRAPH,
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[2], "dim_value", 3),
    ),
    "a fixed batch": (
        GRAPH,
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 1),
    ),
    "time and batch by one name": (
        GRAPH,
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_param", "batch"),
    ),
    "a size of no name": (
        GRAPH,
        lambda m: m.graph.input[0].type.tensor_type.shape.dim[0].ClearField("dim_param"),
    ),
    "double input": (GRAPH, lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 11)),
    "a sequence for input": (
        GUARD,
        lambda m: m.graph.input[0].type.sequence_type.elem_type.SetInParent(),
    ),
    "an input without a type": (GRAPH, lambda m: m.graph.input[0].ClearField("type")),
    "one more input": (GRAPH, lambda m: m.graph.input.append(m.graph.input[0])),
    "no state": (GRAPH, lambda m: m.graph.input.pop()),
    "one more output": (GRAPH, lambda m: m.graph.output.append(m.graph.output[0])),
    "no state that comes out": (GRAPH, lambda m: m.graph.output.pop()),
    "a constant for an answer": (GRAPH, _give_constant),
    # shapes
    "split into too much": (GRAPH, lambda m: _set(m, "state_sizes", [6, 6, 4, 5])),
    "split into less than nothing": (GRAPH, lambda m: _set(m, "state_sizes", [30, -10, 4, -4])),
    "split into exabytes": (GRAPH, lambda m: _set(m, "state_sizes", [1 << 62, 6, 4, 4])),
    "split into thousands": (GRAPH, lambda m: _set(m, "state_sizes", [1] * 5_000)),
    "split along the batch": (GRAPH, lambda m: _give(_node(m, "Split"), axis=1)),
    "split along no axis": (GRAPH, lambda m: _give(_node(m, "Split"), axis=1 << 40)),
    # the policy for missing values
    "a policy that the manifest denies": (
        GUARD,
        lambda m: _manifest(m, {"missing": "error"}),
        "missing/gru-indicator",
    ),
    "a policy that is not in the graph": (GRAPH, lambda m: _manifest(m, {"missing": "mean"})),
    "a policy other than the manifest's": (
        GUARD,
        lambda m: _manifest(m, {"missing": "mean"}),
        "missing/gru-indicator",
    ),
    "gaps filled with something": (GRAPH, lambda m: _set(m, "zero", np.float32(9)), _MEAN),
    "gaps filled with a row": (GRAPH, lambda m: _set(m, "zero", np.zeros(2, "f4")), _MEAN),
    "values taken for gaps": (GRAPH, lambda m: _swapped(_node(m, "Where"), 1, 2), _MEAN),
    "marks of exabytes": (GRAPH, lambda m: _give(_node(m, "Cast"), to=11), "missing/gru-indicator"),
    "counted along the batch": (GRAPH, lambda m: _set(m, "time_axis", np.int64(0)), _FORWARD),
    "steps counted by two": (GRAPH, lambda m: _set(m, "one", np.int64(2)), _FORWARD),
    "copied from the batch": (GRAPH, lambda m: _give(_node(m, "GatherElements"), axis=0), _FORWARD),
    "copied anywhere": (
        GRAPH,
        lambda m: _node(m, "ScatterElements").input.__setitem__(1, "x_n"),
        _FORWARD,
    ),
    "copied backwards": (GRAPH, lambda m: _give(_node(m, "CumSum"), reverse=1), _FORWARD),
    "another row's last step": (
        GRAPH,
        lambda m: _give(_node(m, "GatherND"), batch_dims=0),
        _FORWARD,
    ),
    "something other than the lengths": (
        GRAPH,
        lambda m: _node(m, "Cast", 1).input.__setitem__(0, "x"),
        _FORWARD,
    ),
    "counts for values": (
        GRAPH,
        lambda m: _node(m, "Transpose", 1).input.__setitem__(0, "x_n"),
        _FORWARD,
    ),
    "missing values of something other than x": (
        GRAPH,
        lambda m: _renamed(m, _node(m, "IsNaN").input[0], "lengths"),
        _MEAN,
    ),
    "a policy whose node has another name": (
        GRAPH,
        lambda m: setattr(_node(m, "Where"), "name", "other"),
        _MEAN,
    ),
    "a policy that gives a name anew": (
        GRAPH,
        lambda m: _add_constant(m, _node(m, "IsNaN").output[0], np.ones(1, "f4")),
        _MEAN,
    ),
    "filled twice": (GUARD, lambda m: m.graph.node.append(_node(m, "GatherElements")), _FORWARD),
    "padded by gigabytes": (
        GRAPH,
        lambda m: _set(m, "one_before", [0, 1 << 30, 0, 0, 0, 0]),
        "missing/lstm-bidirectional-forward",
    ),
    "a last value of another size": (
        GRAPH,
        lambda m: _set(m, "state_sizes", [6, 6, 4, 4, 1, 1]),
        _FORWARD,
    ),
    "split by what is computed": (
        GRAPH,
        lambda m: _node(m, "Split").input.__setitem__(1, "lengths"),
    ),
    "join a state with x": (
        GRAPH,
        lambda m: _node(m, "Concat").input.__setitem__(1, "x"),
    ),
    "join along the batch": (GRAPH, lambda m: _give(_node(m, "Concat"), axis=1)),
    "join until memory runs out": (GRAPH, _grow),
    "an axis that does not exist": (GRAPH, lambda m: _set(m, "axes_1", [7])),
    "an axis that is not 1": (GRAPH, lambda m: _set(m, "axes_1", [0])),
    "an axis twice": (GRAPH, lambda m: _set(m, "axes_1", [1, 1])),
    "axes as a table": (GRAPH, lambda m: _set(m, "axes_1", [[1]])),
    "axes as floats": (GRAPH, lambda m: _set(m, "axes_1", np.ones(1, np.float32))),
    "one axis more": (GRAPH, lambda m: _set(m, "axes_0", [3])),
    "a perm that is not a permutation": (
        GRAPH,
        lambda m: _give(_node(m, "Transpose"), perm=[1, 1, 2]),
    ),
    "an order beyond the axes": (GRAPH, lambda m: _give(_node(m, "Transpose"), perm=[0, 1, 9])),
    "reshape to gigabytes": (
        GRAPH,
        lambda m: _set(m, "axes_0_-1", [1 << 30, -1]),
        "lstm-bidirectional-last",
    ),
    "reshape batch into features": (
        GRAPH,
        lambda m: _set(m, "axes_0_-1", [-1]),
        "lstm-bidirectional-last",
    ),
    "batch against batch": (GRAPH, _square),
    "time in the place of batch": (
        GRAPH,
        lambda m: _give(_node(m, "Transpose"), perm=[0, 1, 2]),
    ),
    "a bias as wide as the file": (
        GRAPH,
        lambda m: _set(m, "layer2_bias", np.zeros(100_000, np.float32)),
    ),
    "weights that do not multiply": (
        GRAPH,
        lambda m: _set(m, "layer2_weight", np.zeros((5, 2), np.float32)),
    ),
    "weights that are computed": (
        GRAPH,
        lambda m: _node(m, "MatMul").input.__setitem__(1, "layer1_last"),
    ),
    "a division by zero": (GRAPH, lambda m: _set(m, "x_scale", np.array([1, 0], np.float32))),
    "a division by next to nothing": (
        GRAPH,
        lambda m: _set(m, "x_scale", np.array([1, 1e-44], np.float32)),
    ),
    "a division by NaN": (GRAPH, lambda m: _set(m, "x_scale", np.array([1, np.nan], "f4"))),
    "a division by data": (GRAPH, lambda m: _node(m, "Div").input.__setitem__(1, "x")),
    "a division by a table": (
        GRAPH,
        lambda m: _set(m, "x_scale", np.ones((1, 2), np.float32)),
    ),
    # layers against their weights, and against the manifest
    "a hidden size that is not that of the weights": (
        GRAPH,
        lambda m: _give(_node(m, "LSTM"), hidden_size=1 << 40),
    ),
    "W of another size": (GRAPH, lambda m: _set(m, "layer0_W", np.zeros((1, 24, 3), "f4"))),
    "R of another size": (GRAPH, lambda m: _set(m, "layer0_R", np.zeros((1, 24, 5), "f4"))),
    "half of B": (GRAPH, lambda m: _set(m, "layer0_B", np.zeros((1, 24), "f4"))),
    "two directions, weights for one": (
        GRAPH,
        lambda m: _give(_node(m, "LSTM"), direction="bidirectional"),
    ),
    "peepholes": (GUARD, lambda m: _node(m, "LSTM").input.append("layer0_B")),
    "lengths from elsewhere": (GRAPH, lambda m: _node(m, "LSTM").input.__setitem__(4, "x")),
    "weights that are data": (GRAPH, lambda m: _node(m, "LSTM").input.__setitem__(1, "x_scaled")),
    "a start of another size": (
        GRAPH,
        lambda m: _node(m, "LSTM").input.__setitem__(5, "h1_start"),
    ),
    "a layer without a start": (
        GRAPH,
        lambda m: (_node(m, "LSTM", 1).input.pop(), _node(m, "LSTM", 1).input.pop()),
    ),
    "h without c": (GRAPH, lambda m: _node(m, "LSTM").input.pop()),
    "one layer more": (GUARD, _more_layers),
    "weights for 50 nodes": (GUARD, _shared),
    "another activation than the manifest's": (
        GRAPH,
        lambda m: _give(_node(m, "RNN"), activations=["Relu"]),
        "rnn-last",
    ),
    "a sigmoid in the middle": (GRAPH, lambda m: _insert(m, "Sigmoid", [])),
    "sigmoid for softmax": (
        GRAPH,
        lambda m: _node(m, "Softmax").CopyFrom(helper.make_node("Sigmoid", ["layer3_out"], ["y"])),
        "gru-norm-classes",
    ),
}

MANIFESTS: dict[str, tuple[str, Any]] = {
    "not JSON": (MANIFEST, "{"),
    "a list": (MANIFEST, "[]"),
    "deep": (MANIFEST, "[" * 100_000),
    "five megabytes": (GUARD, " " * (5 << 20)),
    "a number of 5,000 digits": (MANIFEST, '{"format":' + "9" * 5_000 + "}"),
    "a key twice": (MANIFEST, '{"format":1,"format":1}'),
    "a newer format": (VERSION, {"format": 3, "producer": "seqrt 9\x1b[2J"}),
    "a format that is text": (MANIFEST, {"format": "1"}),
    "Infinity": (MANIFEST, {"seed": float("inf")}),
    "a seed of 4,000 digits": (MANIFEST, {"seed": 10**4_000}),
    "a mean of 400 digits": (
        MANIFEST,
        {"features": [{"name": "a", "mean": 10**400}, {"name": "b"}]},
    ),
    "a name that clears the screen": (MANIFEST, {"name": "\x1b[2J\x1b[H"}),
    "a name of two lines": (MANIFEST, {"name": "a\nSHA-256   0000"}),
    "a name that reverses the text": (MANIFEST, {"name": "\u202egnp.exe"}),
    "half a character": (MANIFEST, {"name": "\ud800"}),
    "no layers": (MANIFEST, {"layers": []}),
    "a layer of nothing": (MANIFEST, {"layers": [{"cell": "lstm", "units": 0}]}),
    "a layer of exabytes": (MANIFEST, {"layers": [{"cell": "lstm", "units": 1 << 62}]}),
    "an unknown cell": (MANIFEST, {"layers": [{"cell": "transformer", "units": 6}]}),
    "a window of nothing": (MANIFEST, {"window": 0}),
    "a horizon below zero": (MANIFEST, {"horizon": -1}),
    "a scale of zero": (
        MANIFEST,
        {"outputs": [{"name": "a", "scale": 0.0}, {"name": "b"}]},
    ),
    "a state of another size": (MANIFEST, {"state_size": 10**9}),
    "a unidirectional network that may not stream": (MANIFEST, {"streamable": False}),
    "another cell": (
        MANIFEST,
        {"layers": [{"cell": "gru", "units": 6}, {"cell": "gru", "units": 4}]},
    ),
    "the layers the other way round": (
        GRAPH,
        {"layers": [{"cell": "lstm", "units": 4}, {"cell": "lstm", "units": 6}]},
    ),
    "another head": (GRAPH, {"head": "sequence"}),
    "another activation": (GRAPH, {"activation": "softmax"}),
    "one feature more": (GRAPH, {"features": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}),
    "one output less": (GRAPH, {"outputs": [{"name": "a"}]}),
    "a class too few": (MANIFEST, {"classes": ["one"]}),
    "inputs that make other features": (MANIFEST, {"inputs": [{"column": "a"}, {"column": "b"}]}),
    "ten thousand inputs": (MANIFEST, {"inputs": [{"column": "a"}] * 10_000}),
    "an input from rows that are not forecast": (MANIFEST, _inputs(ahead=1)),
    "an input from rows without end": (MANIFEST, _inputs(ahead=1 << 62) | {"horizon": 1 << 62}),
    "an offset of 64 bits": (MANIFEST, _inputs(offset=1 << 63)),
    "a category with a thousand levels": (
        MANIFEST,
        _inputs(kind="category", levels=[str(i) for i in range(1_000)]),
    ),
    "a level that clears the screen": (MANIFEST, _inputs(kind="category", levels=["\x1b[2J"])),
    "a calendar without a time": (MANIFEST, _inputs(kind="calendar", cycle="hour")),
    "an unknown cycle": (MANIFEST, _inputs(kind="calendar", cycle="moon")),
    "a step that clears the screen": (MANIFEST, {"time": {"name": "t", "step": "\x1b[2J"}}),
}
