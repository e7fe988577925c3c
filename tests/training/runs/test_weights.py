"""The weights file of a run keeps the metadata of its network."""

from __future__ import annotations

from dataclasses import replace

from seqrt.contract import Column
from seqrt.contract.quantiles import output_names
from seqrt.training.networks.network import Network
from seqrt.training.runs.weights import load_run, save_weights


def test_quantiles_are_kept_and_not_written_where_there_are_none(tmp_path):
    quantiles = (0.1, 0.5, 0.9)
    net = Network("gru", 1, (2,), 3)
    save_weights(net, tmp_path)
    assert b"quantiles" not in (tmp_path / "best.safetensors").read_bytes()

    outputs = tuple(map(Column, output_names(["x"], 1, quantiles)))
    net.metadata = replace(net.metadata, task="forecast", outputs=outputs, quantiles=quantiles)
    save_weights(net, tmp_path)

    assert load_run(tmp_path).metadata.quantiles == quantiles
