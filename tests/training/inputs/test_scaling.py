"""Scaling: the moments of all values, in however many pieces they are read."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.limits import ReadLimits
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError
from seqrt.training.inputs.scaling import measured_columns

NAMES = ("near", "far", "gaps")


@pytest.fixture
def values(rng):
    """Three columns: around zero, far from zero, and mostly missing, with no value at first."""
    values = rng.standard_normal((60, 3)).astype(np.float32) + np.array([0, 1e4, -3], np.float32)
    values[rng.random(60) < 0.7, 2] = np.nan
    values[:9, 2] = np.nan
    return values


@pytest.mark.parametrize("numbers", [3, 20, 1000])
def test_a_piece_at_a_time_gives_the_moments_of_all(values, numbers):
    parts = Ragged.of([values[:25], values[25:26], values[26:]])

    columns = measured_columns(NAMES, parts, ReadLimits(numbers=numbers))

    exact = values.astype(np.float64)
    want = [f(exact, axis=0) for f in (np.nanmean, np.nanstd, np.nanmin, np.nanmax)]
    got = np.array([(c.mean, c.scale, c.low, c.high) for c in columns]).T
    assert tuple(column.name for column in columns) == NAMES
    # a mean of 10,000 with a scale of 1 is exact to 2e-12
    np.testing.assert_allclose(got, want, rtol=2e-12)


def test_an_array_is_measured_as_numpy_measures_it(values):
    columns = measured_columns(NAMES, values)

    exact = values.astype(np.float64)
    assert [column.mean for column in columns] == np.nanmean(exact, 0).tolist()
    assert [column.scale for column in columns] == np.nanstd(exact, 0).tolist()


def test_a_column_without_a_value_is_named(values):
    values[:, 1] = np.nan

    with pytest.raises(InputError, match=r"^E_INPUT_MISSING: .* 'far' has only missing ones"):
        measured_columns(NAMES, values)
