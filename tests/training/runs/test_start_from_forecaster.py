"""Continuing a forecaster with new data: what stays, what is fitted again, what is refused."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
import torch

from seqrt.errors import InputError, UsageError
from seqrt.training import Plan, load_run, resume, start, train

OPTIONS = {"target": ("a", "b"), "horizon": 2, "levels": (80,), "units": (4,), "epochs": 2}


def write(path, first, rows, header="day,a,b,temp", shift=0.0):
    """Write two weekly series and a covariate from one day on."""
    rng = np.random.default_rng(first)
    days = np.datetime64("2024-01-01") + np.arange(first, first + rows)
    week = np.sin(2 * np.pi * np.arange(first, first + rows) / 7)
    a, b = shift + 10 + 3 * week + 0.1 * rng.normal(size=rows), 500 - 90 * week
    lines = [
        f"{d},{x:.3f},{y:.3f},{i % 3}" for i, (d, x, y) in enumerate(zip(days, a, b, strict=True))
    ]
    path.write_text("\n".join([header, *lines]) + "\n")
    return str(path)


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(tmp_path):
    return str(train(Plan(write(tmp_path / "old.csv", 0, 80), **OPTIONS)).path)


@pytest.fixture
def newer(tmp_path):
    return write(tmp_path / "new.csv", 80, 40, shift=50.0)


def test_all_but_the_range_and_the_intervals_stays_those_of_the_run(run, newer):
    before = load_run(run)
    after = load_run(train(Plan(newer, start_from=run, epochs=1, lr=1e-12)).path)
    widths = {name for name in before.state_dict() if name.startswith(("widen", "early", "share"))}
    for name, value in before.state_dict().items():
        if name not in widths:
            torch.testing.assert_close(after.state_dict()[name], value, rtol=0, atol=1e-9)
    kept = ("season", "seasons", "level_window", "horizon", "units", "cell", "quantiles")
    for name in kept:
        assert getattr(after.architecture, name) == getattr(before.architecture, name)
    assert after.metadata.wide == ("a", "b")
    assert after.metadata.earlier_data == (before.metadata.data_sha256,)
    old, new = before.metadata.features[0], after.metadata.features[0]
    assert (new.scale, new.low) == (old.scale, old.low)


def test_it_learns_from_the_new_data(run, newer):
    plan = Plan(newer, start_from=run, epochs=30)
    assert (plan.season, plan.units, plan.target) == (7, (4,), ("a", "b"))
    trained = start(plan)
    losses = [epoch.val_loss for epoch in trained]
    assert min(losses) < losses[0]


def test_an_interrupted_run_resumes_bit_for_bit_without_the_first_run(run, newer, tmp_path):
    plan = Plan(newer, start_from=run, epochs=3)
    whole = train(plan)
    halted = start(plan)
    for _ in halted:
        halted.stop()
    (tmp_path / run).rename(tmp_path / "elsewhere")
    resumed = resume(halted.path)
    list(resumed)
    ends = [path / "best.safetensors" for path in (whole.path, resumed.finish().path)]
    assert ends[0].read_bytes() == ends[1].read_bytes()
    record = tomllib.loads((whole.path / "run.toml").read_text())["plan"]
    assert (record["method"], record["target"]) == ("forecaster", ["a", "b"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "plain"}, "--recipe plain (the run: forecaster)"),
        ({"season": 5}, "--season 5 (the run: 7)"),
        ({"levels": (80, 95)}, "--levels 80,95 (the run: 80)"),
        ({"target": ("a",)}, "--target a (the run: a,b)"),
        ({"window": 9}, "--window 9 (the run: none)"),
        ({"bidirectional": True}, "--bidirectional True (the run: False)"),
    ],
)
def test_options_that_contradict_the_run_are_named(run, newer, options, says):
    with pytest.raises(UsageError) as refused:
        Plan(newer, start_from=run, **options)
    assert says in str(refused.value)


def test_options_that_agree_with_the_run_are_allowed(run, newer):
    Plan(newer, start_from=run, method="auto", season=7, horizon=2)


def test_a_forecaster_does_not_continue_a_network_over_windows(newer, tmp_path):
    options = {**OPTIONS, "levels": (), "window": 5}
    run = train(Plan(write(tmp_path / "old.csv", 0, 80), **options)).path
    with pytest.raises(UsageError, match=r"--recipe forecaster \(the run: plain\) would change"):
        Plan(newer, start_from=str(run), method="forecaster")


def test_a_column_that_is_missing_is_named(run, tmp_path):
    path = write(tmp_path / "other.csv", 80, 40, header="day,a,c,temp")
    with pytest.raises(UsageError, match="has no column 'b'"):
        start(Plan(path, start_from=run))
    path = write(tmp_path / "other.csv", 80, 40, header="day,a,b,rain")
    with pytest.raises((InputError, UsageError), match="temp"):
        start(Plan(path, start_from=run))
