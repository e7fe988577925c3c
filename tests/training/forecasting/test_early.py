"""The first intervals of a series hold as many values as they say, and few values are alarms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import seqrt
from seqrt.export import export
from seqrt.training import Plan
from seqrt.training.forecasting.finish import calibrate

WEEK = 2 * np.pi / 7


def seasons(rng, count, rows):
    size, phase = 10 ** rng.uniform(0, 6, (count, 1)), rng.uniform(0, 7, (count, 1))
    wave = np.sin(WEEK * (np.arange(rows) + phase))
    return size * (10 + 3 * wave + rng.normal(0, 0.5, (count, rows)))


def walks(rng, count, rows):
    size = 10 ** rng.uniform(0, 6, (count, 1))
    return size * (50 + rng.normal(size=(count, rows)).cumsum(1))


def trends(rng, count, rows):
    return 100 + np.arange(rows) + rng.normal(0, 3, (count, rows))


def exported(path, series):
    """Export an untrained forecaster that is calibrated on some series."""
    lines = ["unique_id,ds,y"]
    for i, values in enumerate(series):
        lines += [f"s{i:03},{t},{value!r}" for t, value in enumerate(values.tolist())]
    (path / "series.csv").write_text("\n".join(lines))
    plan = Plan(str(path / "series.csv"), target="y", horizon=3, levels=(80, 95))
    problem = plan.problem()
    net = plan.network(problem).eval()
    calibrate(net, problem)
    return seqrt.load(export(net, path / "m.onnx").path), net.architecture


def early(model, series, rows, horizon=3):
    """Return quantiles (N, rows, H, Q), the values they are of, and the p-values of the rows."""
    judged = model.streams(alarm=0.001).push(dict(enumerate(series[..., None])))
    y = np.stack([each.y[:rows] for each in judged.values()]).reshape(-1, rows, horizon, 5)
    p = np.stack([each.p[1 : rows + 1] for each in judged.values()])
    ahead = np.lib.stride_tricks.sliding_window_view(series[:, 1:], horizon, axis=1)[:, :rows]
    return y, ahead, p


@pytest.mark.parametrize("draw", [seasons, walks, trends])
def test_early_intervals_of_new_series_cover_what_they_say_and_alarms_are_rare(rng, tmp_path, draw):
    model, config = exported(tmp_path, draw(rng, 60, 120))
    rows = config.lags
    new = draw(rng, 400, rows + 10).astype(np.float32)

    y, ahead, p = early(model, new, rows)

    inside = (ahead >= y[..., 0]) & (ahead <= y[..., 4])
    narrower = (ahead >= y[..., 1]) & (ahead <= y[..., 3])
    assert inside.mean(axis=(0, 2)).min() > 0.88
    assert inside.mean() == pytest.approx(0.95, abs=0.03)
    assert narrower.mean() == pytest.approx(0.80, abs=0.06)
    # about 400 independent rows for each place: three deviations above the stated rate
    assert (p < 0.05).mean() < 0.08
    assert (p < 0.001).mean() < 0.006
    assert (np.diff(y, axis=-1) >= 0).all()


def test_the_first_interval_of_a_single_series_holds_its_season(rng, tmp_path):
    series = seasons(rng, 1, 210)
    model, _ = exported(tmp_path, series)

    judged = model.stream(alarm=0.001).push(series[0, :28, None])

    assert judged.alarm.sum() == 0


def test_a_value_after_many_zeros_is_no_alarm_where_that_is_usual(rng, tmp_path):
    def counts(count, rows):
        return rng.integers(1, 4, (count, rows)) * (rng.random((count, rows)) < 0.15) * 1.0

    model, config = exported(tmp_path, counts(50, 150))
    new = counts(300, 60).astype(np.float32)

    y, ahead, p = early(model, new, 50)

    windows = np.lib.stride_tricks.sliding_window_view(new, config.level_window, axis=1)
    start = config.lags - config.level_window
    flat = (windows[:, start : 51 - config.level_window] == 0).all(axis=2)
    assert flat.sum() > 300
    late = slice(config.lags - 1, 50)
    inside = (ahead >= y[..., 0]) & (ahead <= y[..., 4])
    assert inside[:, late][flat].mean() > 0.93
    assert (p[:, late][flat] < 0.001).mean() < 0.01


@pytest.mark.parametrize(("share", "wider"), [(0.5, True), (0.0, False)])
def test_a_single_series_of_counts_expects_values_after_a_rare_run_of_zeros(
    rng, tmp_path, share, wider
):
    counts = rng.integers(1, 4, (1, 200)) * 1.0 + rng.normal(0, 0.1, (1, 200)) * (not wider)
    model, config = exported(tmp_path, counts * (rng.random((1, 200)) >= share))
    zeros = np.zeros((config.lags + 5, 1), np.float32)
    zeros[-2] = 2

    judged = model.stream(alarm=0.001).push(zeros)

    assert judged.alarm[-2] != wider  # a record that never repeats a value is stuck


def test_flat_lags_get_no_gaps_among_series_of_all_sizes(rng, tmp_path):
    sizes = 10 ** rng.uniform(0, 6, (60, 1))
    series = sizes * (rng.random((60, 120)) < 0.1)
    path = tmp_path / "sizes.csv"
    rows = [f"s{i},{t},{v!r}" for i, s in enumerate(series.tolist()) for t, v in enumerate(s)]
    path.write_text("\n".join(["unique_id,ds,y", *rows]))
    problem = Plan(str(path), target="y", horizon=2, levels=(80,)).problem()
    net = Plan(str(path), target="y", horizon=2, levels=(80,)).network(problem).eval()

    calibrate(net, problem)

    assert not net.early.gaps[-1].any()
    assert net.early.gaps[0].any()


def test_early_gaps_need_no_validation_part_and_no_whole_window(rng, tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("y\n" + "\n".join(map(str, rng.normal(size=14).tolist())))
    plan = Plan(str(path), horizon=2, levels=(80,), val=0.0, context=12, season=1)
    problem = plan.problem()
    net = plan.network(problem).eval()

    calibrate(net, problem)

    assert net.early.gaps[0].sum() > 0
    assert torch.isfinite(net.early.gaps).all()
