"""The problem of a forecaster: whole series, judged by the last rows of each."""

from __future__ import annotations

import re

import numpy as np
import pytest

from seqrt.errors import UsageError
from seqrt.training import Plan


def write(path, series):
    """Write series of daily values as a table, and return its path."""
    lines = ["unique_id,ds,y"]
    for name, values in series.items():
        days = np.datetime64("2024-01-01") + np.arange(len(values))
        lines += [f"{name},{day},{value!r}" for day, value in zip(days, values, strict=True)]
    path.write_text("\n".join(lines))
    return str(path)


def problem_of(path, **options):
    return Plan(path, **{"horizon": 2, **options}).problem()


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    sizes = {"a": 1.0, "b": 1000.0}
    series = {k: (scale * (5 + rng.normal(size=60))).tolist() for k, scale in sizes.items()}
    return write(tmp_path / "two.csv", series)


def test_sequences_are_whole_series_and_targets_the_next_values(table):
    problem = problem_of(table, val=0.25)
    assert problem.head == "sequence"
    assert problem.train.x.lengths.tolist() == [45, 45]
    x = problem.train.x[1][:, 0]
    scale = problem.metadata.outputs[0].scale
    y = problem.train.y[1]
    np.testing.assert_allclose(y[20, :2] * scale, x[21:23], rtol=1e-5)
    assert np.isnan(y[-1, :2]).all()


def test_the_target_is_divided_but_not_shifted_so_small_series_keep_their_digits(table):
    problem = problem_of(table)
    assert problem.metadata.features[0].mean == 0
    assert problem.metadata.outputs[0].scale == problem.metadata.features[0].scale


def test_judged_forecasts_begin_after_the_training_rows_of_their_series(table):
    problem = problem_of(table, val=0.25)
    judged = problem.judged
    # of 15 rows, 14 windows of two
    assert judged.series.tolist() == [0] * 14 + [1] * 14
    assert judged.first_rows[:2].tolist() == [45, 46]
    truth = problem.validation.x.values[:, 0]
    np.testing.assert_allclose(judged.truth[0], truth[45:47], rtol=1e-6)
    np.testing.assert_allclose(judged.known[0], truth[[44, 44]], rtol=1e-6)


def test_the_same_steps_are_judged_in_the_validation_sequences(table):
    problem = problem_of(table, val=0.25)
    scale = problem.metadata.outputs[0].scale
    steps = np.concatenate(problem.validation.y)[problem.forecasts.steps]
    np.testing.assert_allclose(steps[:, :2] * scale, problem.judged.truth, rtol=1e-5)


def test_many_series_are_validated_on_few_rows_unless_a_share_is_asked_for(tmp_path):
    rng = np.random.default_rng(0)
    path = write(
        tmp_path / "many.csv", {f"s{i:02}": rng.normal(size=100).tolist() for i in range(40)}
    )
    # 40 series and 400 origins: 10 origins each, and a horizon of 2
    assert len(problem_of(path).judged) == 400
    assert len(problem_of(path, val=0.3).judged) == 40 * 29


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, "forecaster"),
        ({"cell": "lstm", "units": (8,)}, "forecaster"),
        ({"window": 5}, "windows"),
        ({"units": (8, 4)}, "windows"),
        ({"bidirectional": True}, "windows"),
        ({"method": "plain"}, "windows"),
        ({"task": "regress", "target": "y", "features": "y"}, "windows"),
        ({"missing": "mean"}, "windows"),
        ({"missing": "forward"}, "forecaster"),
    ],
)
def test_options_of_a_network_over_windows_ask_for_one(table, options, kind):
    try:
        problem = problem_of(table, **options)
    except UsageError:  # a target may not be the only feature of a regression
        return
    assert ("forecaster" if problem.forecaster else "windows") == kind


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "forecaster", "window": 5}, "--recipe forecaster asks for a forecaster"),
        ({"levels": (80,), "folds": 3}, "--levels asks for a forecaster"),
        ({"levels": (80,), "method": "plain"}, "--levels is for a forecaster"),
        ({"method": "forecaster", "missing": "mean"}, "read as the mean"),
        ({"levels": (0,)}, "levels must be above 0"),
        ({"season": 0}, "season must be at least 1"),
        ({"method": "best"}, "recipe must be one of auto, forecaster, plain"),
    ],
)
def test_options_that_contradict_each_other_are_refused(table, options, message):
    with pytest.raises(UsageError, match=message):
        problem_of(table, **options)


@pytest.mark.parametrize(
    ("rows", "val", "message"),
    [
        (
            5,
            0.2,
            "a series of 10 rows, 6 to learn from and 4 to validate, but the longest has 5. Give"
            " more rows, or use --horizon 1.",
        ),
        (
            8,
            0.2,
            "has 8. Give more rows, or use --horizon 3 or less, or use --val 0 to validate on",
        ),
        (
            5,
            0.0,
            "a series of 6 rows, but the longest has 5. Give more rows, or use --horizon 3 or",
        ),
        (2, 0.2, "the longest has 2. Give more rows.$"),
        (9, 0.5, "a series of 12 rows, 6 to learn from and 6 to validate, but the longest has 9."),
    ],
)
def test_series_too_short_are_refused_with_the_rows_they_need(tmp_path, rows, val, message):
    path = write(tmp_path / "short.csv", {"a": [float(i) for i in range(rows)], "b": [1.0, 2]})
    with pytest.raises(UsageError, match=message):
        problem_of(path, horizon=4, val=val)


@pytest.mark.parametrize("val", [0.0, 0.1, 0.2, 0.5, 0.7])
def test_the_rows_said_to_be_needed_and_the_shorter_horizon_are_enough(tmp_path, val):
    def tried(rows, horizon):
        path = write(tmp_path / "short.csv", {"a": [float(i) for i in range(rows)]})
        problem_of(path, horizon=horizon, val=val)

    for rows in range(2, 40):
        try:
            tried(rows, 7)
            break
        except UsageError as error:
            said = str(error)
            needed = int(re.search(r"series of (\d+) rows", said)[1])
            shorter = re.search(r"--horizon (\d+)", said)
            if shorter:
                tried(rows, int(shorter[1]))
    assert rows == needed


@pytest.mark.parametrize("val", [0.0, 0.25])
def test_sequences_end_where_values_known_ahead_are_not_known_any_more(tmp_path, val):
    path = tmp_path / "promo.csv"
    days = np.datetime64("2024-01-01") + np.arange(40)
    rows = [f"{day},{i % 7 + 1},{i % 3}" for i, day in enumerate(days)]
    path.write_text("\n".join(["ds,y,promo", *rows]))
    problem = problem_of(str(path), horizon=4, val=val, future=("promo",))
    last = problem.validation or problem.train
    assert not any(np.isnan(part.x[0]).any() for part in (problem.train, last))
    # the last forecast is that of the last four rows
    assert last.x[0][-1, 0] == 35 % 7 + 1
    assert problem.judged.truth[-1].tolist() == [i % 7 + 1 for i in range(36, 40)]
