"""Few sequences to classify get noise, and segments if they are long; what is given stays."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.training import Plan


@pytest.fixture
def archive(tmp_path):
    """Return a function that writes sequences with labels and returns the path."""

    def write(count=20, steps=12, y=None):
        x = np.random.default_rng(0).normal(size=(count, steps, 1)).astype(np.float32)
        y = np.arange(count) % 2 if y is None else y
        np.savez(tmp_path / "x.npz", x=x, y=y)
        return str(tmp_path / "x.npz")

    return write


def resolved(path, **options):
    plan = Plan(path, **options)
    return plan.resolved(plan.problem())


@pytest.mark.parametrize(
    ("steps", "front"),
    [(99, ""), (100, "segments:5"), (149, "segments:5"), (150, "segments:8")],
)
def test_few_sequences_get_noise_and_long_ones_segments(archive, steps, front):
    plan = resolved(archive(steps=steps), task="classify")
    assert (plan.noise, plan.front) == (0.4, front)


def test_a_record_with_them_gives_the_same_plan_again(archive):
    plan = resolved(archive(steps=100), task="classify")
    again = Plan.of_record(plan.record())
    assert again.resolved(again.problem()).record() == plan.record()


def test_the_network_has_the_segments(archive):
    plan = Plan(archive(steps=100), task="classify")
    assert plan.network(plan.problem()).architecture.front == "segments:5"


@pytest.mark.parametrize(
    "options",
    [{"method": "plain"}, {"noise": 0.0, "front": "conv:3"}, {"noise": 0.0, "bidirectional": True}],
)
def test_what_is_given_stays(archive, options):
    plan = resolved(archive(steps=100), task="classify", **options)
    assert plan.noise == 0
    assert plan.front == options.get("front", "")


def test_many_sequences_and_numbers_keep_the_usual_defaults(archive):
    assert resolved(archive(count=500), task="classify").noise == 0
    y = np.random.default_rng(0).normal(size=20)
    assert resolved(archive(y=y), task="regress").noise == 0
