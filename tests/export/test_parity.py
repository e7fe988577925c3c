"""The exported file computes what the float64 reference does, for every cell and shape."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import product

import numpy as np
import pytest
import reference
import torch

import seqrt
from seqrt.contract import Column
from seqrt.export import export
from seqrt.training import Network

CELLS = ("rnn", "lstm", "gru", "mingru")
SHAPES = list(product(CELLS, (False, True), ("last", "sequence"), (1, 3)))


def truth(net, x, lengths, state):
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}
    return reference.network(arrays, asdict(net.architecture), x, lengths, state)


def draw(rng, net, rows, steps):
    x = rng.standard_normal((rows, steps, net.architecture.features)).astype(np.float32)
    lengths = rng.integers(1, steps + 1, rows)
    state = (rng.random((rows, net.state_size)) - 0.5).astype(np.float32)
    return x, lengths, state


@pytest.mark.parametrize(("cell", "both", "head", "depth"), SHAPES)
def test_the_file_obeys_the_equations(tmp_path, rng, cell, both, head, depth):
    net = Network(cell, 3, (17, 9, 12)[:depth], 2, bidirectional=both, head=head)
    export(net, tmp_path / "m.onnx")
    model = seqrt.load(tmp_path / "m.onnx")

    for rows, steps in ((1, 1), (5, 33), (17, 8), (2, 300)):
        x, lengths, state = draw(rng, net, rows, steps)
        y, end = model.run(x, lengths, state)

        want, want_end = truth(net, x, lengths, state)
        np.testing.assert_allclose(y, want, rtol=0, atol=2e-6)
        np.testing.assert_allclose(end, want_end, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    "extra",
    [
        {"cell": "rnn", "nonlinearity": "relu"},
        {"cell": "gru", "layer_norm": True},
        {"cell": "lstm", "layer_norm": True, "bidirectional": True, "head": "sequence"},
        {"cell": "lstm", "activation": "softmax"},
        {"cell": "gru", "activation": "sigmoid", "head": "sequence", "dropout": 0.5},
        {"cell": "gru", "units": (6, 6, 6), "residual": True},
        {"cell": "mingru", "units": (6, 6, 6), "residual": True, "layer_norm": True},
        {"cell": "lstm", "units": (6, 6), "residual": True, "head": "sequence"},
        {"cell": "rnn", "units": (6, 6, 6), "residual": True, "bidirectional": True},
    ],
)
def test_every_extra_obeys_the_equations(tmp_path, rng, extra):
    net = Network(**{"features": 3, "units": (8, 5), "outputs": 4, **extra})
    export(net, tmp_path / "m.onnx")
    x, lengths, state = draw(rng, net, 6, 20)

    y, end = seqrt.load(tmp_path / "m.onnx").run(x, lengths, state)

    want, want_end = truth(net, x, lengths, state)
    np.testing.assert_allclose(y, want, rtol=0, atol=2e-6)
    np.testing.assert_allclose(end, want_end, rtol=0, atol=2e-6)


def test_raw_units_go_in_and_come_out(tmp_path, rng):
    net = Network("lstm", 2, (8,), 2)
    features = (Column("t", mean=300.0, scale=20.0), Column("p", mean=-1e5, scale=3e3))
    outputs = (Column("a", mean=1e3, scale=50.0), Column("b", mean=0.0, scale=1e-4))
    net.set_scaling(features, outputs)
    net.metadata = replace(net.metadata, features=features, outputs=outputs)
    x = (rng.standard_normal((4, 30, 2)) * [20.0, 3e3] + [300.0, -1e5]).astype(np.float32)

    exported = export(net, tmp_path / "m.onnx")
    y = seqrt.load(tmp_path / "m.onnx").predict(x)

    want, _ = truth(net, x, None, None)
    np.testing.assert_allclose((y - want) / [50.0, 1e-4], 0, atol=5e-6)
    assert [column.scale for column in exported.manifest.features] == [20.0, 3e3]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_parity_in_the_manifest_is_what_was_measured(tmp_path, cell):
    manifest = export(Network(cell, 1, (16, 8), 1), tmp_path / "m.onnx").manifest

    assert 0 < manifest.parity.runtime <= 8 * manifest.parity.torch + 1e-6 * manifest.parity.scale
    assert manifest.parity.runtime <= 2e-6
    assert manifest.parity.steps >= 300


def test_a_network_that_amplifies_says_how_far_it_was_followed(tmp_path):
    net = Network("rnn", 1, (24,), 1)
    with torch.no_grad():
        net.layers[0].cells[0].weight_hh_l0.mul_(20.0)

    exported = export(net, tmp_path / "m.onnx")

    assert 1 <= exported.manifest.parity.steps < 100
    assert exported.report.ok
