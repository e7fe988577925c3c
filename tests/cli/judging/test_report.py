"""The report of a back-test: tables that line up, and a last line that says which is better."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seqrt.ahead.layout import ForecastLayout
from seqrt.cli.judging.record import back_test_record
from seqrt.cli.judging.report import back_test_lines, conclusion, verdict
from seqrt.data.runs import as_runs
from seqrt.forecasting.back_test import back_test
from seqrt.forecasting.origins import Origins

HORIZON = 10
PLAIN = ForecastLayout(HORIZON, ("y",))


@pytest.fixture
def origins():
    """Origins in the second half of a noisy season of 12 rows."""
    t = np.arange(240)
    values = 100 + 10 * np.sin(t * np.pi / 6) + np.random.default_rng(0).normal(size=240)
    return Origins.in_series(values, 120, HORIZON)


def judged(origins, error, outputs=PLAIN):
    truth = origins.truth[..., 0]
    noise = error * np.random.default_rng(1).normal(size=truth.shape)
    predicted = (truth + noise)[..., None]
    if outputs.quantiles:
        predicted = predicted + np.linspace(-2, 2, len(outputs.quantiles))
    return back_test(origins, predicted.reshape(len(truth), -1), outputs)


def test_a_model_that_beats_all_baselines_is_said_to(origins):
    line = verdict(judged(origins, 0.1))

    assert line.startswith("The model beats the best naive baseline, seasonal naive 12: MASE 0.06")
    assert line.endswith(" (95 % interval -1.1 to -0.82).")


def test_the_verdict_names_what_is_better_than_the_model(origins):
    line = verdict(judged(origins, 20))

    assert line.startswith(
        "The model does not beat the best naive baseline: seasonal naive 12 is better, MASE"
    )
    assert "95 % interval" in line
    assert "chance" not in line
    assert " Better still: ridge AR, MASE " in line


def test_a_difference_that_may_be_chance_is_said_to(origins):
    worse, better = verdict(judged(origins, 1.5)), verdict(judged(origins, 1.4))

    assert worse.startswith("The model does not beat the best naive baseline: seasonal naive 12 is")
    assert better.startswith("The model beats the best naive baseline, seasonal naive 12: MASE")
    for line in (worse, better):
        assert "), though the difference may be chance. Better still: ridge AR" in line


def test_a_model_equal_to_a_baseline_does_not_beat_it():
    origins = Origins.in_series(np.full(60, 5.0), 40, HORIZON)

    assert verdict(judged(origins, 0.1)).endswith(" is better, MAE 0.06712 against 0.")
    assert verdict(judged(origins, 0)) == ("The model does not beat persistence: both have MAE 0.")


def test_forecasters_are_sorted_by_their_error_and_columns_line_up(origins):
    lines = list(back_test_lines(judged(origins, 3)))

    assert lines[0] == "111 origins, 10 steps ahead, season of 12 rows"
    table = lines[2 : lines.index("", 2)]
    assert table[0].split() == ["best", "first", "MASE", "RMSSE", "sMAPE", "OWA", "MAE"]
    errors = [float(line[20:].split()[0]) for line in table[1:]]
    assert errors == sorted(errors)
    assert len({len(line) for line in table}) == 1


def test_of_many_steps_eight_are_shown(origins):
    lines = list(back_test_lines(judged(origins, 3)))

    (steps,) = (line for line in lines if line.startswith("MASE by step"))
    assert steps.split()[3:] == ["1", "2", "4", "5", "6", "7", "9", "10"]


def test_intervals_are_reported_by_level(origins):
    outputs = ForecastLayout(HORIZON, ("y",), (0.025, 0.1, 0.5, 0.9, 0.975))
    test = judged(origins, 1, outputs)

    lines = list(back_test_lines(test))
    start = next(i for i, line in enumerate(lines) if line.startswith("interval"))
    assert lines[start].split() == ["interval", "coverage", "width", "MSIS"]
    assert lines[start + 1].startswith("80 %")
    assert lines[start + 2].split()[4] == "4", "the width between the outer quantiles"
    assert lines[start + 3].startswith("WQL 0.0")


def test_the_record_has_everything_by_step_and_series():
    values = np.random.default_rng(0).random((120, 1)) + 1
    rows = np.r_[30:50, 90:110]
    origins = Origins(values, rows, HORIZON, as_runs((0, 60), (60, 120)), np.array([0, 60, 120]))
    outputs = ForecastLayout(HORIZON, ("y",), (0.1, 0.5, 0.9))
    test = judged(origins, 0.1, outputs)

    record = json.loads(json.dumps(back_test_record(test, ["a", "b"]), allow_nan=False))

    model = record["forecasters"]["model"]
    assert model["figures"]["MASE"] == pytest.approx(np.mean(model["steps"]["MASE"]))
    assert set(model["series"]) == {"a", "b"}
    assert record["intervals"]["levels"]["80"]["figures"]["coverage"] == pytest.approx(1)
    assert len(record["intervals"]["WQL_steps"]) == HORIZON
    assert record["verdict"] == list(conclusion(test))[-1]
    assert list(conclusion(test, ["so it is"]))[-3].startswith("better than")
    assert list(conclusion(test, ["so it is"]))[-2] == "note: so it is"
