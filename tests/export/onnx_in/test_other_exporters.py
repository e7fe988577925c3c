"""Graphs in the manner of tf2onnx and keras2onnx, built node by node.

Neither converter made them. Their patterns are built by hand: LSTM between Transposes, Y_h
squeezed, first states made by Shape, Concat and ConstantOfShape or Expand, lengths by Tile, axes
as attributes before opset 13. onnxruntime, which runs the graph itself, is the judge.
"""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper
from onnx_files import Builder

import seqrt
from seqrt.export import import_onnx

LENGTHS = (9, 1, 5, 3, 2)


def compare(path, out, *, x=None, feeds=()):
    """Compare ragged rows of the imported file with each row alone in onnxruntime."""
    rng = np.random.default_rng(1)
    shape = (len(LENGTHS), max(LENGTHS), 2)
    x = rng.normal(0, 1, shape).astype(np.float32) if x is None else x
    model = seqrt.load(out)
    y = model.predict(x, lengths=np.array(LENGTHS, np.int32))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for row, steps in enumerate(LENGTHS):
        given = {name: x[row : row + 1, :steps], **dict(feeds)}
        truth = session.run(None, given)[0][0]
        got = y[row, :steps] if model.manifest.head == "sequence" else y[row]
        np.testing.assert_allclose(got.reshape(truth.shape), truth, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("opset", [7, 9, 10, 11, 12, 13, 15, 18])
def test_the_usual_classifier_comes_in_at_every_opset(opset, path, out):
    Builder(opset, "keras2onnx").whole().write(path)

    done = import_onnx(path, out)

    assert done.producer == "keras2onnx"
    assert done.exported.manifest.streamable
    compare(path, out)


def test_every_step_by_squeeze_transpose_and_dense(path, out):
    b = Builder()
    b.lstm()
    b.add("Squeeze", ["Y", b.ints("one", 1)], "steps_of_rows")
    b.add("Transpose", ["steps_of_rows"], "rows", perm=[1, 0, 2])
    b.add("Reshape", ["rows", b.ints("flat", -1, 4)], "flat_rows")
    b.add("MatMul", ["flat_rows", "kernel"], "product")
    b.add("Add", ["product", "bias"], "sums")
    b.add("Shape", ["rows"], "sizes")
    b.add("Slice", ["sizes", b.ints("s", 0), b.ints("e", 2), b.ints("a", 0)], "first_sizes")
    b.add("Concat", ["first_sizes", b.ints("three", 3)], "back", axis=0)
    b.add("Reshape", ["sums", "back"], "y")
    b.write(path)

    import_onnx(path, out)

    compare(path, out)


def test_first_states_by_constant_of_shape_and_expand(path, out):
    b = Builder()
    b.add("Shape", ["x"], "sizes")
    b.add("Slice", ["sizes", b.ints("s", 0), b.ints("e", 1), b.ints("a", 0)], "rows_number")
    b.add("Cast", ["rows_number"], "rows_cast", to=TensorProto.INT64)
    b.add("Concat", ["rows_cast", b.ints("units", 4)], "two", axis=0)
    zero = numpy_helper.from_array(np.zeros(1, np.float32))
    b.add("ConstantOfShape", ["two"], "zeros", value=zero)
    b.add("Unsqueeze", ["zeros", b.ints("first", 0)], "h0")
    b.add("Concat", [b.ints("one", 1), "two"], "three", axis=0)
    b.weights["start"] = np.full((1, 1, 4), 0.25, np.float32)
    b.add("Expand", ["start", "three"], "c0")
    b.lstm(more=("", "h0", "c0"))
    b.last()
    b.write(path)

    import_onnx(path, out)

    compare(path, out)


def test_lengths_that_say_that_rows_are_whole_change_nothing(path, out):
    b = Builder()
    b.add("Shape", ["x"], "sizes")
    one = [b.ints("s", 1), b.ints("e", 2), b.ints("a", 0)]
    b.add("Slice", ["sizes", *one], "steps_number")
    b.add("Slice", ["sizes", b.ints("s0", 0), "s", "a"], "rows_number")
    b.add("Tile", ["steps_number", "rows_number"], "every")
    b.add("Cast", ["every"], "lengths", to=TensorProto.INT32)
    b.lstm(more=("lengths",))
    b.last()
    b.write(path)

    import_onnx(path, out)

    compare(path, out)


def test_lengths_as_an_input_are_those_of_the_file(path, out):
    b = Builder()
    b.inputs["seq_len"] = (TensorProto.INT32, ["batch"])
    b.lstm(more=("seq_len",))
    b.last()
    b.write(path)

    done = import_onnx(path, out)

    assert any("lengths say how many steps" in note for note in done.notes)


@pytest.mark.parametrize("reset", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_a_gru_comes_in_with_its_reset_gate_before_or_after(direction, reset, path, out):
    b, rng = Builder(), np.random.default_rng(3)
    count = 2 if direction == "bidirectional" else 1
    b.weights["W"] = rng.normal(0, 0.4, (count, 12, 2)).astype(np.float32)
    b.weights["R"] = rng.normal(0, 0.4, (count, 12, 4)).astype(np.float32)
    b.weights["B"] = rng.normal(0, 0.4, (count, 24)).astype(np.float32)
    b.add("Transpose", ["x"], "steps", perm=[1, 0, 2])
    options = {"direction": direction, "hidden_size": 4, "linear_before_reset": reset}
    b.add("GRU", ["steps", "W", "R", "B"], ["Y", "Y_h"], **options)
    b.add("Transpose", ["Y"], "turned", perm=[2, 0, 1, 3])
    b.add("Reshape", ["turned", b.ints("sizes", 0, 0, 4 * count)], "y")
    b.write(path)

    import_onnx(path, out)

    compare(path, out)


@pytest.mark.parametrize(
    "functions", [["HardSigmoid", "Tanh", "Tanh"], ["Sigmoid", "Relu", "Relu"]], ids=str
)
def test_an_lstm_comes_in_with_other_functions(functions, path, out):
    b = Builder()
    b.lstm(activations=functions)
    b.last()
    b.write(path)

    import_onnx(path, out)

    compare(path, out)


@pytest.mark.parametrize("activation", ["Tanh", "Relu"])
def test_a_simple_rnn_comes_in_with_its_activation(activation, path, out):
    b = Builder()
    b.weights |= {name: b.weights[name][:, :4] for name in ("W", "R")}
    b.weights["B"] = b.weights["B"][:, :8]
    b.add("Transpose", ["x"], "steps", perm=[1, 0, 2])
    b.add("RNN", ["steps", "W", "R", "B"], ["Y", "Y_h"], hidden_size=4, activations=[activation])
    b.last()
    b.write(path)

    import_onnx(path, out)

    compare(path, out)


def test_ids_that_are_cast_from_floats_come_in(path, out):
    b = Builder()
    b.inputs["x"] = (TensorProto.FLOAT, ["batch", "time"])
    b.weights["table"] = np.random.default_rng(0).normal(0, 1, (7, 2)).astype(np.float32)
    b.add("Cast", ["x"], "ids", to=TensorProto.INT32)
    b.add("Gather", ["table", "ids"], "vectors")
    b.add("Transpose", ["vectors"], "steps", perm=[1, 0, 2])
    b.add("LSTM", ["steps", "W", "R", "B"], ["Y", "Y_h"], hidden_size=4)
    b.last()
    b.write(path)

    done = import_onnx(path, out)

    assert seqrt.load(out).manifest.tokens == 7
    assert max(done.errors.values()) < 1e-6


def test_weights_in_typed_fields_are_read(path, out):
    b = Builder().whole()
    model = b.model()
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        kind = "float_data" if array.dtype == np.float32 else "int64_data"
        tensor.ClearField("raw_data")
        getattr(tensor, kind).extend(array.reshape(-1).tolist())
    path.write_bytes(model.SerializeToString())

    import_onnx(path, out)

    compare(path, out)
