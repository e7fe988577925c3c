"""Forecasts of one target each, put side by side as those of a model with several targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqrt import Model
from seqrt.ahead.layout import ForecastLayout
from seqrt.ahead.wide import are_wide, of_target, outputs_of_targets, side_by_side
from seqrt.errors import InputError

NETS = Path(__file__).parents[1] / "runtime" / "nets" / "forecast"


@pytest.fixture
def manifest():
    plain = Model(NETS / "persistence.onnx").manifest
    return replace(plain, wide=("a", "b"), series=("shop", "variable"))


def test_outputs_are_named_by_step_target_and_quantile(manifest):
    found = side_by_side(manifest)
    assert found.targets == ("a", "b")
    assert found.series == ("shop",)
    names = [column.name for column in found.outputs]
    assert names[:6] == ["a+1@0.025", "a+1@0.1", "a+1", "a+1@0.9", "a+1@0.975", "b+1@0.025"]
    assert len(names) == 2 * len(manifest.outputs)


def test_outputs_of_targets_have_the_order_of_their_names(manifest):
    one, both = ForecastLayout.of(manifest), ForecastLayout.of(side_by_side(manifest))
    y = np.arange(2 * 3 * len(manifest.outputs), dtype=np.float32).reshape(3, 2, -1)
    wide = outputs_of_targets(manifest, y)
    for k in range(2):
        np.testing.assert_array_equal(both.split(wide)[:, :, k], one.split(y[:, k])[:, :, 0])


def test_one_target_is_read_from_its_own_column(manifest):
    assert [each.column for each in of_target(manifest, "b").inputs] == ["b"]


def test_columns_are_wide_only_with_all_targets(manifest):
    assert are_wide(manifest, {"a": [1], "b": [2]})
    assert not are_wide(manifest, {"a": [1], "sales": [2]})
    with pytest.raises(InputError, match=r"columns must have a, b, .* but 'b' is missing"):
        are_wide(manifest, {"a": [1]})
