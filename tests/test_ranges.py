"""Values outside the range of the training data: the first of each feature, and each once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt.contract import Column
from seqrt.ranges import Outside, RangeGuard, with_ranges

FORECASTER = Path(__file__).parent / "runtime" / "nets" / "format2" / "forecaster.onnx"
FEATURES = (Column("load", low=0.0, high=10.0), Column("heat"), Column("code=other", low=0, high=0))


def test_the_first_value_of_each_feature_is_found_once():
    x = np.zeros((3, 2, 3))
    x[1, 1] = [12, 1e9, 1]
    x[2, 0] = [-9, 0, 1]
    guard = RangeGuard(FEATURES)

    assert guard.found(x) == [
        Outside("load", (1, 1), 12.0, 0.0, 10.0),
        Outside("code=other", (1, 1), 1.0, 0.0, 0.0),
    ]
    assert guard.found(x) == []


@pytest.mark.parametrize(("value", "outside"), [(10.9, 0), (11.1, 1), (-0.9, 0), (-1.1, 1)])
def test_a_tenth_of_the_range_may_be_outside(value, outside):
    assert len(RangeGuard(FEATURES).found(np.array([value, 0, 0]))) == outside


def test_a_margin_of_zero_allows_what_float32_rounds():
    guard = RangeGuard((Column("x", low=0.1, high=0.3),), margin=0)

    assert guard.found(np.float32([[0.1], [0.3]])) == []
    assert len(guard.found(np.float32([[0.3001]]))) == 1


def test_missing_values_are_not_outside():
    assert RangeGuard(FEATURES).found(np.full((2, 3), np.nan)) == []
    assert RangeGuard(FEATURES).found(np.zeros((0, 3))) == []


def test_the_target_of_a_forecaster_has_no_range_but_other_features_have():
    manifest = seqrt.load(FORECASTER).manifest
    columns = (Column("sales", low=0, high=1), Column("heat", low=0, high=1))
    known = replace(manifest, features=columns, targets=("sales",))

    assert with_ranges(known) == (Column("sales"), columns[1])
    assert with_ranges(replace(known, window=24)) == columns
