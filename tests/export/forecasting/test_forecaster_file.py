"""The file of a forecaster computes what the float64 reference does, streamed bit for bit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import forecast_reference
import numpy as np
import onnx
import pytest
import torch

import seqrt
from seqrt.contract import Carry, Column, Layer
from seqrt.errors import UsageError
from seqrt.export import export
from seqrt.testing import check_model
from seqrt.training.networks.forecasting.forecaster import Forecaster

THREE, NINE = (0.1, 0.5, 0.9), (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
WEEK = {"season": 7, "seasons": 3, "level_window": 14}
NETS = {
    "gru, median": {**WEEK, "horizon": 3},
    "gru, three of nine quantiles": {
        **WEEK,
        "horizon": 10,
        "answers": THREE,
        "features": 3,
        "knots": (1, 2, 4, 7, 14, 21),
    },
    "lstm, indicator": {
        **WEEK,
        "cell": "lstm",
        "horizon": 7,
        "answers": NINE,
        "features": 3,
        "target": 1,
        "missing": "indicator",
    },
    "lstm, forward": {
        **WEEK,
        "cell": "lstm",
        "horizon": 15,
        "missing": "forward",
        "floor": 19.5,
    },
    "gru, no season": {
        "season": 1,
        "seasons": 18,
        "level_window": 18,
        "horizon": 4,
        "quantiles": THREE,
        "answers": THREE,
        "missing": "forward",
        "features": 3,
        "knots": (1, 5, 18),
    },
    "lstm, no season": {"season": 1, "seasons": 5, "level_window": 4, "cell": "lstm", "target": 0},
    "rnn, indicator": {
        "season": 2,
        "seasons": 9,
        "level_window": 5,
        "cell": "rnn",
        "horizon": 5,
        "answers": THREE,
        "missing": "indicator",
        "knots": (1, 3, 18),
    },
    "gru, one season": {"season": 12, "seasons": 1, "level_window": 12, "horizon": 12},
    "gru, one lag": {"season": 1, "seasons": 1, "level_window": 1, "horizon": 2},
}
each_net = pytest.mark.parametrize("name", NETS)


@cache
def made(name: str) -> Forecaster:
    """Return a forecaster with all its parts: a linear part, widened gaps, scaling."""
    torch.manual_seed(0)
    net = Forecaster(**{"units": 9, **NETS[name]}).eval()
    with torch.no_grad():
        for part in (net.linear, net.linear_offset, net.linear_level, net.linear_start):
            part.normal_(0, 0.1)
        net.share.uniform_(0, 1)
        net.widen.uniform_(0.5, 2)
        if net.early is not None:
            net.early.gaps.uniform_(0, 1)
        net.correct.weight.normal_(0, 0.2)
        net.x_mean.fill_(-0.25)
        net.x_scale.fill_(4.0)
        net.y_mean.fill_(-0.25)
        net.y_scale.fill_(4.0)
    return net


@pytest.fixture(scope="module")
def model_of(tmp_path_factory):
    """Return a function that exports each forecaster once."""
    folder = tmp_path_factory.mktemp("forecasters")

    @cache
    def exported(name):
        return seqrt.load(export(made(name), folder / f"{name}.onnx").path)

    return exported


def draw(rng, name, rows, steps):
    """Return random walks (B, T, D), with missing values if the network takes any."""
    net = made(name)
    x = rng.standard_normal((rows, steps, net.architecture.features)).cumsum(1) * 3 + 20
    if net.missing != "error":
        x[rng.random(x.shape) < 0.2] = np.nan
    return x.astype(np.float32)


def truth(name, x, lengths, state):
    arrays = {key: value.numpy() for key, value in made(name).state_dict().items()}
    return forecast_reference.batch(arrays, made(name).config(), x, lengths, state)


@each_net
def test_torch_obeys_the_equations(rng, name):
    net = made(name)
    x, lengths = draw(rng, name, 3, 40), np.array([40, 33, 2])
    with torch.no_grad():
        start = torch.zeros(3, net.state_size).double()
        y, end = net.double().run(torch.from_numpy(x).double(), torch.from_numpy(lengths), start)
        net.float()
    want, want_end = truth(name, x, lengths, start.numpy())

    for row, steps in enumerate(lengths):
        np.testing.assert_allclose(y[row, :steps], want[row, :steps], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(end, want_end, rtol=1e-12, atol=1e-12)


@each_net
def test_the_file_obeys_the_equations(rng, model_of, name):
    model, state = model_of(name), None
    for rows, steps in ((4, 1), (4, 33), (4, 8), (4, 60)):
        x, lengths = draw(rng, name, rows, steps), rng.integers(1, steps + 1, rows)
        start = model.zero_state(rows) if state is None else state
        y, state = model.run(x, lengths, start)

        want, want_end = truth(name, x, lengths, start)
        np.testing.assert_allclose(y, want, rtol=0, atol=1e-5 * np.abs(want).max())
        np.testing.assert_allclose(state, want_end, rtol=0, atol=5e-6)


@each_net
def test_a_stream_gives_the_same_bits_however_it_is_cut(rng, model_of, name):
    model, x = model_of(name), draw(rng, name, 3, 50)
    whole, end = model.run(x)
    for row, outputs in zip(x, whole, strict=True):
        stream = model.stream()
        np.testing.assert_array_equal([stream.push(step) for step in row], outputs)
    for cut in (1, 2, 7, 13, 49):
        head, state = model.run(x[:, :cut])
        tail, parted = model.run(x[:, cut:], None, state)
        np.testing.assert_array_equal(np.concatenate([head, tail], axis=1), whole)
        np.testing.assert_array_equal(parted, end)


@each_net
def test_a_row_gives_the_same_bits_alone_and_whatever_pads_it(rng, model_of, name):
    model, x, lengths = model_of(name), draw(rng, name, 30, 40), rng.integers(1, 41, 30)
    together, ends = model.run(x, lengths)
    for row, steps in enumerate(lengths):
        x[row, steps:] = 1e6
        alone, end = model.run(x[row : row + 1, :steps])
        np.testing.assert_array_equal(alone[0], together[row, :steps])
        np.testing.assert_array_equal(end[0], ends[row])
    np.testing.assert_array_equal(model.run(x, lengths)[0], together)
    listed = model.predict([row[:steps] for row, steps in zip(x, lengths, strict=True)])
    for y, row, steps in zip(listed, together, lengths, strict=True):
        np.testing.assert_array_equal(y, row[:steps])


@pytest.mark.parametrize("name", ["gru, median", "lstm, indicator", "gru, no season"])
def test_series_of_all_sizes_are_forecast_in_their_own_units(rng, model_of, name):
    model = model_of(name)
    walk = draw(rng, name, 1, 60)[0]
    rows = [walk * size for size in (1e-3, 1.0, 1e3, 1e6)]
    rows += [np.full_like(walk, value) for value in (0.0, 0.1, -3e5)]
    rows.append(np.where(np.arange(60)[:, None] % 9 == 8, 1e6, 0).astype(np.float32) + 0 * walk)
    x, lengths = np.stack(rows).astype(np.float32), np.full(len(rows), 60)
    y = model.predict(x)

    want, _ = truth(name, x, lengths, model.zero_state(len(rows)))
    assert np.isfinite(y).all()
    for got, right in zip(y, want, strict=True):
        np.testing.assert_allclose(got, right, rtol=0, atol=2e-5 * np.abs(right).max() + 1e-6)


def test_a_series_far_from_zero_keeps_its_digits(rng, model_of):
    """The error of the file is at most that of torch in float32, and a last digit of the level."""
    name = "gru, three of nine quantiles"
    model, x = model_of(name), draw(rng, name, 2, 60) + np.float32(1e5)
    want, _ = truth(name, x, np.full(2, 60), model.zero_state(2))
    with torch.no_grad():
        of_torch = made(name)(torch.from_numpy(x)).numpy()

    error = np.abs(model.predict(x) - want).max()

    assert error <= np.abs(of_torch - want).max() + np.spacing(np.float32(1e5))


@each_net
def test_the_laws_hold_bit_for_bit(model_of, name):
    assert model_of(name).validate().exact


@pytest.mark.parametrize("name", ["gru, three of nine quantiles", "lstm, forward"])
def test_a_file_passes_all_checks(tmp_path, name):
    check_model(export(made(name), tmp_path / "m.onnx").path).raise_if_failed()


def test_the_manifest_says_what_is_forecast(model_of):
    m = model_of("lstm, indicator").manifest

    assert (m.format, m.task, m.head, m.window) == (2, "forecast", "sequence", None)
    assert (m.horizon, m.quantiles, m.targets) == (7, NINE, ("x1",))
    assert m.layers == (Layer("lstm", 9, dilation=7),)
    lags = (Carry("taps", 20), Carry("taps", 20))
    assert m.carries == (Carry("h", 63), Carry("c", 63), *lags)
    assert [column.name for column in m.outputs[3:6]] == ["x1+1@0.25", "x1+1", "x1+1@0.75"]


def test_names_given_by_the_data_are_kept(tmp_path):
    net = Forecaster(horizon=2, season=1, seasons=3, level_window=3, units=4)
    net.metadata = replace(
        net.metadata,
        task="forecast",
        features=(Column("load", "MW"),),
        outputs=(Column("load+1", "MW"), Column("load+2", "MW")),
        targets=("load",),
    )

    m = export(net, tmp_path / "m.onnx").manifest

    assert [column.name for column in m.outputs] == ["load+1", "load+2"]
    assert (m.targets, m.horizon, m.quantiles) == (("load",), 2, ())


def test_a_linear_part_without_a_share_is_left_out(tmp_path):
    net = Forecaster(horizon=2, season=1, seasons=3, level_window=3, units=4)
    names = []
    for share in (1.0, 0.5):
        net.share.fill_(share)
        path = export(net, tmp_path / f"{share}.onnx").path
        names.append({node.name for node in onnx.load(path).graph.node})

    assert "linear" in names[1] - names[0]


@pytest.mark.parametrize("answers", [(), (0.9,), (0.1, 0.5)])
def test_answers_are_the_median_or_symmetric_around_it(answers):
    with pytest.raises(UsageError, match="answers must be ascending, symmetric"):
        Forecaster(answers=answers)
