"""A file with small weights computes what the float64 reference says of the rounded weights."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace

import numpy as np
import onnx
import onnxruntime
import pytest
import reference
import torch

import seqrt
from seqrt.errors import ModelError, ParityError, UsageError
from seqrt.export import export, export_c, shrink
from seqrt.export.graph.weights import BLOCKS
from seqrt.training import Network
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.recurrent import weights_of

FORMS = ("fp16", "int8")
KINDS = {
    "lstm": {"cell": "lstm", "units": (17, 9)},
    "gru": {"cell": "gru", "units": (17, 9), "head": "sequence"},
    "rnn": {"cell": "rnn", "units": (24,)},
    "minimal": {"cell": "mingru", "units": (17, 9)},
    "both ways": {"cell": "lstm", "units": (17, 9), "bidirectional": True},
    "softmax": {"cell": "gru", "units": (16,), "activation": "softmax", "layer_norm": True},
    "forward": {"cell": "lstm", "units": (16,), "missing": "forward", "head": "sequence"},
    "indicator": {"cell": "gru", "units": (16,), "missing": "indicator"},
}


def network(**options):
    return Network(**{"features": 3, "outputs": 2, **options})


def rounded(net, weights):
    """Return the network with the rounded weights of its file, in torch's order of gates."""
    net = copy.deepcopy(net)
    for number, step in enumerate(net.recurrent()):
        order = BLOCKS[step.layer.cell]
        for way, cell in enumerate(step.cells):
            for kind, parameter in zip("WR", weights_of(cell)[:2], strict=True):
                if parameter.ndim < 2 or f"layer{number}_{kind}" not in weights:
                    continue
                blocks = np.split(weights[f"layer{number}_{kind}"][way], len(order))
                gates = np.concatenate([blocks[order.index(i)] for i in range(len(order))])
                with torch.no_grad():  # a minimal GRU has no reset gate, which is the first
                    parameter.copy_(torch.from_numpy(gates[-len(parameter) :]))
    return net


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn", "minimal", "both ways"])
def test_the_file_obeys_the_equations_with_its_rounded_weights(tmp_path, rng, stored, kind, form):
    net = network(**KINDS[kind])
    exported = export(net, tmp_path / "m.onnx", weights=form)
    weights = stored(exported.path)
    assert weights
    net = rounded(net, weights)
    x = rng.normal(size=(5, 33, 3)).astype(np.float32)
    lengths = rng.integers(1, 34, 5)
    state = (rng.random((5, net.state_size)) - 0.5).astype(np.float32)

    y, end = seqrt.load(exported.path).run(x, lengths, state)

    arrays = {name: value.numpy() for name, value in net.state_dict().items()}
    want, want_end = reference.network(arrays, asdict(net.architecture), x, lengths, state)
    np.testing.assert_allclose(y, want, rtol=0, atol=2e-6)
    np.testing.assert_allclose(end, want_end, rtol=0, atol=2e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_law_holds_bit_for_bit_and_the_proof_is_its_own(tmp_path, kind, form):
    net = network(**KINDS[kind])
    whole = export(net, tmp_path / "whole.onnx")
    small = shrink(whole.path, tmp_path / "small.onnx", weights=form)

    report = seqrt.load(small.path).validate()

    assert report.ok
    assert report.exact
    m = small.manifest
    assert (m.format, m.weights) == (2, form)
    assert m.state_size == whole.manifest.state_size
    assert m.parity.runtime <= 8 * m.parity.torch + 1e-6 * m.parity.scale
    assert small.size < whole.size


@pytest.mark.parametrize("form", FORMS)
def test_export_and_shrink_give_the_same_bytes(tmp_path, form):
    net = network(**KINDS["lstm"])
    whole, shrunk, exported = (tmp_path / f"{name}.onnx" for name in ("whole", "shrunk", "small"))

    export(net, whole)
    shrink(whole, shrunk, weights=form)
    export(net, exported, weights=form)

    assert shrunk.read_bytes() == exported.read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_the_manifest_says_how_far_the_outputs_moved(tmp_path, rng, form):
    net = network(cell="lstm", units=(24,), head="sequence")
    series = rng.normal(size=(900, 3)).astype(np.float32)
    whole = export(net, tmp_path / "whole.onnx", series=series)
    small = export(net, tmp_path / "small.onnx", series=series, weights=form)
    rounding = small.manifest.rounding

    start = series[None, :100]
    files = (seqrt.load(each.path) for each in (whole, small))
    y, other = (file.predict(start)[0, [0, 9, 99]] for file in files)

    assert (rounding.steps, rounding.inputs) == ((1, 10, 100, 1000), "data")
    moved = np.abs(other - y).max(axis=1)
    assert (moved <= np.array(rounding.moved[:3]) * 1.06).all()
    assert max(rounding.moved) <= rounding.largest
    assert rounding.scale >= np.abs(y).max() * 0.95
    assert rounding.largest < (0.002 if form == "fp16" else 0.05)


def test_int8_moves_outputs_further_than_fp16(tmp_path):
    net = network(**KINDS["lstm"])

    fp16, int8 = (
        export(net, tmp_path / f"{form}.onnx", weights=form).manifest.rounding for form in FORMS
    )

    assert 0 < 4 * fp16.largest < int8.largest


@pytest.mark.parametrize("form", FORMS)
def test_onnxruntime_folds_the_nodes_when_it_loads_the_file(tmp_path, form):
    export(network(**KINDS["lstm"]), tmp_path / "m.onnx", weights=form)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "folded.onnx")

    onnxruntime.InferenceSession(tmp_path / "m.onnx", options)

    operators = {node.op_type for node in onnx.load(tmp_path / "folded.onnx").graph.node}
    assert "LSTM" in operators
    assert not {"Cast", "Mul"} & operators


@pytest.mark.parametrize("form", FORMS)
def test_a_forecaster_can_have_small_weights(tmp_path, form):
    net = Forecaster(features=2, target=1, horizon=5, season=4, seasons=8, units=8)
    net.linear.normal_(0, 0.1)
    net.share.fill_(0.5)

    exported = export(net, tmp_path / "m.onnx", weights=form)

    assert exported.report.ok
    assert exported.manifest.weights == form
    assert exported.manifest.task == "forecast"


@pytest.mark.parametrize("form", FORMS)
def test_a_module_of_ones_own_can_have_small_weights(tmp_path, stored, form):
    class Tokens(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(30, 12)
            self.convolution = torch.nn.Conv1d(12, 16, 3)
            self.gru = torch.nn.GRU(16, 16, batch_first=True)

        def forward(self, ids):
            x = self.table(ids).transpose(1, 2)
            x = torch.nn.functional.pad(x, (2, 0))
            return self.gru(self.convolution(x).transpose(1, 2))[0][:, -1]

    net = Tokens()

    exported = export(net, tmp_path / "m.onnx", example=torch.zeros(1, 9).long(), weights=form)

    assert exported.report.ok
    sizes = sorted(weights.size for weights in stored(exported.path).values())
    assert sizes == sorted([30 * 12, 3 * 12 * 16, 48 * 16, 48 * 16])


def test_a_matrix_that_float16_cannot_hold_stays_float32_and_is_named(tmp_path):
    net = network(**KINDS["lstm"])
    with torch.no_grad():
        weights_of(net.recurrent()[1].cells[0])[0][3, 4] = 70_000.0

    exported = export(net, tmp_path / "m.onnx", weights="fp16")

    assert exported.kept == {"layer1_W": "a weight of 7e+04 is beyond float16's 65,504"}


def test_small_weights_are_refused_where_they_save_nothing(tmp_path):
    net = network(cell="lstm", units=(3,))

    with pytest.raises(UsageError, match="the network is too small: it has no matrix that fp16"):
        export(net, tmp_path / "m.onnx", weights="fp16")

    assert list(tmp_path.iterdir()) == []


def test_small_weights_are_not_rounded_again(tmp_path):
    export(network(**KINDS["lstm"]), tmp_path / "m.onnx", weights="fp16")

    with pytest.raises(UsageError, match="must have float32 weights to be rounded, got fp16"):
        shrink(tmp_path / "m.onnx", tmp_path / "n.onnx", weights="int8")


@pytest.mark.parametrize("weights", ["float16", "", None])
def test_other_weights_are_refused(tmp_path, weights):
    with pytest.raises(UsageError, match="weights must be 'float32', 'fp16' or 'int8'"):
        export(network(**KINDS["lstm"]), tmp_path / "m.onnx", weights=weights)


def test_a_file_whose_proof_numpy_cannot_reproduce_is_refused(tmp_path):
    exported = export(network(**KINDS["lstm"]), tmp_path / "m.onnx")
    model = onnx.load(exported.path)
    bias = next(t for t in model.graph.initializer if t.name == "layer0_B")
    values = onnx.numpy_helper.to_array(bias) + np.float32(0.01)
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    del model.metadata_props[-1]
    (tmp_path / "m.onnx").write_bytes(seqrt.contract.seal(model.SerializeToString()))

    with pytest.raises(ParityError, match="E_PARITY"):
        shrink(tmp_path / "m.onnx", tmp_path / "n.onnx", weights="fp16")

    assert not (tmp_path / "n.onnx").exists()


def test_a_reader_that_knows_format_1_alone_says_what_to_do(tmp_path, monkeypatch):
    export(network(**KINDS["lstm"]), tmp_path / "m.onnx", weights="fp16")
    monkeypatch.setattr("seqrt.contract.manifest.NEWEST_FORMAT", 1)

    with pytest.raises(ModelError, match=r"E_MODEL_VERSION: .*format 2.* Upgrade with: pip"):
        seqrt.load(tmp_path / "m.onnx")


def test_streams_of_a_large_file_share_the_session_of_its_float32_size(tmp_path, monkeypatch):
    net = network(cell="lstm", units=(220,))
    export(net, tmp_path / "m.onnx", weights="int8")
    model = seqrt.load(tmp_path / "m.onnx")
    assert len(model._file.content) < model._engine.limits.copied_bytes / 2
    large = replace(model._engine.limits, copied_bytes=model._engine._size - 1)

    assert model._engine._size == 4 * len(model._file.content)
    model._engine.limits = large
    model.stream().push(np.zeros(3, np.float32))
    assert model._engine._step_session is None


@pytest.mark.parametrize(("form", "share"), [("fp16", 0.55), ("int8", 1.0)])
def test_c_holds_the_rounded_weights_in_16_or_32_bits(tmp_path, form, share):
    small = export(network(**KINDS["lstm"]), tmp_path / "m.onnx", weights=form)

    written = export_c(small.path, tmp_path, name="m")

    whole = export_c(export(network(**KINDS["lstm"]), tmp_path / "w.onnx").path, tmp_path, name="w")
    assert 0.9 * share < written.constants / whole.constants <= share
    assert written.state == whole.state
    assert written.proved_with == whole.proved_with
