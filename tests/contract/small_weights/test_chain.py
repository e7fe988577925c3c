"""What a file with small weights says, and how its nodes are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqrt.contract.guard import guard
from seqrt.contract.onnx_reader import FLOAT, FLOAT16, INT8, INT64
from seqrt.contract.small_weights import chain, stored_sizes

NETS = Path(__file__).parents[2] / "runtime" / "nets" / "format2"


def test_fp16_is_cast_and_int8_is_cast_and_scaled():
    assert [(n.operator, n.inputs, n.output) for n in chain("W", "fp16")] == [
        ("Cast", ("W.fp16",), "W"),
    ]
    assert [(n.operator, n.inputs, n.output) for n in chain("W", "int8")] == [
        ("Cast", ("W.int8",), "W.whole"),
        ("Mul", ("W.whole", "W.scale"), "W"),
    ]


@pytest.mark.parametrize(
    ("weights", "sizes"),
    [
        ("float32", {FLOAT: 4, INT64: 8}),
        ("fp16", {FLOAT: 4, INT64: 8, FLOAT16: 2}),
        ("int8", {FLOAT: 4, INT64: 8, INT8: 1}),
    ],
)
def test_a_file_may_hold_one_more_type_of_numbers(weights, sizes):
    assert stored_sizes(weights) == sizes


@pytest.mark.parametrize("weights", ["fp16", "int8"])
def test_the_guard_returns_the_constants_as_they_are_stored(weights):
    found = guard((NETS / f"{weights}.onnx").read_bytes())

    assert found.manifest.weights == weights
    assert f"layer0_R.{weights}" in found.constants
    assert "layer0_R" not in found.constants
    assert found.manifest.rounding
