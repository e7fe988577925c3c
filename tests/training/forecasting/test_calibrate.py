"""Calibrated quantiles cover what they say, and the better forecast gets the share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqrt.training.forecasting.calibrate import calibrate_quantiles, conformal
from seqrt.training.forecasting.share import choose_share
from seqrt.training.inputs.batches import all_logits
from seqrt.training.inputs.examples import Examples
from seqrt.training.networks.forecasting.forecaster import Forecaster

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.fixture
def net() -> Forecaster:
    """Return an untrained forecaster of two steps."""
    torch.manual_seed(0)
    return Forecaster(
        horizon=2, seasons=4, level_window=4, units=4, quantiles=QUANTILES, answers=QUANTILES
    ).eval()


def noise(rows: int, seed: int) -> Examples:
    """Return series of noise (rows, 30), with targets of noise and the scale 1 at each step."""
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(size=(rows * 30, 1)).astype(np.float32))
    y = rng.normal(scale=2, size=(rows * 30, 3)).astype(np.float32)
    y[:, 2] = 1
    starts = torch.arange(rows) * 30
    return Examples(x, torch.from_numpy(y), torch.full((rows,), 30), starts, per_step=True)


def test_the_conformal_bound_is_a_rank_of_the_scores():
    scores = np.arange(1.0, 20)
    assert conformal(scores, 0.1) == 18
    assert conformal(scores, 0.04) is None


def test_calibrated_intervals_cover_new_targets_as_often_as_they_say(net):
    calibrate_quantiles(net, noise(200, 1))
    new = noise(200, 2)
    truth = new.y[:, :2].numpy()
    v = all_logits(net, new).numpy().reshape(-1, 2, 5)
    for low, covered in ((0, 0.9), (1, 0.5)):
        inside = (truth >= v[..., low]) & (truth <= v[..., -1 - low])
        assert inside.mean(0).tolist() == pytest.approx([covered] * 2, abs=0.02)
    assert (np.diff(v, axis=-1) >= 0).all()


@pytest.mark.parametrize("few", [True, False])
def test_the_better_of_network_and_linear_part_gets_the_share(net, few):
    examples = noise(10, 3)
    net.linear_start.fill_(100.0)
    choose_share(net, examples, few=few)
    assert (net.share > 0.999).all()


def test_of_many_values_the_network_alone_is_taken_where_it_is_better_than_the_mean(net):
    examples = noise(10, 3)
    net.linear_start.fill_(2.0)
    choose_share(net, examples, few=True)
    assert (net.share < 1).all()
    choose_share(net, examples, few=False)
    assert net.share.tolist() == [1.0, 1.0]


def test_the_share_does_not_hang_on_values_after_zeros(net):
    examples = noise(10, 3)
    net.linear_start.fill_(2.0)
    choose_share(net, examples, few=True)
    usual = net.share.clone()
    examples.y[5, :] = torch.tensor([50.0, 50.0, 1e-8])
    choose_share(net, examples, few=True)
    assert torch.allclose(net.share, usual, atol=0.01)
