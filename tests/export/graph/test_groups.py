"""Members of a committee are written as nodes of their own, and the file is still their mean."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
import reference
import torch

import seqrt
from seqrt.export import export
from seqrt.training import Network
from seqrt.training.networks.average import mean_of

CHOICES = [
    {"cell": "gru", "units": (96,)},
    {"cell": "lstm", "units": (72, 48)},
    {"cell": "rnn", "units": (160, 160), "nonlinearity": "relu", "missing": "indicator"},
    {"cell": "gru", "units": (96, 96), "residual": True, "head": "sequence"},
    {"cell": "lstm", "units": (72, 48), "bidirectional": True},
    {"cell": "gru", "units": (96,), "front": "conv:3x32", "missing": "forward"},
    {"cell": "gru", "units": (96,), "pool": "max"},
]
STREAMED = [choices for choices in CHOICES if "bidirectional" not in choices]


def committee(count=3, **choices):
    """The mean of networks with random weights."""
    torch.manual_seed(0)
    nets = [Network(features=2, outputs=2, **choices).eval() for _ in range(count)]
    return mean_of(nets, nets[0].metadata)


@pytest.mark.parametrize("choices", CHOICES, ids=str)
def test_the_file_obeys_the_equations(tmp_path, rng, choices):
    net = committee(**choices)
    manifest = export(net, tmp_path / "m.onnx").manifest
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}
    x, lengths = rng.uniform(-2, 2, (5, 9, 2)).astype(np.float32), np.array([9, 1, 4, 7, 9])

    y, end = seqrt.load(tmp_path / "m.onnx").run(x, lengths)

    assert [layer.groups for layer in manifest.layers] == [3] * len(choices["units"])
    want, want_end = reference.network(arrays, net.config(), x, lengths)
    np.testing.assert_allclose(y, want, rtol=0, atol=2e-6)
    np.testing.assert_allclose(end, want_end, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("choices", STREAMED, ids=str)
def test_a_stream_gives_the_numbers_of_the_whole_however_it_is_cut(tmp_path, rng, choices):
    export(committee(**choices), tmp_path / "m.onnx")
    model = seqrt.load(tmp_path / "m.onnx")
    x = rng.uniform(-2, 2, (17, 2)).astype(np.float32)
    stream = model.stream()

    parts = [stream.push(part) for part in np.split(x, [1, 2, 9])]

    want, _ = model.run(x[None], np.array([len(x)]))
    got = np.concatenate(parts) if model.manifest.head == "sequence" else parts[-1]
    # onnxruntime's RNN kernel keeps the numbers, but not all their bits
    tolerance = 1e-6 if choices["cell"] == "rnn" else 0
    np.testing.assert_allclose(got, want[0], atol=tolerance, rtol=0)


def test_a_file_has_none_of_the_zeros_between_the_members(tmp_path):
    net = committee(5, cell="gru", units=(64, 64))

    export(net, tmp_path / "m.onnx")

    graph = onnx.load(tmp_path / "m.onnx").graph
    stored = sum(math.prod(each.dims) for each in graph.initializer)
    members = 5 * sum(p.numel() for p in committee(1, cell="gru", units=(64, 64)).parameters())
    assert stored < 1.01 * members


@pytest.mark.parametrize(
    "net",
    [
        committee(cell="gru", units=(24,)),  # zeros that cost less than nodes
        committee(cell="mingru", units=(96,)),
        Network(cell="gru", features=2, units=(256,), outputs=2),
    ],
    ids=["small", "mingru", "one network"],
)
def test_other_networks_stay_whole(tmp_path, net):
    manifest = export(net, tmp_path / "m.onnx").manifest

    assert manifest.format == 1
    assert [layer.groups for layer in manifest.layers] == [1]
