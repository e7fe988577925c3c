"""An ONNX file from a stranger opens no other file, runs nothing, and allocates nothing huge."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import Builder

from seqrt.errors import InputError, SeqrtError
from seqrt.export import import_onnx
from seqrt.export.from_onnx import read_onnx
from seqrt.export.onnx_in import OnnxNet, read_graph


def refused(content, match):
    with pytest.raises(InputError, match=match) as caught:
        read_graph(content)
    assert str(caught.value).startswith("E_ONNX_FILE: ")
    assert "\n" not in str(caught.value)


@pytest.fixture
def model():
    """A model to make wrong."""
    return Builder().whole().model()


def test_the_file_that_the_attacks_start_from_is_read(model):
    graph = read_graph(model.SerializeToString())

    assert [node.operator for node in graph.nodes][:2] == ["Transpose", "LSTM"]


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08", b"PK\x03\x04", bytes(64)])
def test_bytes_that_are_no_model_are_refused(content):
    refused(content, "E_ONNX_FILE")


def test_every_cut_of_a_file_is_refused(model):
    content = model.SerializeToString()

    for end in range(1, len(content), 97):
        with pytest.raises(SeqrtError):
            OnnxNet(read_graph(content[:end]))


def test_random_damage_is_refused_or_read_but_raises_nothing_else(model):
    content, rng = model.SerializeToString(), np.random.default_rng(0)

    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(0, 256)
        try:
            OnnxNet(read_graph(bytes(damaged)))
        except SeqrtError as error:
            assert "\n" not in str(error)


def test_weights_in_another_file_are_not_opened(model, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(4096))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret")

    refused(model.SerializeToString(), "weights in another file.*external_data=False")


def test_functions_of_the_file_are_refused(model):
    model.functions.append(
        helper.make_function("own", "f", ["a"], ["b"], [], [helper.make_opsetid("", 13)])
    )

    refused(model.SerializeToString(), "functions of its own")


def test_a_size_that_its_bytes_do_not_have_is_refused_before_memory_is_taken(model):
    model.graph.initializer[0].dims[0] = 1 << 40

    tracemalloc.start()
    refused(model.SerializeToString(), "must have .* bytes")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_negative_sizes_are_refused(model):
    model.graph.initializer[0].dims[0] = -1

    refused(model.SerializeToString(), "negative sizes")


def test_a_field_that_occurs_twice_is_refused(model):
    content = model.SerializeToString()

    refused(content + content, "two fields")


def test_a_value_that_is_computed_twice_is_refused(model):
    model.graph.node[-1].output[0] = "h"

    refused(model.SerializeToString(), "'h' is computed twice")


def test_a_node_that_reads_what_comes_later_is_refused(model):
    model.graph.node[0].input[0] = "y"

    refused(model.SerializeToString(), "reads 'y', which is not computed yet")


def _grown(operator, sizes):
    """Return a graph that makes a huge value of a small file."""
    b = Builder()
    b.ints("huge", *sizes)
    if operator == "ConstantOfShape":
        one = numpy_helper.from_array(np.ones(1, np.float32))
        b.add(operator, ["huge"], "grown", value=one)
    else:
        b.lstm()
        b.add("Squeeze", ["Y_h", b.ints("first", 0)], "h")
        b.add(operator, ["h", "huge"], "grown")
    return b


@pytest.mark.parametrize("operator", ["ConstantOfShape", "Expand", "Tile"])
def test_a_value_larger_than_a_run_may_hold_is_refused_before_memory_is_taken(operator):
    b = _grown(operator, (1 << 20, 1 << 20))
    if operator == "ConstantOfShape":
        b.lstm()
    b.outputs = ["grown"]

    with pytest.raises(SeqrtError, match=r"node_grown"):
        OnnxNet(read_graph(b.model().SerializeToString()))


@pytest.mark.parametrize("operator", ["Concat", "Mul"])
def test_sizes_that_double_in_every_node_are_refused(operator):
    b = Builder()
    b.ints("n0", 3)
    for i in range(200):
        options = {"axis": 0} if operator == "Concat" else {}
        b.add(operator, [f"n{i}", f"n{i}"], f"n{i + 1}", **options)
    b.whole()

    with pytest.raises(SeqrtError, match="it computes sizes that no tensor has"):
        OnnxNet(read_graph(b.model().SerializeToString()))


def test_an_input_of_a_huge_fixed_size_is_refused():
    b = Builder().whole()
    b.inputs["x"] = (TensorProto.FLOAT, [1 << 30, 1 << 30, 2])

    with pytest.raises(SeqrtError, match="too large"):
        OnnxNet(read_graph(b.model().SerializeToString()))


def test_products_of_constants_are_not_computed():
    b = Builder()
    b.add("MatMul", ["kernel", "kernel"], "power")
    b.whole()

    with pytest.raises(SeqrtError, match="it multiplies constants alone"):
        OnnxNet(read_graph(b.model().SerializeToString()))


@pytest.mark.parametrize("operator", ["Concat", "Cast", "Unsqueeze", "Gemm", "Reshape", "LSTM"])
def test_a_node_without_inputs_is_refused(operator):
    b = Builder()
    b.lstm()
    b.add(operator, [], "y")

    with pytest.raises(SeqrtError, match=r"cannot import .*'(node_)?y'"):
        OnnxNet(read_graph(b.model().SerializeToString()))


@pytest.mark.parametrize("value", [-9, 1 << 40, 1.5, "text", [0, 0], ["a"]])
@pytest.mark.parametrize("name", ["axis", "keepdims", "perm", "axes"])
def test_an_attribute_of_another_type_or_range_raises_nothing_but_a_line(name, value):
    for operator in ("Softmax", "ReduceMean", "Transpose", "Squeeze", "Concat"):
        b = Builder(11)
        b.lstm()
        b.add(operator, ["Y_h"], "y", **{name: value})
        try:
            OnnxNet(read_graph(b.model().SerializeToString()))
        except SeqrtError as error:
            assert "\n" not in str(error)


def test_names_are_shown_without_control_characters(model, path, out):
    model.graph.node[1].op_type = "Evil\x1b[31m"
    model.graph.node[1].name = "two\nlines"
    path.write_bytes(model.SerializeToString())

    with pytest.raises(SeqrtError) as caught:
        import_onnx(path, out)

    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pipe_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")

    with pytest.raises(InputError, match=r"E_ONNX_FILE: .* must be a regular file"):
        read_onnx(tmp_path / "pipe.onnx")


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="E_INPUT_FILE: cannot read"):
        read_onnx(tmp_path / "no.onnx")
