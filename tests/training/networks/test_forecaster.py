"""A forecaster answers at each step from the past alone, in the units of its series."""

from __future__ import annotations

import pytest
import torch

from seqrt.errors import UsageError
from seqrt.training.networks.dilated import Dilated
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.forecasting.lags import lags, normalised
from seqrt.training.networks.recurrent import Recurrent

QUANTILES = (0.1, 0.5, 0.9)


def forecaster(**options: object) -> Forecaster:
    """Return a small forecaster in float64, with a linear part and widened gaps."""
    torch.manual_seed(0)
    small = {"horizon": 5, "season": 3, "seasons": 4, "level_window": 6, "units": 8}
    net = Forecaster(**{**small, "quantiles": QUANTILES, "answers": QUANTILES, **options})
    net = net.double().eval()
    net.linear.normal_(0, 0.1)
    net.share.fill_(0.5)
    net.widen.uniform_(0.5, 2)
    return net


def series(rows: int = 3, steps: int = 40, features: int = 1) -> torch.Tensor:
    """Return random walks (B, T, D)."""
    torch.manual_seed(1)
    return torch.randn(rows, steps, features, dtype=torch.float64).cumsum(1) + 50


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_dilated_layer_continues_from_several_steps_before(cell):
    layer, plain = Dilated(cell, 4, 5, dilation=3).double(), Recurrent(cell, 4, 5).double()
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(2, 11, 4, dtype=torch.float64)
    y = layer(x)
    for phase in range(3):
        torch.testing.assert_close(y[:, phase::3], plain(x[:, phase::3]))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("cut", [1, 2, 7])
def test_a_dilated_layer_can_be_cut_anywhere(cell, cut):
    dilated = Dilated(cell, 4, 5, dilation=3).double().eval()
    x = torch.randn(2, 11, 4, dtype=torch.float64)
    lengths, state = torch.tensor([11, 8]), torch.zeros(2, dilated.state_size).double()
    y, end = dilated.run(x, lengths, state)
    head, middle = dilated.run(x[:, :cut], torch.tensor([cut, cut]), state)
    tail, parted = dilated.run(x[:, cut:], lengths - cut, middle)
    torch.testing.assert_close(torch.cat([head, tail], 1)[0], y[0])
    torch.testing.assert_close(parted, end)


def test_lags_are_the_last_values_oldest_first_and_zero_before_the_start():
    assert lags(torch.tensor([[1.0, 2, 3]]), 2).tolist() == [[[0, 1], [1, 2], [2, 3]]]


def test_level_and_scale_are_those_of_the_known_values():
    values, known = torch.tensor([0.0, 2, 0, 4]), torch.tensor([0.0, 1, 0, 1])
    read = normalised(values, known, 4, 1)
    assert read.level.item() == 3
    assert read.scale.item() == pytest.approx(1 + 3e-3)
    assert read.z.tolist() == pytest.approx([0, -1 / 1.003, 0, 1 / 1.003])


@pytest.mark.parametrize("options", [{}, {"season": 1, "seasons": 7}, {"cell": "lstm"}])
@pytest.mark.parametrize("missing", ["error", "forward", "indicator"])
def test_a_stream_may_be_cut_anywhere(options, missing):
    net = forecaster(features=2, missing=missing, **options)
    x = series(features=2)
    if missing != "error":
        x[0, 5:9, 0] = x[1, 20, 1] = torch.nan
    state, lengths = torch.zeros(3, net.state_size).double(), torch.tensor([40, 33, 26])
    y, end = net.run(x, lengths, state)
    head, middle = net.run(x[:, :25], torch.full((3,), 25), state)
    tail, parted = net.run(x[:, 25:], lengths - 25, middle)
    torch.testing.assert_close(torch.cat([head, tail], 1)[0], y[0])
    torch.testing.assert_close(parted, end)
    torch.testing.assert_close(net(x)[0], y[0])


def test_a_chain_has_the_answers_of_its_steps():
    net, x = forecaster(), series()
    steps = torch.arange(1, 40, 3)
    torch.testing.assert_close(net.logits_of_chain(x, steps), net.logits(x)[:, steps])


def test_answers_scale_and_shift_with_the_series():
    net, x = forecaster(), series()
    torch.testing.assert_close(net(x * 1000), net(x) * 1000, rtol=1e-6, atol=0)


def test_quantiles_never_cross():
    y = forecaster()(series()).unflatten(-1, (5, 3))
    assert (y.diff(dim=-1) >= 0).all()


def test_without_a_share_the_median_is_the_linear_part():
    net, x = forecaster(answers=(0.5,)), series()
    net.share.zero_()
    net.linear.zero_()
    net.linear[-1] = 1  # persistence
    torch.testing.assert_close(net(x)[:, 20], x[:, 20].expand(3, 5))


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantiles": (0.1, 0.5)},
        {"quantiles": (0.2, 0.5, 0.9)},
        {"answers": (0.3,)},
        {"target": 1},
        {"level_window": 99},
        {"missing": "mean"},
    ],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        ForecasterConfig(**wrong)
