"""The first intervals of a series are wider, by amounts between those of two knots."""

from __future__ import annotations

import pytest
import torch

from seqrt.errors import UsageError
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.early import Hats, knots_for
from seqrt.training.networks.forecasting.forecaster import Forecaster

QUANTILES = (0.1, 0.5, 0.9)


def test_knots_grow_by_half_and_hold_whole_seasons_and_the_rows_before_them():
    assert knots_for(21, 7) == (1, 2, 3, 4, 6, 7, 9, 13, 14, 19, 21)
    assert knots_for(14, 1) == (1, 2, 3, 4, 6, 9, 13, 14)
    assert knots_for(2, 1) == (1, 2)
    assert knots_for(1, 1) == ()


def test_hats_are_1_at_their_knot_and_share_the_numbers_between():
    hats = Hats.of((1, 2, 4, 8))
    known = torch.tensor([[0.0], [1], [2], [3], [4], [6], [8]])
    assert hats.at(known).tolist() == [
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0.5, 0.5],
        [0, 0, 1],
        [0, 0, 0.5],
        [0, 0, 0],
    ]


def forecaster(**options: object) -> Forecaster:
    """Return a small forecaster in float64 that reads six values."""
    torch.manual_seed(0)
    small = {"horizon": 2, "season": 3, "seasons": 2, "level_window": 6, "units": 4}
    return Forecaster(**{**small, "quantiles": QUANTILES, "answers": QUANTILES, **options}).double()


def test_quantiles_move_apart_until_all_lags_are_known_and_the_median_stays():
    plain, wide = forecaster().eval(), forecaster(knots=(1, 3, 6)).eval()
    assert wide.early is not None
    wide.early.gaps[:, 0] = torch.tensor([2.0, 0, 1])
    x = torch.randn(4, 10, 1, dtype=torch.float64) + 50
    apart = (wide(x) - plain(x)).unflatten(-1, (2, 3))[0]
    want = torch.tensor([1, 1, 1, 2 / 3, 1 / 3, 0, 0, 0, 0, 0], dtype=torch.float64)
    for place, times in enumerate((-2, 0, 1)):
        torch.testing.assert_close(apart[:, 0, place], times * want)


def test_without_knots_a_forecaster_is_what_it_was():
    assert "knots" not in forecaster().config()
    assert "early.gaps" not in forecaster().state_dict()
    assert forecaster(knots=(1, 6)).config()["knots"] == (1, 6)


@pytest.mark.parametrize("knots", [(1,), (2, 14), (1, 13), (1, 3, 2, 14), (1, 1, 14)])
def test_knots_ascend_from_one_to_all_lags(knots):
    with pytest.raises(UsageError, match="knots must ascend from 1 to the 14 steps"):
        ForecasterConfig(knots=knots)
