"""Hostile files of format 2: one node, size or constant of an idiom bent, or a rule of it broken.

The origins are the files of tests/runtime/nets/format2, which the guard accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from attacks.hostile import (
    GRAPH,
    GUARD,
    MANIFEST,
    NETS,
    VERSION,
    WEIGHTS,
    Attack,
    _add_constant,
    _constant,
    _give,
    _manifest,
    _node,
    _set,
    _swapped,
    changed,
)
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

FILES = sorted((NETS / "format2").glob("*.onnx"))
IDIOMS = {
    *("inside", "count", "steps", "last", "first", "sum", "max", "min", "masked", "softmax"),
    *("scores", "attend", "reversed", "taps", "embedding", "tokens"),
    *("windows", "phases", "interleaved"),
}
POOLED, TAGGER, HEADS, ATTENTION = "pooled", "tagger", "two-heads", "attention"
AHEAD, DECODER, AUTO, DILATED = "ahead", "decoder", "autoencoder", "dilated"
HUGE = 1 << 40


def attacks() -> Iterator[Attack]:
    """Yield each attack with the code of the error that it must raise."""
    for name, (code, net, change) in CHANGES.items():
        yield Attack(f"format 2: {name}", code, changed(change, f"format2/{net}"))
    for name, (code, net, fields) in MANIFESTS.items():
        content = changed(lambda m, f=fields: _manifest(m, f), f"format2/{net}")
        yield Attack(f"manifest of format 2: {name}", code, content)


def bent(net: str) -> Iterator[tuple[str, bytes]]:
    """Yield a file for every small change to every node of every idiom in a net."""
    for name, change in list(_bends(net)):
        yield name, changed(change, f"format2/{net}")


def _bends(net: str) -> Iterator[tuple[str, Callable[[ModelProto], Any]]]:
    model = _opened(net)
    for tensor in model.graph.initializer:
        readers = {n.name.partition(".")[0] for n in model.graph.node if tensor.name in n.input}
        if readers & IDIOMS and len(tensor.dims) < 2:
            yield (
                f"{tensor.name} is another",
                lambda m, name=tensor.name: _set(
                    m, name, _another(numpy_helper.to_array(_constant(m, name)))
                ),
            )
            yield (
                f"{tensor.name} has another axis",
                lambda m, name=tensor.name: _set(
                    m, name, numpy_helper.to_array(_constant(m, name))[None]
                ),
            )
    for place, node in enumerate(model.graph.node):
        if node.name.partition(".")[0] not in IDIOMS:
            continue
        yield f"{node.name} left out", lambda m, p=place: m.graph.node.pop(p)
        yield f"{node.name} twice", lambda m, p=place: m.graph.node.insert(p, m.graph.node[p])
        yield f"{node.name} as Neg", lambda m, p=place: setattr(m.graph.node[p], "op_type", "Neg")
        yield f"{node.name} of a domain", lambda m, p=place: setattr(m.graph.node[p], "domain", "d")
        yield (
            f"{node.name} named anew",
            lambda m, p=place: m.graph.node[p].output.__setitem__(0, "elsewhere"),
        )
        yield (
            f"{node.name} with one input more",
            lambda m, p=place: m.graph.node[p].input.append("x"),
        )
        for i, given in enumerate(node.input):
            for other in {"x", "lengths", "", "axes_0", given + "?"} - {given}:
                yield (
                    f"{node.name} reads {other!r} as input {i}",
                    lambda m, p=place, i=i, o=other: m.graph.node[p].input.__setitem__(i, o),
                )
        for attribute in node.attribute:
            for value in (-1, 1 << 40):
                yield (
                    f"{node.name} with {attribute.name} {value}",
                    lambda m, p=place, a=attribute.name, v=value: _give(
                        m.graph.node[p], **{a: [v] if m.graph.node[p].op_type == "Transpose" else v}
                    ),
                )


def _another(values: Any) -> Any:
    return values + 1 if values.dtype.kind == "i" else values / 2 + np.float32(1)


def _opened(net: str) -> ModelProto:
    found: list[ModelProto] = []
    changed(found.append, f"format2/{net}")
    return found[0]


def _named(model: ModelProto, name: str) -> NodeProto:
    return next(node for node in model.graph.node if node.name == name)


def _append(model: ModelProto, operator: str, inputs: list[str], **attributes: Any) -> None:
    """Insert a node before the one that outputs y."""
    place = next(i for i, node in enumerate(model.graph.node) if "y" in node.output)
    model.graph.node.insert(place, helper.make_node(operator, inputs, ["hostile"], **attributes))


def _before_y(model: ModelProto, operator: str, *more: str, **attributes: Any) -> None:
    """Insert a node between y and what it is read from."""
    last = next(node for node in model.graph.node if "y" in node.output)
    _append(model, operator, [last.input[0], *more], **attributes)
    last.input[0] = "hostile"


def _double(model: ModelProto, times: int = 30) -> None:
    """Double a value over time, again and again."""
    name = _named(model, "taps.0.steps").output[0]
    place = list(model.graph.node).index(_node(model, "MatMul"))
    for number in range(times):
        node = helper.make_node("Concat", [name, name], [f"twice{number}"], axis=2)
        model.graph.node.insert(place + number, node)
        name = f"twice{number}"


def _many_products(model: ModelProto) -> None:
    """Use a matrix over time once more, for work that the file's size does not bound."""
    product = _node(model, "MatMul")
    for number in range(20):
        node = helper.make_node("MatMul", list(product.input), [f"work{number}"])
        model.graph.node.append(node)


def _squares(model: ModelProto) -> None:
    """Make (batch, 200, 200) out of (batch, 1) and two columns, and multiply it by itself."""
    place = next(i for i, node in enumerate(model.graph.node) if "y" in node.output)
    tall = _add_constant(model, "tall", np.zeros((1, 200, 1), "f4"))
    wide = _add_constant(model, "wide", np.zeros((1, 1, 200), "f4"))
    nodes = [
        helper.make_node("Unsqueeze", ["steps.0.total", "axes_2"], ["cube"]),
        helper.make_node("Add", ["cube", tall], ["column"]),
        helper.make_node("Add", ["column", wide], ["square"]),
        helper.make_node("MatMul", ["square", "square"], ["product"]),
    ]
    for node in reversed(nodes):
        model.graph.node.insert(place, node)


def _far_taps(model: ModelProto, context: int) -> None:
    """Say that a convolution reads a step of long ago."""
    _set(
        model,
        "axes_2_0_0_0_0_0" if _has(model, "axes_2_0_0_0_0_0") else "axes_1_0_0_1_0_0",
        np.array([context, 0, 0, 1, 0, 0]),
    )


def _has(model: ModelProto, name: str) -> bool:
    return any(tensor.name == name for tensor in model.graph.initializer)


def _rows_by_rows(model: ModelProto) -> None:
    """Multiply a value by another one that would join steps with steps."""
    _append(model, "MatMul", ["attend.0.rows", "attend.0.columns"])


def _self_attention(model: ModelProto) -> None:
    """Take the products of all steps with all steps."""
    query = _named(model, "scores.0.products").input
    turned = helper.make_node("Transpose", ["scores.0.rows"], ["turned"], perm=[0, 2, 1])
    place = list(model.graph.node).index(_named(model, "scores.0.products"))
    model.graph.node.insert(place, turned)
    query[1] = "turned"


def _state_elsewhere(model: ModelProto) -> None:
    """Start a layer from a value that is not a piece of the state."""
    layer = _node(model, "LSTM")
    zero = helper.make_node("Sub", [layer.input[5], layer.input[5]], ["nothing"])
    model.graph.node.insert(list(model.graph.node).index(layer), zero)
    layer.input[5] = "nothing"


def _phases_elsewhere(model: ModelProto) -> None:
    """Start the phases of a layer from a value that is not a piece of the state."""
    for node in model.graph.node:
        if node.name == "phases.0.before0":
            piece, node.input[0] = node.input[0], "nothing"
    zero = helper.make_node("Sub", [piece, piece], ["nothing"])
    place = list(model.graph.node).index(_named(model, "phases.0.shape"))
    model.graph.node.insert(place, zero)


CHANGES: dict[str, tuple[str, str, Callable[[ModelProto], Any]]] = {
    # what only idioms may do
    "Range outside an idiom": (GUARD, POOLED, lambda m: _append(m, "Range", ["lengths"] * 3)),
    "Shape outside an idiom": (GUARD, POOLED, lambda m: _append(m, "Shape", ["x"])),
    "CumSum outside an idiom": (GUARD, POOLED, lambda m: _append(m, "CumSum", ["x", "number_0"])),
    "Cast outside an idiom": (GUARD, POOLED, lambda m: _append(m, "Cast", ["lengths"], to=1)),
    "Where outside an idiom": (
        GUARD,
        POOLED,
        lambda m: _append(m, "Where", ["inside.0.mask", "x", "x"]),
    ),
    "Less outside an idiom": (GUARD, POOLED, lambda m: _append(m, "Less", ["x", "x"])),
    "GatherND outside an idiom": (
        GUARD,
        POOLED,
        lambda m: _append(m, "GatherND", ["x", "last.0.places"], batch_dims=1),
    ),
    "ReverseSequence outside an idiom": (
        GUARD,
        AHEAD,
        lambda m: _append(m, "ReverseSequence", ["x", "lengths"], batch_axis=0, time_axis=1),
    ),
    "Pad outside an idiom": (
        GUARD,
        AHEAD,
        lambda m: _append(m, "Pad", ["x", _add_constant(m, "gigabytes", [0, HUGE, 0, 0, 0, 0])]),
    ),
    "Expand": (
        GUARD,
        POOLED,
        lambda m: _append(m, "Expand", ["x", _add_constant(m, "big", [1 << 20, 1 << 20, 1])]),
    ),
    "Tile": (GUARD, POOLED, lambda m: _append(m, "Tile", ["x", _add_constant(m, "big", [HUGE])])),
    "Conv": (GUARD, AHEAD, lambda m: _append(m, "Conv", ["x", "x"])),
    "Einsum": (GUARD, POOLED, lambda m: _append(m, "Einsum", ["x", "x"], equation="btd,ctd->bc")),
    "what an idiom hides, read by a node": (
        GRAPH,
        POOLED,
        lambda m: _append(m, "Neg", ["sum.0.sums"]),
    ),
    "a mask read by a node": (GRAPH, POOLED, lambda m: _append(m, "Neg", ["inside.0.mask"])),
    "ids read as numbers": (GRAPH, TAGGER, lambda m: _append(m, "Neg", ["x"])),
    "lengths read as numbers": (GRAPH, POOLED, lambda m: _append(m, "Neg", ["lengths"])),
    "what an idiom hides in the place of no lengths": (
        GRAPH,
        DECODER,
        lambda m: _node(m, "LSTM", 1).input.__setitem__(4, "axes_0"),
    ),
    # sizes of idioms
    "steps of a row that may be shorter": (
        GRAPH,
        AHEAD,
        lambda m: _manifest(m, {"least": 2}),
    ),
    "a step from far back": (GRAPH, AHEAD, lambda m: _set(m, "number_2", np.int64(HUGE))),
    "the step before the first": (GRAPH, AHEAD, lambda m: _set(m, "number_2", np.int64(-5))),
    "padding of gigabytes": (GRAPH, AHEAD, lambda m: _far_taps(m, HUGE)),
    "padding below zero": (GRAPH, AHEAD, lambda m: _far_taps(m, -1)),
    "a kernel that reads far ahead": (
        GRAPH,
        AHEAD,
        lambda m: _set(m, "axes_1_0_0_1_0_0", np.array([1, 0, 0, HUGE, 0, 0])),
    ),
    "a context of another size": (
        GRAPH,
        POOLED,
        lambda m: _set(m, "axes_-1_4_2", np.array([-1, HUGE, 2])),
    ),
    "places far from a row": (
        GRAPH,
        POOLED,
        lambda m: _set(m, "range_4", np.arange(4) + HUGE),
    ),
    "a table with fewer rows than ids": (
        GRAPH,
        TAGGER,
        lambda m: _set(m, "number_10", np.int64(1000)),
    ),
    "ids below the table": (GRAPH, TAGGER, lambda m: _set(m, "number_0", np.int64(-1000))),
    "a table that is not a matrix": (
        GRAPH,
        TAGGER,
        lambda m: _set(m, "w1", np.zeros((11, 3, 1), "f4")),
    ),
    "a table of another axis": (
        GRAPH,
        TAGGER,
        lambda m: _give(_named(m, "embedding.0.rows"), axis=1),
    ),
    "a fill of NaN": (
        GRAPH,
        ATTENTION,
        lambda m: _set(m, "value_0.0", np.float32(np.nan)),
    ),
    "a fill that is not the one of the idiom": (
        GRAPH,
        ATTENTION,
        lambda m: _set(m, "value_-3.4e+38", np.float32(0)),
    ),
    "a sum along the batch": (GRAPH, POOLED, lambda m: _set(m, "number_0", np.int64(1))),
    "a maximum along the batch": (
        GRAPH,
        POOLED,
        lambda m: _give(_named(m, "max.0.here"), axes=[1]),
    ),
    "a softmax along the batch": (
        GRAPH,
        ATTENTION,
        lambda m: _give(_named(m, "softmax.0.weights"), axis=1),
    ),
    "rows reversed along the batch": (
        GRAPH,
        AHEAD,
        lambda m: _give(_named(m, "reversed.0.steps"), batch_axis=0, time_axis=1),
    ),
    "the row of another": (
        GRAPH,
        POOLED,
        lambda m: _give(_named(m, "last.0.step"), batch_dims=0),
    ),
    "a mask the other way round": (
        GRAPH,
        ATTENTION,
        lambda m: _swapped(_named(m, "attend.0.weights"), 1, 2),
    ),
    "steps before the mask": (
        GRAPH,
        POOLED,
        lambda m: _swapped(_named(m, "inside.0.rows"), 0, 1),
    ),
    "more steps than x has": (
        GRAPH,
        POOLED,
        lambda m: _named(m, "inside.0.numbers").input.__setitem__(1, "number_1"),
    ),
    "the number of rows for that of steps": (
        GRAPH,
        ATTENTION,
        lambda m: _set(m, "number_1", np.int64(0)),
    ),
    "all steps with all steps": (GRAPH, ATTENTION, _self_attention),
    "values of an idiom multiplied outside": (GRAPH, ATTENTION, _rows_by_rows),
    "an idiom that the file does not carry": (
        GRAPH,
        DECODER,
        lambda m: _append(m, "Neg", ["fresh"], name="steps.0.before"),
    ),
    "an idiom whose name has 400 digits": (
        GUARD,
        POOLED,
        lambda m: _append(m, "Cast", ["lengths"], name="count." + "9" * 400 + ".numbers", to=1),
    ),
    # batch and time keep their places
    "a reduction over the batch": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "ReduceMean", axes=[0], keepdims=1),
    ),
    "a reduction over time": (
        GRAPH,
        TAGGER,
        lambda m: _before_y(m, "ReduceMax", axes=[1], keepdims=1),
    ),
    "a softmax over rows": (GUARD, POOLED, lambda m: _before_y(m, "Softmax", axis=0)),
    "a slice of the batch": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Slice", "axes_0", "axes_1", "axes_0"),
    ),
    "a slice of nothing": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Slice", "axes_1", "axes_1", "axes_1"),
    ),
    "a slice by a step of zero": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Slice", "axes_0", "axes_1", "axes_1", "axes_0"),
    ),
    "a row of the batch": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Gather", "number_0", axis=0),
    ),
    "a column that is not there": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Gather", _add_constant(m, "far", np.int64(2)), axis=1),
    ),
    "a column before the first": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Gather", _add_constant(m, "far", np.int64(-1)), axis=1),
    ),
    "a reshape of rows into columns": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Reshape", _add_constant(m, "one_row", [1, -1])),
    ),
    "a reshape to gigabytes": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Reshape", _add_constant(m, "wide", [0, HUGE])),
    ),
    "a squeeze of the batch": (GRAPH, POOLED, lambda m: _before_y(m, "Squeeze", "axes_0")),
    "axes without end": (
        GRAPH,
        POOLED,
        lambda m: _append(m, "Unsqueeze", ["x", _add_constant(m, "many", list(range(9)))]),
    ),
    "batch against batch": (
        GRAPH,
        POOLED,
        lambda m: (
            _append(m, "Add", ["steps.0.total", "turned"]),
            m.graph.node.insert(
                list(m.graph.node).index(_node(m, "Add", -1)),
                helper.make_node("Transpose", ["steps.0.total"], ["turned"], perm=[1, 0]),
            ),
        ),
    ),
    "a division by zero": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Div", _add_constant(m, "nothing", np.float32(0))),
    ),
    "a bound that is a table": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "Clip", _add_constant(m, "bounds", np.zeros(2, "f4"))),
    ),
    "an exponent that is data": (GRAPH, POOLED, lambda m: _before_y(m, "Pow", "steps.0.total")),
    "slopes for every row": (
        GRAPH,
        POOLED,
        lambda m: _before_y(m, "PRelu", _add_constant(m, "slopes", np.zeros((9, 2), "f4"))),
    ),
    "join until memory runs out": (GRAPH, POOLED, _double),
    "constants multiplied out when the file is opened": (
        GRAPH,
        POOLED,
        lambda m: _append(
            m,
            "Add",
            [
                _add_constant(m, "tall", np.zeros((200, 1), "f4")),
                _add_constant(m, "wide", np.zeros((1, 200), "f4")),
            ],
        ),
    ),
    "products of large squares for each row": (GRAPH, POOLED, _squares),
    "a value of a row of a megabyte": (
        GRAPH,
        POOLED,
        lambda m: _append(
            m, "Add", ["steps.0.total", _add_constant(m, "wide", np.zeros(1 << 18, "f4"))]
        ),
    ),
    # work
    "a matrix used at every step again and again": (GUARD, POOLED, _many_products),
    "a matrix used for more outputs than there are": (
        GUARD,
        "feedback",
        lambda m: [
            m.graph.node.append(
                helper.make_node("MatMul", list(_node(m, "MatMul").input), [f"work{number}"])
            )
            for number in range(6)
        ],
    ),
    "a decoder of many steps": (
        MANIFEST,
        DECODER,
        lambda m: _manifest(m, {"decoders": [{"cell": "lstm", "units": 3, "steps": 1_000_000}]}),
    ),
    "a decoder over another number of steps": (
        GRAPH,
        DECODER,
        lambda m: _set(m, _node(m, "Add").input[1], np.zeros((2, 1, 1), "f4")),
    ),
    "a decoder of millions of steps": (
        GRAPH,
        DECODER,
        lambda m: _set(m, _node(m, "Add").input[1], np.zeros((1_000_000, 1, 1), "f4")),
    ),
    "a decoder with lengths": (
        GRAPH,
        DECODER,
        lambda m: _node(m, "LSTM", 1).input.__setitem__(4, "lengths"),
    ),
    "a layer over time without lengths": (
        GRAPH,
        DECODER,
        lambda m: _node(m, "LSTM").input.__setitem__(4, ""),
    ),
    "a layer without weights": (
        GRAPH,
        DECODER,
        lambda m: _node(m, "LSTM").input.__setitem__(1, ""),
    ),
    # state
    "a layer that forgets its state": (GRAPH, DECODER, _state_elsewhere),
    "pieces of another size": (
        GRAPH,
        POOLED,
        lambda m: _set(m, "state_sizes", [4, 8, 1, 4, 4, 4]),
    ),
    "a state joined in another order of sizes": (
        GRAPH,
        HEADS,
        lambda m: _set(m, "state_sizes", [1, 4, 4]),
    ),
    "the state read twice": (GRAPH, DECODER, lambda m: _append(m, "Neg", ["state"])),
    "a layer from the end that streams": (
        GRAPH,
        DECODER,
        lambda m: _give(_node(m, "LSTM"), direction="reverse"),
    ),
    **{
        f"an LSTM of {' and '.join(functions)}": (
            GRAPH,
            DECODER,
            lambda m, given=functions: _give(_node(m, "LSTM"), activations=given),
        )
        for functions in (
            ["Sigmoid", "Relu", "Relu"],  # which the manifest does not list
            ["Sigmoid", "Affine", "Affine"],
            ["Sigmoid", "Tanh", "Relu"],
            ["Relu", "Tanh", "Tanh"],
            ["Sigmoid", "Tanh"],
            ["Sigmoid"],
            ["Sigmoid", "Tanh", "Tanh"] * 2,
        )
    },
    "a slope of a function": (
        GUARD,
        DECODER,
        lambda m: _give(_node(m, "LSTM"), activation_alpha=[0.5]),
    ),
    "an attribute without a name": (
        GUARD,
        POOLED,
        lambda m: _node(m, "GRU").attribute.add().CopyFrom(AttributeProto(i=1)),
    ),
    # phases and windows
    "phases that start from nowhere": (GRAPH, DILATED, _phases_elsewhere),
    "the steps of phases for those of rows": (
        GRAPH,
        DILATED,
        lambda m: _append(m, "Relu", ["phases.0.steps"]),
    ),
    "phases read from the end": (
        GRAPH,
        DILATED,
        lambda m: _give(_node(m, "LSTM"), direction="reverse"),
    ),
    "phases with the lengths of the rows": (
        GRAPH,
        DILATED,
        lambda m: _node(m, "LSTM").input.__setitem__(4, "lengths"),
    ),
    "phases with the lengths of other phases": (
        GRAPH,
        DILATED,
        lambda m: _node(m, "GRU").input.__setitem__(4, "phases.0.lengths"),
    ),
    "phases over a fixed number of steps": (
        GRAPH,
        DILATED,
        lambda m: _node(m, "LSTM").input.__setitem__(4, ""),
    ),
    "rows with the lengths of phases": (
        GRAPH,
        DILATED,
        lambda m: _node(m, "LSTM").input.__setitem__(0, _named(m, "phases.0.padded").input[0]),
    ),
    "phases from a row's own start": (
        GRAPH,
        DILATED,
        lambda m: _node(m, "LSTM").input.__setitem__(5, "piece1"),
    ),
    "phases put back in order twice": (
        GRAPH,
        DILATED,
        lambda m: _named(m, "interleaved.0.whole").input.__setitem__(0, "interleaved.0.steps"),
    ),
    "the states of other phases": (
        GRAPH,
        DILATED,
        lambda m: _named(m, "interleaved.0.seen0").input.__setitem__(0, "phases.1.ring0"),
    ),
    "phases without end": (GRAPH, DILATED, lambda m: _set(m, "axes_5", np.array([HUGE]))),
    "phases of no step": (GRAPH, DILATED, lambda m: _set(m, "axes_5", np.array([0]))),
    "a window without end": (
        GRAPH,
        DILATED,
        lambda m: _set(m, "axes_-1_4_2", np.array([-1, HUGE, 2])),
    ),
    "a window far from its row": (
        GRAPH,
        DILATED,
        lambda m: _set(m, "range_5", np.arange(5) + HUGE),
    ),
    "a window of nothing that cannot stream": (
        GRAPH,
        "dilated-whole",
        lambda m: _set(m, "axes_3_0_0_0_0_0", np.array([-1, 0, 0, 0, 0, 0])),
    ),
    # outputs
    "an output of another name": (
        GRAPH,
        HEADS,
        lambda m: setattr(m.graph.output[1], "name", "worth"),
    ),
    "an output of another width": (
        GRAPH,
        HEADS,
        lambda m: setattr(m.graph.output[1].type.tensor_type.shape.dim[1], "dim_value", 2),
    ),
    "an output more than the manifest says": (
        GRAPH,
        POOLED,
        lambda m: m.graph.output.append(
            helper.make_tensor_value_info("v9", TensorProto.FLOAT, ["batch", 2])
        ),
    ),
    "tokens as floats": (
        GRAPH,
        TAGGER,
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", TensorProto.FLOAT),
    ),
    "a weight that is NaN": (
        WEIGHTS,
        AUTO,
        lambda m: setattr(
            next(t for t in m.graph.initializer if t.data_type == 1 and len(t.dims) == 3),
            "raw_data",
            b"\xff"
            * len(
                next(
                    t for t in m.graph.initializer if t.data_type == 1 and len(t.dims) == 3
                ).raw_data
            ),
        ),
    ),
    "a table of exabytes": (
        GUARD,
        TAGGER,
        lambda m: _constant(m, "w1").dims.__setitem__(0, 1 << 62),
    ),
}

GRU_OF_3 = {"cell": "gru", "units": 3, "dilation": 3}
MANIFESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "format 3": (VERSION, POOLED, {"format": 3}),
    "a file of format 2 as one of format 1": (MANIFEST, POOLED, {"format": 1}),
    "a state of exabytes": (MANIFEST, POOLED, {"carries": [{"what": "sum", "size": 1 << 62}]}),
    "a state of less than nothing": (MANIFEST, POOLED, {"carries": [{"what": "h", "size": -4}]}),
    "a state without its pieces": (MANIFEST, POOLED, {"carries": []}),
    "a reason for what streams": (MANIFEST, POOLED, {"not_streamable": "it does not"}),
    "no reason": (MANIFEST, AHEAD, {"not_streamable": ""}),
    "a reason that clears the screen": (MANIFEST, AHEAD, {"not_streamable": "\x1b[2J"}),
    "a reason of a book": (MANIFEST, AHEAD, {"not_streamable": "a" * 10_000}),
    "another cell": (GRAPH, AHEAD, {"layers": [{"cell": "lstm", "units": 3, "reverse": True}]}),
    "the other direction": (GRAPH, AHEAD, {"layers": [{"cell": "gru", "units": 3}]}),
    "no decoder": (GRAPH, DECODER, {"decoders": []}),
    "a decoder over time": (MANIFEST, DECODER, {"decoders": [{"cell": "lstm", "units": 3}]}),
    **{
        f"a dilation of {number}": (
            code,
            DILATED,
            {"layers": [{"cell": "lstm", "units": 4, "dilation": number}, GRU_OF_3]},
        )
        for number, code in ((HUGE, MANIFEST), (0, MANIFEST), (-5, MANIFEST), (6, GRAPH))
    },
    "functions that the graph lacks": (
        GRAPH,
        DILATED,
        {
            "layers": [
                {"cell": "lstm", "units": 4, "activations": ["Sigmoid", "Relu", "Relu"]},
                GRU_OF_3,
            ]
        },
    ),
    "no dilation": (GRAPH, DILATED, {"layers": [{"cell": "lstm", "units": 4}, GRU_OF_3]}),
    "a dilation of a layer from the end": (
        MANIFEST,
        AHEAD,
        {"layers": [{"cell": "gru", "units": 3, "reverse": True, "dilation": 2}]},
    ),
    "a dilation of a decoder": (
        MANIFEST,
        DECODER,
        {"decoders": [{"cell": "lstm", "units": 3, "steps": 3, "dilation": 2}]},
    ),
    **{
        f"{groups} groups of {units} units": (
            code,
            POOLED,
            {"layers": [{"cell": "gru", "units": units, "groups": groups}]},
        )
        for groups, units, code in (
            *((2, 4, GRAPH), (4, 4, GRAPH), (3, 4, MANIFEST)),
            *((0, 4, MANIFEST), (-2, 4, MANIFEST), (HUGE, HUGE, MANIFEST)),
        )
    },
    "groups of a dilated layer": (
        MANIFEST,
        DILATED,
        {"layers": [{"cell": "lstm", "units": 4, "dilation": 5, "groups": 2}, GRU_OF_3]},
    ),
    "states of gigabytes": (
        MANIFEST,
        DILATED,
        {
            "layers": [{"cell": "lstm", "units": 1 << 20, "dilation": 1 << 16}],
            "carries": [{"what": "h", "size": 1 << 36}],
        },
    ),
    "numbers for tokens": (GRAPH, TAGGER, {"tokens": 0}),
    "tokens for numbers": (MANIFEST, POOLED, {"tokens": 5}),
    "rows of a million steps at least": (MANIFEST, AHEAD, {"least": 1 << 40}),
    "rows of nothing": (MANIFEST, AHEAD, {"least": 0}),
    "one output": (GRAPH, HEADS, {"heads": []}),
    "the state as an output": (
        MANIFEST,
        HEADS,
        {
            "heads": [
                {"name": "y", "outputs": 2, "head": "sequence"},
                {"name": "state_out", "outputs": 1, "head": "last"},
            ]
        },
    ),
    "an output of another head": (
        GRAPH,
        HEADS,
        {
            "heads": [
                {"name": "y", "outputs": 2, "head": "sequence"},
                {"name": "value", "outputs": 1, "head": "sequence"},
            ]
        },
    ),
    "another activation of an output": (
        GRAPH,
        HEADS,
        {
            "heads": [
                {"name": "y", "outputs": 2, "head": "sequence"},
                {"name": "value", "outputs": 1, "head": "last", "activation": "softmax"},
            ]
        },
    ),
    "a policy for missing values that the graph has not": (GRAPH, POOLED, {"missing": "mean"}),
}
