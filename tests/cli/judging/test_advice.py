"""The last line of training: which baseline is better, and what to try."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqrt.cli.judging.advice import advice
from seqrt.training.problems.baselines import baseline
from seqrt.training.runs.plan import Plan
from seqrt.training.runs.record import Result


@pytest.fixture
def last_line(tmp_path):
    """Return the advice where the error of a network is this large, or none."""

    def advise(values, error, **options):
        np.save(tmp_path / "values.npy", values)
        plan = Plan(str(tmp_path / "values.npy"), **options)
        problem = plan.problem()
        predicted = problem.validation.truth + error
        result = Result.of(Path("run"), problem, predicted, baseline(problem))
        return "".join(advice(plan, problem, result))

    return advise


@pytest.fixture
def weeks():
    return np.tile([1.0, 5, 2, 8, 3, 9, 4], 20) + 0.1 * np.random.default_rng(0).random(140)


def test_a_network_that_beats_every_baseline_gets_none(last_line, weeks):
    assert last_line(weeks, 0.0, window=14) == ""


def test_a_network_between_the_baselines_is_no_better_than_the_season(last_line, weeks):
    assert last_line(weeks, 1.0, window=5) == (
        "warning: the network is no better than seasonal naive 7 here. Try more data, a forecaster"
        " (--recipe forecaster), --window 14 (two seasons), --noise 0.2 and --folds 5 (for so few"
        " windows), more --epochs or another --lr."
    )


def test_the_best_of_several_better_baselines_is_named(last_line, weeks):
    line = last_line(weeks, 20.0, window=14, noise=0.1)

    assert line.startswith("warning: the network is no better than persistence here. Try more data")
    assert "--folds 5 (for so few windows), a longer --window" in line
    assert " Best is seasonal naive 7, with mse 0.00" in line
    assert line.endswith(" against 400.")


def test_a_forecaster_is_what_to_try_first(last_line):
    line = last_line(np.arange(3000.0), 9.0, window=5)

    assert line == (
        "warning: the network is no better than persistence here. Try more data, a forecaster"
        " (--recipe forecaster), a longer --window, more --epochs or another --lr."
    )


def test_growth_beyond_the_training_part_is_noticed(last_line):
    values = np.stack([np.arange(3000.0), np.arange(3000.0)], axis=1)

    line = last_line(values, 9.0, window=5, target=("x0", "x1"))

    assert "Try more data, the change from row to row as the target (most values lie" in line


def test_labels_have_the_majority_to_beat(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", x=rng.random((20, 4, 1)), y=np.repeat(["a", "b"], 10))
    plan = Plan(str(tmp_path / "x.npz"))
    problem = plan.problem()
    result = Result.of(Path("run"), problem, np.full((4, 2), 0.5), baseline(problem))

    (line,) = advice(plan, problem, result)

    assert line == (
        "warning: the network is no better than majority class here. Try more data, more --epochs"
        " or another --lr."
    )
