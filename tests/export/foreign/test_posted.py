"""Eighteen of twenty networks as people post them become files; the others are refused by name."""

from __future__ import annotations

import posted_nets
import pytest
import torch
from foreign_truth import check_export

from seqrt.errors import UsageError
from seqrt.export import export


@pytest.mark.parametrize("kind", posted_nets.RIGHT, ids=lambda kind: kind.__name__)
def test_a_posted_network_becomes_a_file_that_computes_the_same(kind, tmp_path):
    torch.manual_seed(3)

    manifest = check_export(kind(), tmp_path)

    assert manifest.layers


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (posted_nets.HeartbeatPooled, "max_pool1d makes fewer steps"),
        (posted_nets.SoundEventCrnn, "torch's conv2d is not among the operators"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_with_the_line(kind, words, tmp_path):
    with pytest.raises(UsageError, match=rf"posted_nets\.py:\d+ \(.*{words}"):
        export(kind().eval(), tmp_path / "m.onnx")
