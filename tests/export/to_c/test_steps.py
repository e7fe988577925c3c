"""A step in C computes what the equations say, for networks of every kind."""

from __future__ import annotations

from pathlib import Path

import c_programs
import numpy as np
import pytest
import reference
import torch

from seqrt.contract import Column
from seqrt.export.write import draft
from seqrt.runtime import Model
from seqrt.training import Network

NETS = Path(__file__).parents[2] / "runtime" / "nets"
FEATURES = (Column("t", mean=300.0, scale=20.0), Column("p", mean=-1e5, scale=3e3))
KINDS = {
    "lstm": {"cell": "lstm", "units": (9, 5)},
    "gru": {"cell": "gru", "units": (17,)},
    "rnn": {"cell": "rnn", "units": (8, 8, 8), "residual": True, "missing": "mean"},
    "relu": {"cell": "rnn", "units": (7,), "nonlinearity": "relu", "head": "sequence"},
    "mingru": {"cell": "mingru", "units": (12, 4), "missing": "forward"},
    "norm": {"cell": "gru", "units": (6, 5, 4), "layer_norm": True, "missing": "indicator"},
    "classes": {"cell": "lstm", "units": (10,), "activation": "softmax", "head": "sequence"},
    "labels": {"cell": "gru", "units": (3,), "activation": "sigmoid", "missing": "forward"},
    "conv": {"cell": "lstm", "units": (9,), "front": "conv:4", "missing": "forward"},
    "wide": {"cell": "gru", "units": (5,), "front": "conv:20x6", "pool": "mean"},
    "most": {"cell": "lstm", "units": (6, 5), "front": "conv:1", "pool": "max"},
    "segments": {"cell": "lstm", "units": (6, 5), "front": "segments:5", "pool": "max"},
    "ring": {"cell": "gru", "units": (7,), "front": "segments:3", "head": "sequence"},
}


def network(kind):
    torch.manual_seed(3)
    net = Network(features=2, outputs=3, **KINDS[kind])
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1.5)
    outputs = net.metadata.outputs
    if "activation" not in KINDS[kind]:
        outputs = tuple(Column(f"y{i}", mean=5.0 * i, scale=i + 0.5) for i in range(3))
    net.set_scaling(FEATURES, outputs)
    return net


@pytest.fixture(scope="module")
def nets():
    return {kind: network(kind) for kind in KINDS}


@pytest.fixture(scope="module", params=c_programs.COMPILERS or ["none"])
def program(request, nets, tmp_path_factory):
    if request.param == "none":
        pytest.skip("no C compiler: neither gcc nor clang is installed")
    files = {kind: draft(net) for kind, net in nets.items()}
    return c_programs.Program(files, tmp_path_factory.mktemp("c"), request.param)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_in_c_obeys_the_equations(program, nets, rng, kind):
    net, steps = nets[kind], 40
    x = rng.standard_normal((1, steps, 2)) * [20.0, 3e3] + [300.0, -1e5]
    if "missing" in KINDS[kind]:
        x[rng.random(x.shape) < 0.2] = np.nan
    x = x.astype(np.float32)
    state = np.zeros((1, net.state_size), np.float32)

    ((y, end),) = program.steps([(kind, x[0], state[0])])

    arrays = {name: value.numpy() for name, value in net.state_dict().items()}
    want, want_end = reference.network(arrays, net.config(), x, state=state)
    scale = [column.scale for column in net.metadata.outputs]
    got = y if net.head == "sequence" else y[-1]
    np.testing.assert_allclose(got / scale, want[0] / scale, rtol=0, atol=4e-6)
    np.testing.assert_allclose(end, want_end[0], rtol=4e-6, atol=4e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_goes_on_in_c_and_back(program, nets, rng, kind):
    net, model = nets[kind], Model(draft(nets[kind]))
    x = (rng.standard_normal((1, 30, 2)) * [20.0, 3e3] + [300.0, -1e5]).astype(np.float32)

    _, state = model.run(x[:, :11])
    ((_, in_c),) = program.steps([(kind, x[0, 11:17], state[0])])
    y, end = model.run(x[:, 17:], state=in_c[None])

    want, want_end = model.run(x)
    want = want[:, 17:] if net.head == "sequence" else want
    scale = [column.scale for column in net.metadata.outputs]
    np.testing.assert_allclose(y / scale, want / scale, rtol=0, atol=4e-6)
    np.testing.assert_allclose(end, want_end, rtol=4e-6, atol=4e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "missing" not in KINDS[kind]])
def test_nan_in_gives_nan_out_where_it_is_no_missing_value(program, nets, kind):
    net = nets[kind]
    x = np.array([[np.nan, 0.0], [300.0, -1e5]], np.float32)

    ((y, _),) = program.steps([(kind, x, np.zeros(net.state_size))])

    assert np.isnan(y).all()


def test_the_golden_cases_of_all_kinds_of_files_hold(compiler, tmp_path):
    files, texts = {}, 0
    for path in sorted(NETS.rglob("*.onnx")):
        model = Model(path.read_bytes())
        if model.manifest.streamable:
            files[f"m{len(files)}"] = path.read_bytes()
            texts += model.manifest.text is not None

    code, lines, error = c_programs.Program(files, tmp_path, compiler).prove()

    assert len(files) > 25
    assert (code, error) == (0, "")
    assert len(lines) == len(files) + texts
    assert all(line.endswith(("holds", "hold")) for line in lines)
