"""The wide columns of a manifest: written where there are some, and checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seqrt import Model
from seqrt.contract import Manifest
from seqrt.errors import ModelError

NET = Path(__file__).parents[1] / "runtime" / "nets" / "forecast" / "persistence.onnx"


@pytest.fixture
def manifest():
    return replace(Model(NET).manifest, wide=("a", "b"), series=("variable",))


def test_wide_columns_come_back(manifest):
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert '"wide"' not in replace(manifest, wide=()).to_json()


@pytest.mark.parametrize(
    "wrong",
    [{"wide": ("a",)}, {"wide": ("a", "a")}, {"wide": ("a", "sales")}, {"series": ()}],
)
def test_wide_columns_that_contradict_the_rest_are_refused(manifest, wrong):
    with pytest.raises(ModelError, match="wide columns"):
        Manifest.from_json(replace(manifest, **wrong).to_json())
