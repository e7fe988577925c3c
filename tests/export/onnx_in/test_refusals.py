"""What an ONNX file holds that no model file can is refused in one line that names the node."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import Builder

from seqrt.errors import SeqrtError, UsageError
from seqrt.export import import_onnx


def refusal(path, out):
    """Import a file that must be refused; return the one line that says why."""
    with pytest.raises(SeqrtError) as caught:
        import_onnx(path, out)
    assert not out.exists()
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UsageError)
    return str(caught.value)


def after(operator, *more, inputs=("h",), **attributes):
    """Return a graph with another operator before the dense layer."""

    def build():
        b = Builder()
        b.lstm()
        b.add("Squeeze", ["Y_h", b.ints("first", 0)], "h")
        for name, array in more:
            b.weights[name] = array
        b.add(operator, [*inputs, *(name for name, _ in more)], "extra", name="it", **attributes)
        b.add("MatMul", ["extra", "kernel"], "y")
        return b

    return build


def steps(operator, *more, **attributes):
    """Return a graph with another operator on all steps (time, batch, 4)."""

    def build():
        b = Builder()
        b.lstm()
        b.add("Squeeze", ["Y", b.ints("one", 1)], "all")
        for name, array in more:
            b.weights[name] = array
        b.add(operator, ["all", *(name for name, _ in more)], "y", name="it", **attributes)
        return b

    return build


def layer(more=(), weights=None, **attributes):
    """Return a graph whose LSTM has other attributes."""

    def build():
        b = Builder()
        b.weights |= weights or {}
        b.lstm(more=more, **attributes)
        b.last()
        return b

    return build


def axes(*numbers):
    return ("axes", np.array(numbers, np.int64))


BODY = helper.make_graph([], "body", [], [helper.make_tensor_value_info("z", 1, None)])
TRUE = ("true", np.array(1, np.bool_))

REFUSED = {
    "loop": (after("Loop", body=BODY), "'it' (Loop): it runs a graph inside the graph"),
    "scan": (after("Scan", body=BODY), "'it' (Scan): it runs a graph inside the graph"),
    "if": (after("If", then_branch=BODY), "'it' (If): it runs a graph inside the graph"),
    "argmax": (after("ArgMax", axis=1), "'it' (ArgMax): it returns places instead of values"),
    "topk": (after("TopK", ("k", np.array([2]))), "'it' (TopK): it returns places"),
    "nonzero": (after("NonZero"), "'it' (NonZero): it returns places"),
    "random": (after("RandomNormalLike"), "'it' (RandomNormalLike): it makes the output depend"),
    "microsoft": (
        after("FusedGemm", domain="com.microsoft"),
        "'it' (FusedGemm): it is an operator of 'com.microsoft'",
    ),
    "unknown": (after("Det"), "'it' (Det): Det is not among the operators of a file"),
    "cosine": (after("Cos"), "'it' (Cos): Cos is not among the operators of a file"),
    "quantised": (after("DynamicQuantizeLinear"), "'it' (DynamicQuantizeLinear): it quantises"),
    "rounding": (
        after("Cast", to=TensorProto.INT64),
        "'it' (Cast): it rounds values of x to whole numbers",
    ),
    "comparison": (
        after("Greater", ("zero", np.zeros(1, np.float32))),
        "'it' (Greater): it compares values of x",
    ),
    "one hot": (after("OneHot"), "'it' (OneHot): it makes vectors of ids"),
    "dropout in training": (
        after("Dropout", ("half", np.array(0.5, np.float32)), TRUE),
        "'it' (Dropout): it drops values in use",
    ),
    "over the batch": (steps("ReduceMean", axes=[1], keepdims=0), "'it' (ReduceMean): mean over"),
    "softmax over rows": (steps("Softmax", axis=1), "'it' (Softmax): "),
    "part of the steps": (
        steps("Slice", ("s", np.array([1])), ("e", np.array([1 << 40])), ("a", np.array([0]))),
        "'it' (Slice): ",
    ),
    "steps as features": (
        steps("Reshape", ("sizes", np.array([1, -1], np.int64))),
        "'it' (Reshape): ",
    ),
    "resize": (steps("Resize"), "'it' (Resize): it makes another number of steps"),
    "self-attention": (steps("Attention"), "'it' (Attention): it compares every step"),
    "clip": (layer(clip=3.0), "'lstm' (LSTM): it clips its gates at 3"),
    "coupled gates": (layer(input_forget=1), "'lstm' (LSTM): input_forget is 1; it must be 0"),
    "batch first layout": (layer(layout=1), "'lstm' (LSTM): layout is 1; it must be 0"),
    "softsign": (
        layer(activations=["Sigmoid", "Softsign", "Softsign"]),
        "'lstm' (LSTM): its activations are Sigmoid, Softsign, Softsign",
    ),
    "two functions": (
        layer(activations=["Sigmoid", "Relu", "Tanh"]),
        "'lstm' (LSTM): its cell has Relu and its output Tanh",
    ),
    "slopes": (
        layer(activations=["HardSigmoid", "Tanh", "Tanh"], activation_alpha=[0.3]),
        "'lstm' (LSTM): its activations have other slopes",
    ),
    "peepholes": (
        layer(more=("", "", "", "P"), weights={"P": np.ones((1, 12), np.float32)}),
        "'lstm' (LSTM): it has peephole weights",
    ),
    "wrong direction": (layer(direction="bidirectional"), "'lstm' (LSTM): it is bidirectional and"),
    "unfit weights": (
        layer(weights={"R": np.ones((1, 16, 5), np.float32)}),
        "'lstm' (LSTM): its weights",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_node_is_refused_by_name_and_reason(name, path, out):
    build, words = REFUSED[name]
    build().write(path)

    assert f"cannot import node {words}" in refusal(path, out)


def test_a_convolution_with_a_stride_is_refused(path, out):
    b = Builder()
    b.weights["K"] = np.ones((2, 2, 3), np.float32)
    b.add("Transpose", ["x"], "channels", perm=[0, 2, 1])
    b.add("Conv", ["channels", "K"], "fewer", name="conv", strides=[2], pads=[1, 1])
    b.add("Transpose", ["fewer"], "steps", perm=[2, 0, 1])
    b.add("LSTM", ["steps", "W", "R", "B"], ["Y", "Y_h"], hidden_size=4)
    b.last()
    b.write(path)

    assert "node 'conv' (Conv): its stride is [2]" in refusal(path, out)


def test_a_graph_without_a_recurrent_layer_is_refused(path, out):
    b = Builder()
    b.add("Relu", ["x"], "y")
    b.write(path)

    assert "it has no RNN, LSTM or GRU node" in refusal(path, out)


def test_an_output_that_is_a_shape_is_refused(path, out):
    b = Builder().whole()
    b.add("Shape", ["x"], "sizes")
    b.outputs = ["y", "sizes"]
    b.types["sizes"] = TensorProto.INT64
    b.write(path)

    assert "the output 'sizes', int64 of unknown shape: it is a shape" in refusal(path, out)


def test_a_second_series_is_refused_by_name(path, out):
    b = Builder().whole()
    b.inputs["other"] = (TensorProto.FLOAT, ["batch", 3])
    b.nodes[-1].input[0] = "mixed"
    b.nodes.insert(-1, helper.make_node("Add", ["logits", "other"], ["mixed"]))
    b.write(path)

    line = refusal(path, out)
    assert "must read one series x" in line
    assert "'other', float32 (batch, 3)" in line


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (None, "of unknown shape"),
        (["batch", "time", "features"], "the number of features"),
        (["batch", "time", 2, 2], "it must be"),
    ],
)
def test_an_input_of_another_shape_is_refused(sizes, words, path, out):
    b = Builder().whole()
    b.inputs["x"] = (TensorProto.FLOAT, sizes)
    b.write(path)

    assert words in refusal(path, out)


@pytest.mark.parametrize("kind", [np.float16, np.int8])
def test_weights_of_another_type_are_refused_by_name(kind, path, out):
    b = Builder().whole()
    b.weights["kernel"] = b.weights["kernel"].astype(kind)
    b.write(path)

    assert f"'kernel': its type is {np.dtype(kind).name}" in refusal(path, out)


@pytest.mark.parametrize("opset", [6, 99])
def test_an_opset_that_is_too_old_or_too_new_is_refused(opset, path, out):
    b = Builder()
    b.whole()
    b.opset = opset
    b.write(path)

    assert f"one opset from 7 to 26, got {opset}" in refusal(path, out)


def test_a_file_of_seqrt_is_said_to_be_one(path, out, tmp_path):
    Builder().whole().write(path)
    import_onnx(path, out)

    line = refusal(out, tmp_path / "again.onnx")

    assert "is a model file of seqrt already" in line


def test_a_first_state_that_differs_from_row_to_row_is_refused(path, out):
    b = Builder()
    b.inputs["x"] = (TensorProto.FLOAT, [3, 7, 2])
    b.weights["start"] = np.random.default_rng(0).normal(0, 1, (1, 3, 4)).astype(np.float32)
    b.lstm(more=("", "start"))
    b.last()
    b.write(path)

    assert "'lstm' (LSTM): its first state differs from row to row" in refusal(path, out)


def test_a_file_that_onnxruntime_does_not_run_is_refused(path, out):
    model = Builder().whole().model()
    model.ir_version = 99
    path.write_bytes(model.SerializeToString())

    assert "onnxruntime does not run it" in refusal(path, out)


def test_weights_that_are_not_finite_are_refused(path, out):
    b = Builder().whole()
    b.weights["kernel"][0, 0] = np.nan
    b.write(path)

    with pytest.raises(SeqrtError, match=r"must be finite|NaN or Inf"):
        import_onnx(path, out)


def test_the_graphs_that_are_refused_are_onnx(tmp_path):
    model = onnx.load_from_string(Builder().whole().model().SerializeToString())

    assert numpy_helper.to_array(model.graph.initializer[0]).dtype == np.float32
