"""Counts and sales have a floor at 0, which is in the file and does not change what is covered."""

from __future__ import annotations

import numpy as np
import pytest

import seqrt
from seqrt.errors import UsageError
from seqrt.export import export
from seqrt.training import Plan
from seqrt.training.forecasting.finish import calibrate


def write(path, values):
    path.write_text("y\n" + "\n".join(f"{value:g}" for value in values))
    return str(path)


@pytest.fixture
def counts(rng, tmp_path):
    return write(tmp_path / "counts.csv", rng.poisson(0.8, 150))


def floor_of(path, **options):
    problem = Plan(path, horizon=2, **options).problem()
    return problem.forecaster.floor


@pytest.mark.parametrize(
    ("values", "floor"),
    [([0, 3, 1, 2], 0.0), ([1, 3, 1, 2], None), ([0, -3, 1, 2], None), ([0, 0.5, 1, 0], 0.0)],
)
def test_there_is_a_floor_where_no_target_is_negative_and_some_are_zero(tmp_path, values, floor):
    assert floor_of(write(tmp_path / "y.csv", values * 20)) == floor


@pytest.mark.parametrize(("given", "floor"), [("none", None), (0.25, 0.25), (-3, -3.0), (None, 0)])
def test_an_option_overrides_it(counts, given, floor):
    assert floor_of(counts, floor=given) == floor


def test_only_targets_of_the_training_part_decide(tmp_path):
    assert floor_of(write(tmp_path / "y.csv", [0.0, 1.0] * 40 + [-1.0] * 20)) == 0


def test_a_floor_is_in_the_record_of_the_plan(counts):
    for given, recorded in ((None, 0.0), ("none", "none"), (1.5, 1.5)):
        plan = Plan(counts, horizon=2, floor=given)
        record = plan.resolved(plan.problem()).record()
        assert record["floor"] == recorded
        assert Plan.of_record(record).problem().forecaster.floor == (
            None if recorded == "none" else recorded
        )


def test_a_plan_without_one_does_not_mention_it(tmp_path):
    plan = Plan(write(tmp_path / "y.csv", [1.0, 2.0] * 40), horizon=2)
    assert "floor" not in plan.resolved(plan.problem()).record()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"floor": "low"}, "floor must be a number, none or auto, got 'low'"),
        ({"floor": float("nan")}, "floor must be a finite number"),
        ({"floor": 0.0, "method": "plain"}, "--floor is for a forecaster"),
        ({"floor": 0.0, "window": 5}, "--floor asks for a forecaster"),
    ],
)
def test_a_floor_without_sense_is_refused(counts, options, message):
    with pytest.raises(UsageError, match=message):
        Plan(counts, horizon=2, **options).problem()


def test_a_file_with_a_floor_gives_the_same_answers_but_none_below_it(rng, tmp_path, counts):
    models = []
    for floor in (None, "none"):
        plan = Plan(counts, horizon=2, levels=(80, 95), floor=floor)
        problem = plan.problem()
        net = plan.network(problem).eval()
        calibrate(net, problem)
        models.append(seqrt.load(export(net, tmp_path / f"{floor}.onnx").path))
    x = rng.poisson(0.8, (5, 60, 1)).astype(np.float32)
    with_floor, without = (model.predict(x) for model in models)

    assert (models[0].manifest.floor, models[1].manifest.floor) == (0.0, None)
    assert (without < 0).any()
    np.testing.assert_array_equal(with_floor, np.maximum(without, 0))
    levels = with_floor.reshape(5, 60, 2, 5)[:, :-2]
    ahead = np.stack([x[:, 1:-1, 0], x[:, 2:, 0]], axis=2)
    plain = without.reshape(5, 60, 2, 5)[:, :-2]
    covered = [(ahead >= v[..., 0]) & (ahead <= v[..., 4]) for v in (levels, plain)]
    assert (covered[0] >= covered[1]).all()


def test_intervals_that_adapt_stay_above_the_floor(tmp_path, counts):
    plan = Plan(counts, horizon=2, levels=(80, 95))
    problem = plan.problem()
    model = seqrt.load(export(plan.network(problem).eval(), tmp_path / "m.onnx").path)

    found = model.stream(adapt=0.2).push(np.float32([[0], [9], [0], [9], [0], [0]] * 9))

    assert found.min() == 0
