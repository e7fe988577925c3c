"""The weights file of a run keeps the metadata of its network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seqrt.contract import Column
from seqrt.contract.quantiles import output_names
from seqrt.training.networks.network import Network
from seqrt.training.networks.weights_file import unpack
from seqrt.training.runs.weights import FORMAT, load_run, save_weights


def test_quantiles_are_kept_and_not_written_where_there_are_none(tmp_path):
    quantiles = (0.1, 0.5, 0.9)
    net = Network("gru", 1, (2,), 3)
    save_weights(net, tmp_path)
    assert b"quantiles" not in (tmp_path / "best.safetensors").read_bytes()

    outputs = tuple(map(Column, output_names(["x"], 1, quantiles)))
    net.metadata = replace(net.metadata, task="forecast", outputs=outputs, quantiles=quantiles)
    save_weights(net, tmp_path)

    assert load_run(tmp_path).metadata.quantiles == quantiles


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, 1),
        ({"front": "conv:3"}, 2),
        ({"pool": "mean"}, 2),
        ({"residual": True}, 2),
        ({"cell": "mingru"}, 2),
    ],
)
def test_a_file_that_older_versions_cannot_read_has_a_format_that_they_refuse(
    tmp_path, options, wanted
):
    net = Network(**{"cell": "gru", "features": 2, "units": (3, 3), **options})
    save_weights(net, tmp_path)

    path = tmp_path / "best.safetensors"
    _, header = unpack(path.read_bytes(), path, FORMAT)
    assert header["format"] == wanted
    assert load_run(path).config() == net.config()
