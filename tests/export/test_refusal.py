"""Export refuses a network that it cannot prove, and leaves no file."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch

from seqrt.errors import OutputError, ParityError
from seqrt.export import export
from seqrt.export.graph import weights
from seqrt.training import Network

WRONG_LSTM = [order for order in permutations(range(4)) if order != (0, 3, 1, 2)]
WRONG_GRU = [order for order in permutations(range(3)) if order != (1, 0, 2)]


@pytest.mark.parametrize(
    ("cell", "order"),
    [*(("lstm", order) for order in WRONG_LSTM), *(("gru", order) for order in WRONG_GRU)],
)
def test_every_wrong_order_of_gates_is_caught(tmp_path, monkeypatch, cell, order):
    monkeypatch.setitem(weights.BLOCKS, cell, order)

    with pytest.raises(ParityError, match="E_PARITY: the exported graph does not compute"):
        export(Network(cell, 1, (64, 32), 1), tmp_path / "m.onnx")

    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_when_an_export_is_refused(tmp_path, monkeypatch):
    (tmp_path / "m.onnx").write_bytes(b"older")
    monkeypatch.setitem(weights.BLOCKS, "lstm", (0, 1, 2, 3))

    with pytest.raises(ParityError):
        export(Network("lstm", 1, (8,), 1), tmp_path / "m.onnx")

    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("m.onnx", b"older")]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, value):
    net = Network("gru", 1, (8,), 1)
    with torch.no_grad():
        net.layers[0].cells[0].weight_hh_l0[2, 3] = value

    with pytest.raises(ParityError, match=r"E_WEIGHTS_NONFINITE: .*layers\.0\.cells\.0\.weight_hh"):
        export(net, tmp_path / "m.onnx")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"E_OUTPUT_FOLDER: .*gone"):
        export(Network("gru", 1, (8,), 1), tmp_path / "gone" / "m.onnx")
