"""Few sequences get noise, segments if they are long, and folds; what is given stays."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.training import Plan
from seqrt.training.runs.small_data import may_be_small, small_data_options


@pytest.fixture
def archive(tmp_path):
    """Return a function that writes sequences with labels and returns the path."""

    def write(count=20, steps=12, y=None):
        x = np.random.default_rng(0).normal(size=(count, steps, 1)).astype(np.float32)
        y = np.arange(count) % 2 if y is None else y
        np.savez(tmp_path / "x.npz", x=x, y=y)
        return str(tmp_path / "x.npz")

    return write


def chosen(path, **options):
    plan = Plan(path, **options)
    return small_data_options(plan, plan.problem())


def resolved(path, **options):
    plan = Plan(path, **options)
    return plan.resolved(plan.problem())


NUMBERS = np.linspace(-1.5, 1.5, 20)
PER_STEP = np.arange(20 * 100).reshape(20, 100) % 3


@pytest.mark.parametrize(
    ("task", "y", "found"),
    [
        ("classify", None, {"noise": 0.2, "front": "segments:5", "folds": 5}),
        ("regress", NUMBERS, {"noise": 0.2, "front": "segments:5", "folds": 5}),
        ("tag", PER_STEP, {}),
        ("regress", PER_STEP, {}),
    ],
)
def test_each_task_has_its_rule(archive, task, y, found):
    assert chosen(archive(steps=100, y=y), task=task) == found


@pytest.mark.parametrize(
    ("steps", "noise", "front"),
    [(99, 0.4, None), (100, 0.2, "segments:5"), (149, 0.2, "segments:5"), (150, 0.2, "segments:8")],
)
def test_long_sequences_get_segments_and_less_noise(archive, steps, noise, front):
    found = chosen(archive(steps=steps))

    assert (found["noise"], found.get("front")) == (noise, front)


@pytest.mark.parametrize(("count", "few"), [(9, False), (10, True), (499, True), (500, False)])
def test_folds_are_for_10_to_499_sequences(archive, count, few):
    assert ("folds" in chosen(archive(count=count))) == few


def test_folds_that_would_take_minutes_are_left_out(archive):
    path = archive(count=400, steps=251)

    assert "folds" in chosen(path)  # 400 sequences of 31 segments
    assert chosen(path, front="conv:3") == {"noise": 0.2}  # 400 of 251 steps


def test_500_sequences_keep_the_usual_defaults(archive):
    assert chosen(archive(count=500, steps=100)) == {}


@pytest.mark.parametrize("option", ["val", "epochs", "folds"])
def test_who_asks_for_one_network_or_for_folds_gets_no_other_folds(archive, option):
    given = {"val": 0.2, "epochs": 7, "folds": 2}[option]

    assert chosen(archive(), **{option: given}) == {"noise": 0.4}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"method": "plain"}, {}),
        ({"noise": 0.0, "front": "conv:3"}, {"folds": 5}),
        ({"noise": 0.0, "pool": "max"}, {"folds": 5}),
        ({"noise": 0.0, "bidirectional": True}, {"folds": 5}),
        ({"layer_norm": True}, {"noise": 0.2, "front": "segments:5"}),
    ],
)
def test_what_is_given_stays(archive, options, found):
    assert chosen(archive(steps=100), **options) == found


def test_one_network_has_the_noise_and_the_segments_alone(archive):
    plan = resolved(archive(steps=100))

    assert (plan.noise, plan.front, plan.folds) == (0.2, "segments:5", None)
    assert plan.network(plan.problem()).architecture.front == "segments:5"


def test_a_record_with_them_gives_the_same_plan_again(archive):
    plan = resolved(archive(steps=100))

    again = Plan.of_record(plan.record())

    assert again.resolved(again.problem()).record() == plan.record()


def test_a_run_that_was_started_without_them_is_resumed_without(archive):
    plan = resolved(archive(steps=100), method="plain")
    record = {name: value for name, value in plan.record().items() if name != "method"}

    again = Plan.of_record(record)

    assert again.resolved(again.problem()).record() == record


def test_tables_and_built_in_tasks_are_not_read_to_count_their_sequences(archive, series_csv):
    assert may_be_small(Plan(archive()))
    assert not may_be_small(Plan(str(series_csv)))
    assert not may_be_small(Plan("adding"))
    assert not may_be_small(Plan("gone.npz"))
