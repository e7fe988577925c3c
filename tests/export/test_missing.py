"""The missing-value policy is part of the graph, as plain nodes, and agrees with the reference."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import product

import numpy as np
import onnx
import pytest
import reference

import seqrt
from seqrt.contract import Column, Manifest
from seqrt.errors import InputError, UsageError
from seqrt.export import export
from seqrt.training import Network

POLICIES = ["forward", "mean", "indicator"]
SHAPES = list(product(("rnn", "lstm", "gru"), (False, True), ("last", "sequence"), POLICIES))
FEATURES = (Column("t", mean=300.0, scale=20.0), Column("p", mean=-1e5, scale=3e3), Column("n"))


def scaled_network(missing, **choices):
    net = Network(features=3, units=(9, 5), outputs=2, missing=missing, **choices)
    net.set_scaling(FEATURES, net.metadata.outputs)
    net.metadata = replace(net.metadata, features=FEATURES)
    return net


def draw(rng, rows, steps):
    x = rng.standard_normal((rows, steps, 3)) * [20.0, 3e3, 1.0] + [300.0, -1e5, 0.0]
    x[rng.random(x.shape) < rng.random()] = np.nan
    return x.astype(np.float32), rng.integers(1, steps + 1, rows)


@pytest.mark.parametrize(("cell", "both", "head", "missing"), SHAPES)
def test_the_file_obeys_the_equations(tmp_path, rng, cell, both, head, missing):
    net = scaled_network(missing, cell=cell, bidirectional=both, head=head)
    export(net, tmp_path / "m.onnx")
    model = seqrt.load(tmp_path / "m.onnx")
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}

    for rows, steps in ((1, 1), (4, 1), (7, 23), (1, 60)):
        x, lengths = draw(rng, rows, steps)
        state = (rng.random((rows, model.manifest.state_size)) - 0.5).astype(np.float32)
        y, end = model.run(x, lengths, state)

        want, want_end = reference.network(arrays, asdict(net.architecture), x, lengths, state)
        np.testing.assert_allclose(y, want, rtol=0, atol=2e-6)
        np.testing.assert_allclose(end, want_end, rtol=0, atol=2e-6)


@pytest.mark.parametrize("missing", POLICIES)
def test_it_is_plain_nodes_without_a_loop(tmp_path, missing):
    export(scaled_network(missing), tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")

    onnx.checker.check_model(model, full_check=True)
    operators = {node.op_type for node in model.graph.node}
    assert not {"Loop", "Scan", "If"} & operators
    assert operators - {"IsNaN", "Not", "Cast", "CumSum", "Sub", "Where", "Concat"} <= {
        *("ScatterElements", "GatherElements", "GatherND", "Pad", "Transpose", "Unsqueeze"),
        *("Div", "Squeeze", "Split", "LSTM", "MatMul", "Add", "Mul"),
    }


@pytest.mark.parametrize("both", [False, True])
def test_no_place_is_written_twice_so_that_every_host_agrees(tmp_path, rng, both):
    export(scaled_network("forward", bidirectional=both), tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    scatter = next(node for node in model.graph.node if node.op_type == "ScatterElements")
    places = onnx.helper.make_tensor_value_info(scatter.input[1], onnx.TensorProto.INT64, None)
    model.graph.output.append(places)
    x, lengths = draw(rng, 5, 30)
    feeds = {"x": x, "lengths": lengths.astype(np.int32)}
    feeds |= {} if both else {"state": np.zeros((5, 31), np.float32)}

    from onnxruntime import InferenceSession

    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run([places.name], feeds)

    assert (np.sort(found % 31, axis=1) == np.arange(1, 31)[None, :, None]).all()


def test_the_manifest_says_it_and_how_much_is_carried(tmp_path):
    manifests = {p: export(scaled_network(p), tmp_path / f"{p}.onnx").manifest for p in POLICIES}

    assert {p: m.missing for p, m in manifests.items()} == {p: p for p in POLICIES}
    assert [manifests[p].state_size for p in POLICIES] == [31, 28, 28]
    assert all(len(m.features) == 3 and m.format == 1 for m in manifests.values())
    assert manifests["indicator"].operations > manifests["mean"].operations


def test_an_older_manifest_has_no_answer_to_missing_values(tmp_path):
    export(Network("gru", 2, (4,), 1), tmp_path / "m.onnx")
    text = seqrt.load(tmp_path / "m.onnx").manifest.to_json()

    older = Manifest.from_json(text.replace('"missing":"error",', ""))

    assert '"missing"' in text
    assert older.missing == "error"
    assert not older.takes_missing


def test_an_unknown_policy_is_refused():
    with pytest.raises(UsageError, match="missing must be one of error, forward, mean, indicator"):
        Network("gru", 2, (4,), 1, missing="zero")


def test_memory_is_measured_on_a_series_with_gaps(tmp_path, rng):
    series = draw(rng, 1, 300)[0][0]
    net = scaled_network("forward", cell="gru")

    exported = export(net, tmp_path / "m.onnx", series=series)

    assert exported.manifest.memory.inputs == "data"
    assert exported.manifest.memory.gradient is not None
    with pytest.raises(InputError, match="E_INPUT_NONFINITE: series must"):
        export(scaled_network("error"), tmp_path / "e.onnx", series=series)
    assert not (tmp_path / "e.onnx").exists()
