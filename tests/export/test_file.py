"""An exported file is one plain ONNX file, described by its manifest, small and reproducible."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import seqrt
from seqrt.export import export
from seqrt.training import Network


@pytest.fixture
def path(tmp_path):
    export(Network("lstm", 2, (64, 32), 1), tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


def test_it_is_one_valid_file_for_old_and_other_runtimes(path):
    model = onnx.load(path)

    onnx.checker.check_model(model, full_check=True)
    assert [p.name for p in path.parent.iterdir()] == ["m.onnx"]
    assert (model.ir_version, [o.version for o in model.opset_import]) == (8, [17])
    assert all(t.data_location == onnx.TensorProto.DEFAULT for t in model.graph.initializer)


def test_each_layer_is_one_node_and_nothing_loops(path):
    operators = [node.op_type for node in onnx.load(path).graph.node]

    assert operators.count("LSTM") == 2
    assert not {"Loop", "Scan", "If"} & set(operators)
    assert len(operators) <= 16


def test_its_tensors_have_the_names_and_axes_of_the_contract(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    assert [(i.name, i.type, i.shape) for i in session.get_inputs()] == [
        ("x", "tensor(float)", ["batch", "time", 2]),
        ("lengths", "tensor(int32)", ["batch"]),
        ("state", "tensor(float)", ["batch", 192]),
    ]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [
        ("y", ["batch", 1]),
        ("state_out", ["batch", 192]),
    ]


def test_a_bidirectional_file_has_no_state(tmp_path):
    export(Network("gru", 2, (8,), 3, bidirectional=True, head="sequence"), tmp_path / "m.onnx")

    graph = onnx.load(tmp_path / "m.onnx").graph

    assert [i.name for i in graph.input] == ["x", "lengths"]
    assert [o.name for o in graph.output] == ["y"]


def test_plain_onnxruntime_runs_it(path):
    x = np.random.default_rng(0).standard_normal((4, 9, 2)).astype(np.float32)
    feeds = {"x": x, "lengths": np.full(4, 9, np.int32), "state": np.zeros((4, 192), np.float32)}

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    y, state = session.run(["y", "state_out"], feeds)

    np.testing.assert_array_equal(y, seqrt.load(path).predict(x))
    assert state.shape == (4, 192)


def test_its_metadata_is_sorted_and_sealed(path):
    data = path.read_bytes()

    metadata = {record.key: record.value for record in onnx.load(path).metadata_props}

    assert list(metadata) == ["seqrt.manifest", "seqrt.proof", "seqrt.seal"]
    assert json.loads(metadata["seqrt.manifest"])["producer"] == f"seqrt {seqrt.__version__}"
    assert len(metadata["seqrt.proof"]) < 40_000
    assert metadata["seqrt.seal"] == hashlib.sha256(data[:-80]).hexdigest()


def test_no_path_and_no_time_is_in_the_file(path):
    data = path.read_bytes()

    assert str(path.parent).encode() not in data
    assert os.getcwd().encode() not in data


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_weights_give_the_same_bytes_in_another_process(tmp_path, threads):
    code = (
        "import sys, torch; from seqrt.training import Network; from seqrt.export import export\n"
        f"torch.set_num_threads({threads}); torch.manual_seed(3)\n"
        "export(Network('gru', 3, (64, 32), 2, layer_norm=True), sys.argv[1])"
    )
    torch.manual_seed(3)
    export(Network("gru", 3, (64, 32), 2, layer_norm=True), tmp_path / "here.onnx")

    subprocess.run([sys.executable, "-c", code, tmp_path / "there.onnx"], check=True)

    assert (tmp_path / "here.onnx").read_bytes() == (tmp_path / "there.onnx").read_bytes()


def test_the_network_is_left_as_it_was(tmp_path):
    net = Network("lstm", 2, (8, 4), 1, dropout=0.3).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}

    export(net, tmp_path / "m.onnx")

    assert net.training
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_random_state_of_the_caller_is_left_as_it_was(tmp_path):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    net = Network("lstm", 2, (8,), 1)
    torch.random.set_rng_state(before)

    export(net, tmp_path / "m.onnx")

    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_nonlinearity_of_the_rnn_cell_is_not_that_of_others(tmp_path, cell):
    exported = export(Network(cell, 2, (4,), 1, nonlinearity="relu"), tmp_path / "m.onnx")

    assert exported.manifest.layers[0].nonlinearity == "tanh"
