"""Each operator of format 2: the guard's rule gives the shape that onnxruntime gives.

Plain numpy (numpy_graph.py) must compute the same numbers, because files of hand-made graphs, and
those with small weights, are judged by it alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from seqrt.contract.idioms.fixed_node import BATCH, TIME
from seqrt.contract.onnx_reader import FLOAT, INT32, INT64
from seqrt.contract.operators import GraphError, NodeCall, Value, outputs_of
from seqrt.contract.operators_format2 import NOTHING, OPERATORS_FORMAT2
from seqrt.errors import ModelError
from seqrt.export.small_weights.numpy_graph import run_graph

T, B = 11, 9
SIZES = {T: TIME, B: BATCH}
X = np.random.default_rng(0).normal(size=(T, B, 4)).astype(np.float32)
ROWS = np.random.default_rng(1).normal(size=(B, 2, 6)).astype(np.float32)
STEPS = np.random.default_rng(2).normal(size=(T, B, 2, 6)).astype(np.float32)
UNARY = [
    *("Relu", "Tanh", "Sigmoid", "Exp", "Erf", "Neg", "Abs", "Softsign", "Softplus", "HardSwish"),
    *("Reciprocal", "Identity"),
]


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


# operator, values, constants, attributes; the constants come after the values
NODES: list[tuple[str, list[Any], list[Any], dict[str, Any]]] = [
    *((name, [X], [], {}) for name in UNARY),
    *((name, [np.abs(X) + 0.1], [], {}) for name in ("Sqrt", "Log")),
    ("Atanh", [np.tanh(X)], [], {}),
    *((name, [X, X[:, :, :1]], [], {}) for name in ("Add", "Sub", "Mul", "Max", "Min", "Div")),
    *((name, [X], [floats(4)], {}) for name in ("Add", "Mul", "Max", "PRelu", "Div")),
    ("Add", [X, X[:1]], [], {}),
    ("LeakyRelu", [X], [], {"alpha": 0.2}),
    ("Elu", [X], [], {"alpha": 1.5}),
    ("Celu", [X], [], {"alpha": 1.5}),
    ("Selu", [X], [], {"alpha": 1.67, "gamma": 1.05}),
    ("HardSigmoid", [X], [], {"alpha": 0.2, "beta": 0.4}),
    ("Clip", [X], [np.float32(-0.5), np.float32(0.5)], {}),
    ("Clip", [X], [np.float32(-0.5)], {}),
    ("Clip", [X], [None, np.float32(0.5)], {}),
    ("Pow", [X], [np.float32(2)], {}),
    ("Softmax", [X], [], {"axis": -1}),
    ("LogSoftmax", [X], [], {"axis": -1}),
    ("ReduceSum", [X], [ints(2)], {"keepdims": 0}),
    ("ReduceMean", [X], [], {"axes": [2], "keepdims": 1}),
    ("ReduceMax", [ROWS], [], {"axes": [1, 2], "keepdims": 0}),
    ("ReduceMin", [ROWS], [], {"axes": [1], "keepdims": 1}),
    ("Slice", [X], [ints(1), ints(3), ints(2)], {}),
    ("Slice", [X], [ints(-2), ints(1 << 40), ints(2)], {}),
    ("Slice", [X], [ints(0), ints(4), ints(2), ints(2)], {}),
    ("Slice", [X], [ints(-1), ints(-(1 << 40)), ints(2), ints(-1)], {}),
    ("Slice", [ROWS], [ints(0, 1), ints(1, 4), ints(1, 2)], {}),
    ("Gather", [X], [np.int64(1)], {"axis": 2}),
    ("Gather", [ROWS], [ints(1, 0, 1)], {"axis": 1}),
    ("Split", [ROWS], [ints(1, 1)], {"axis": 1}),
    ("Concat", [ROWS, ROWS[:, :1]], [], {"axis": 1}),
    ("Transpose", [ROWS], [], {"perm": [0, 2, 1]}),
    ("Squeeze", [X[:, :, :1]], [ints(2)], {}),
    ("Unsqueeze", [X], [ints(0, 3)], {}),
    ("Reshape", [X], [ints(0, 0, 2, -1)], {}),
    ("Reshape", [ROWS], [ints(0, 12)], {}),
    ("Reshape", [ROWS], [ints(0, 0, 3, 2)], {}),
    ("MatMul", [X], [floats(4, 7)], {}),
    ("MatMul", [ROWS, ROWS.transpose(0, 2, 1)], [], {}),
    ("MatMul", [STEPS, STEPS.transpose(0, 1, 3, 2)], [], {}),
    ("LayerNormalization", [X], [floats(4), floats(4)], {"axis": -1, "epsilon": 1e-5}),
]


def shape_of(array: np.ndarray) -> tuple[Any, ...]:
    """Return a shape with the names of batch and time; no other size is 11 or 9."""
    return tuple(SIZES.get(size, size) for size in array.shape)


def rule_of(operator: str, values: list[Any], constants: list[Any], attributes: Any) -> Any:
    inputs = [Value(FLOAT, shape_of(value)) for value in values]
    for each in constants:
        kind = FLOAT if each is None or each.dtype == np.float32 else INT64
        data = None if each is None else memoryview(np.asarray(each).tobytes())
        inputs.append(NOTHING if each is None else Value(kind, np.shape(each), data))
    outputs = len(constants[0]) if operator == "Split" else 1
    return outputs_of(operator, NodeCall(inputs, attributes, outputs), OPERATORS_FORMAT2)


@pytest.mark.parametrize(
    ("operator", "values", "constants", "attributes"),
    NODES,
    ids=[f"{number}-{node[0]}" for number, node in enumerate(NODES)],
)
def test_the_rule_the_referee_and_onnxruntime_agree(operator, values, constants, attributes):
    names = [f"v{i}" for i in range(len(values))]
    fixed = [f"c{i}" if each is not None else "" for i, each in enumerate(constants)]
    outputs = [f"y{i}" for i in range(len(constants[0]) if operator == "Split" else 1)]
    node = helper.make_node(operator, names + fixed, outputs, **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(n, 1, v.shape) for n, v in zip(names, values, strict=True)],
        [helper.make_tensor_value_info(name, 1, None) for name in outputs],
        [
            numpy_helper.from_array(np.asarray(each), name)
            for name, each in zip(fixed, constants, strict=True)
            if each is not None
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content, feeds = model.SerializeToString(), dict(zip(names, values, strict=True))

    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    got = session.run(outputs, feeds)
    truth = run_graph(content, feeds, np.float64)

    ruled = rule_of(operator, values, constants, attributes)
    assert [each.shape for each in ruled] == [shape_of(array) for array in got]
    for name, array in zip(outputs, got, strict=True):
        np.testing.assert_allclose(array, truth[name], rtol=1e-5, atol=1e-6)


def test_every_operator_without_a_layer_is_tried():
    assert {node[0] for node in NODES} == set(OPERATORS_FORMAT2) - {"RNN", "GRU", "LSTM"}


# Layers


def call_of(time: Any, *, lengths: bool, starts: int = 0, direction: str = "forward") -> Any:
    weights = [(1, 12, 4), (1, 12, 3), (1, 24)]
    constants = [Value(FLOAT, shape, memoryview(b"")) for shape in weights]
    rows = Value(INT32, (BATCH,)) if lengths else NOTHING
    inputs = [Value(FLOAT, (time, BATCH, 4)), *constants, rows]
    inputs += [Value(FLOAT, (1, BATCH, 3))] * starts
    attributes = {"direction": direction, "hidden_size": 3}
    return outputs_of("LSTM", NodeCall(inputs, attributes, 3), OPERATORS_FORMAT2)


def test_a_layer_runs_over_time_by_lengths_and_over_fixed_steps_without():
    assert call_of(TIME, lengths=True)[0].shape == (TIME, 1, BATCH, 3)
    assert call_of(4, lengths=False, starts=2)[0].shape == (4, 1, BATCH, 3)
    assert call_of(TIME, lengths=True, direction="reverse")[2].shape == (1, BATCH, 3)


@pytest.mark.parametrize(("time", "lengths"), [(TIME, False), (4, True), (BATCH, True)])
def test_lengths_belong_to_time(time: Any, lengths: bool):
    with pytest.raises(GraphError, match="it must read"):
        call_of(time, lengths=lengths)


def test_a_layer_needs_both_states_or_none_and_a_known_direction():
    with pytest.raises(GraphError, match="starts"):
        call_of(TIME, lengths=True, starts=1)
    with pytest.raises(ModelError, match="E_MODEL_GUARD"):
        call_of(TIME, lengths=True, direction="sideways")


# What mixes rows or steps


@pytest.mark.parametrize(
    ("operator", "shapes", "constants", "attributes"),
    [
        ("ReduceMean", [X], [], {"axes": [0], "keepdims": 1}),
        ("ReduceSum", [X], [ints(1)], {"keepdims": 1}),
        ("ReduceMax", [X], [], {"axes": [-1], "keepdims": 1}),
        ("Slice", [X], [ints(0), ints(2), ints(0)], {}),
        ("Slice", [X], [ints(0), ints(0), ints(2)], {}),
        ("Slice", [X], [ints(0, 0), ints(1, 2), ints(2, 2)], {}),
        ("Gather", [X], [np.int64(0)], {"axis": 1}),
        ("Gather", [X], [np.int64(4)], {"axis": 2}),
        ("Split", [X], [ints(5, 6)], {"axis": 0}),
        ("Concat", [X, X], [], {"axis": 0}),
        ("Squeeze", [X[:1]], [ints(1)], {}),
        ("Reshape", [X], [ints(0, -1)], {}),
        ("Reshape", [X], [ints(-1, 4)], {}),
        ("Reshape", [X], [ints(0, 0, 3, 2)], {}),
        ("Reshape", [X], [ints(0, 0, -1, -1)], {}),
        ("Reshape", [X], [ints(0, 0, 0, -1, 7)], {}),
        ("MatMul", [X, X.transpose(0, 2, 1)], [], {}),
        ("MatMul", [ROWS.transpose(1, 0, 2), ROWS.transpose(1, 2, 0)], [], {}),
        ("MatMul", [STEPS, STEPS.transpose(1, 0, 3, 2)], [], {}),
        ("MatMul", [STEPS.transpose(1, 2, 0, 3), STEPS.transpose(1, 2, 3, 0)], [], {}),
        ("MatMul", [STEPS.transpose(1, 2, 3, 0), STEPS.transpose(1, 2, 0, 3)], [], {}),
        ("MatMul", [STEPS.transpose(0, 2, 1, 3), STEPS.transpose(0, 2, 3, 1)], [], {}),
        ("Add", [X, X.transpose(1, 0, 2)], [], {}),
        ("Transpose", [X], [], {"perm": [0, 1]}),
    ],
)
def test_what_mixes_rows_or_steps_is_refused(operator, shapes, constants, attributes):
    with pytest.raises(GraphError):
        rule_of(operator, shapes, constants, attributes)


@pytest.mark.parametrize(("around", "most"), [((TIME, BATCH), 1 << 16), ((BATCH,), 1 << 20)])
def test_products_of_two_values_are_limited_for_each_step_and_row(around, most):
    def multiply(width: int) -> list[Value]:
        values = [Value(FLOAT, (*around, 64, width)), Value(FLOAT, (*around, width, 4))]
        return outputs_of("MatMul", NodeCall(values, {}, 1), OPERATORS_FORMAT2)

    assert multiply(most // 256)[0].shape == (*around, 64, 4)
    with pytest.raises(GraphError, match="too many products"):
        multiply(most // 256 + 1)
