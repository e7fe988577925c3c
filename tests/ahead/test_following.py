"""Rows beyond the horizon: what is fed to a model there, column by column."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.ahead.following import Slot, following, slots_of
from seqrt.contract import Column, Input, Layer, Manifest, TimeColumn
from seqrt.errors import InputError

DAY = 86_400_000_000
INPUTS = (
    Input("size"),
    Input("meter", offset=1000),
    Input("day", "calendar", cycle="weekday"),
    Input("promo", ahead=1),
)
NAMES = [name for each in INPUTS for name in each.names]
MANIFEST = Manifest(
    name="shop",
    producer="seqrt",
    task="forecast",
    head="sequence",
    activation="none",
    layers=(Layer("gru", 2),),
    features=tuple(map(Column, NAMES)),
    outputs=(Column("meter+1"), Column("meter+2")),
    targets=("meter",),
    horizon=2,
    inputs=INPUTS,
    time=TimeColumn("day", "iso", "1 day"),
)
HISTORY = [np.full((4, 5), 7.0), np.full((2, 5), 3.0)]
WALL = np.array([np.arange(3), np.arange(10, 13)]) * DAY  # Thursday, January 1, 1970, and 11
PLAN = np.full((2, 2, 5), 1.0)


def test_each_column_goes_on_by_its_kind():
    after = following(MANIFEST, ["meter"], HISTORY, 2, planned=PLAN, wall=WALL)

    fed = after.fed(np.array([1, 0]), 0, np.array([[[1004.0], [1005.0]], [[1010.0], [1011.0]]]))

    assert fed.dtype == np.float32
    assert fed[:, :, 0].tolist() == [[3, 3], [7, 7]]  # constant in each series
    assert fed[:, :, 1].tolist() == [[4, 5], [10, 11]]  # the forecast, less the offset
    np.testing.assert_allclose(fed[1, :, 2], np.sin(2 * np.pi * np.array([3, 4]) / 7), rtol=1e-6)
    assert fed[:, :, 4].tolist() == [[1, 1], [1, 1]]  # planned


def test_rows_are_fed_from_any_on():
    after = following(MANIFEST, ["meter"], HISTORY, 2, planned=PLAN, wall=WALL)

    fed = after.fed(np.array([0]), 1, np.array([[[1000.0]]]))

    np.testing.assert_allclose(fed[0, 0, 2], np.sin(2 * np.pi * 4 / 7), rtol=1e-6)


def test_a_target_is_found_among_the_features():
    assert slots_of(MANIFEST, ["price", "meter"]) == (Slot(1, 1, 1000),)
    assert slots_of(MANIFEST, ["price"]) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wall": None}, "weekday that the model reads, but day has no regular step"),
        ({"planned": None}, "needs promo for 3 rows after the last target"),
        ({"x": [np.arange(20.0).reshape(4, 5)]}, "values of size in the rows between"),
    ],
)
def test_what_is_not_known_is_named(change, message):
    given = {"x": HISTORY, "planned": PLAN, "wall": WALL, **change}
    x = given.pop("x")
    with pytest.raises(InputError, match=f"E_INPUT_FUTURE: .*{message}"):
        following(MANIFEST, ["meter"], x, 2, **given)
