"""Networks of tokens become files that look ids up, and prove it with ids outside the table too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch

import seqrt
from seqrt.contract.text import Text
from seqrt.errors import UsageError
from seqrt.export import export, shrink
from seqrt.export.write import Exported
from seqrt.runtime.proving.proof import decode
from seqrt.training import Network
from seqrt.training.networks.average import mean_of

WORDS = Text("words", 6, "review", "ascii", tuple(f"w{i}" for i in range(40)))
BYTES = Text("bytes", 4, "name")
BEYOND = [-1, -(1 << 40), WORDS.size, 1 << 40]


def network(text: Text = WORDS, **options: Any) -> Network:
    """Return a network of the tokens of a text, with random weights."""
    torch.manual_seed(2)
    sizes = {"embedding": text.width, "units": (7, 5), "outputs": 2, **options}
    net = Network(tokens=text.size, **sizes)
    net.metadata = replace(net.metadata, text=text)
    return net


@pytest.fixture
def exported(tmp_path: Path) -> Callable[..., Exported]:
    """Return a function that exports a network."""
    return lambda net, **options: export(net, tmp_path / "net.onnx", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm"},
        {"cell": "gru", "head": "sequence", "activation": "softmax"},
        {"cell": "rnn", "nonlinearity": "relu"},
        {"cell": "mingru", "head": "sequence"},
        {"cell": "gru", "bidirectional": True, "pool": "max"},
        {"cell": "gru", "pool": "mean", "front": "conv:3x4"},
        {"cell": "lstm", "pool": "attention"},
        {"cell": "gru", "front": "segments:3"},
        {"cell": "gru", "units": (5, 5), "residual": True, "layer_norm": True},
    ],
    ids=str,
)
def test_a_network_of_tokens_is_a_proved_file(exported, options: dict[str, Any]):
    net = network(**options)

    file = exported(net)

    manifest, ids = file.manifest, np.arange(60).reshape(5, 12) % WORDS.size
    assert file.report.exact, file.report
    assert (manifest.format, manifest.tokens, manifest.text) == (2, WORDS.size, WORDS)
    assert [(c.name, c.low, c.high) for c in manifest.features] == [("review", 0.0, 40.0)]
    y = seqrt.load(file.path).predict(ids)
    with torch.no_grad():
        np.testing.assert_allclose(y, net(torch.from_numpy(ids)), rtol=1e-5, atol=1e-5)


def test_the_proof_has_ids_outside_the_table_and_onnxruntime_alone_reads_the_unknown(exported):
    file = exported(network(head="sequence"))

    cases = decode(seqrt.load(file.path).proof, file.manifest)
    ids = np.concatenate([case.x.ravel() for case in cases])
    assert 3 <= ((ids < 0) | (ids >= WORDS.size)).sum() <= 20
    alone = ort.InferenceSession(file.path, providers=["CPUExecutionProvider"])
    state = np.zeros((2, file.manifest.state_size), np.float32)
    x = np.array([[5, *BEYOND, 7], [5, 0, 0, 0, 0, 7]])
    y, end = alone.run(None, {"x": x, "lengths": np.array([6, 6], np.int32), "state": state})
    np.testing.assert_array_equal(y[0], y[1])
    np.testing.assert_array_equal(end[0], end[1])


@pytest.mark.parametrize("weights", ["fp16", "int8"])
def test_a_table_may_be_stored_in_fewer_bytes(exported, tmp_path, weights):
    net = network(replace(WORDS, width=16), units=(16,))

    file = exported(net, weights=weights)

    assert file.report.exact
    assert not file.kept
    whole = export(net, tmp_path / "whole.onnx")
    again = shrink(whole.path, tmp_path / "small.onnx", weights=weights)
    assert again.digest == file.digest
    ids = np.arange(WORDS.size)[None]
    close = seqrt.load(file.path).predict(ids), seqrt.load(whole.path).predict(ids)
    np.testing.assert_allclose(*close, atol=0.02)


def test_a_committee_looks_up_all_of_its_tables_at_once(exported):
    nets = []
    for seed in range(3):
        net = network(replace(WORDS, width=16), cell="lstm", units=(128,))
        torch.manual_seed(seed)
        torch.nn.init.normal_(net.embedding.weight)
        nets.append(net)

    file = exported(mean_of(nets, nets[0].metadata))

    assert (file.manifest.text.width, file.manifest.layers[0].groups) == (48, 3)
    ids = np.arange(20)[None]
    with torch.no_grad():
        mean = np.mean([net(torch.from_numpy(ids)).numpy() for net in nets], axis=0)
    np.testing.assert_allclose(seqrt.load(file.path).predict(ids), mean, rtol=1e-5, atol=1e-6)


def test_work_is_counted_from_the_width_of_the_table(exported):
    file = exported(network(BYTES, cell="gru", units=(5,)))

    assert file.manifest.operations == 2 * 3 * 5 * (4 + 5)


def test_memory_is_measured_on_ids_that_are_drawn_or_given(exported):
    net = network()

    drawn, given = exported(net), exported(net, series=np.arange(100.0)[:, None] % 41)

    for file, inputs in ((drawn, "drawn"), (given, "data")):
        assert file.manifest.memory.inputs == inputs
        assert len(file.manifest.memory.gradient.norms) > 3


def test_a_network_of_tokens_needs_no_text(exported):
    net = Network(tokens=11, embedding=3, units=(5,))

    file = exported(net)

    assert (file.manifest.tokens, file.manifest.text) == (11, None)
    assert file.manifest.features[0].high == 10


def test_text_of_another_number_of_ids_is_refused(exported):
    net = network()
    net.metadata = replace(net.metadata, text=BYTES)

    with pytest.raises(UsageError, match=r"as many ids as the network has tokens, 41, got 257"):
        exported(net)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_network_that_amplifies_rounding_is_proved_for_fewer_steps(exported, bidirectional):
    net = network(cell="rnn", units=(24,), head="sequence", bidirectional=bidirectional)
    for cell in net.recurrent()[0].cells:
        with torch.no_grad():
            cell.weight_hh_l0 *= 4

    assert 10 < exported(net).manifest.parity.steps < 100
