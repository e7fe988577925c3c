"""`seqrt stream` and `seqrt predict` with a forecaster: intervals, adapted ones, and alarms."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import seqrt

NETS = Path(__file__).parents[2] / "runtime" / "nets"
FORECASTER = NETS / "forecast" / "persistence.onnx"
WORDS = ("--alarm", "0.001", "--adapt", "0.02")
ONE_STEP = ["sales+1", "sales+1-lo-95", "sales+1-lo-80", "sales+1-hi-80", "sales+1-hi-95"]
PLACES = [2, 0, 1, 3, 4]


@pytest.fixture
def stream(run, monkeypatch):
    """Call `seqrt stream` in this process with some text on stdin."""

    def call(text, *words, model=FORECASTER):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return run("stream", model, *words)

    return call


def series(rows, key=""):
    values = np.random.default_rng(1).normal(0, 2, rows).cumsum().astype(np.float32)
    return values, [f"{key}{value}\n" for value in values]


def test_each_row_is_answered_by_its_forecast_and_judged(stream):
    values, lines = series(50)
    lines[30] = "99\n"
    values[30] = 99
    wanted = seqrt.load(FORECASTER).stream(alarm=0.001, adapt=0.02).push(values[:, None])

    done = stream("".join(["sales\n", *lines]), *WORDS)

    table = [line.split(",") for line in done.out.splitlines()]
    assert table[0][:5] == ONE_STEP
    assert table[0][-2:] == ["p", "alarm"]
    found = np.array([row[:5] for row in table[1:]], np.float32)
    np.testing.assert_array_equal(found, wanted.y[:, PLACES])
    assert table[1][-2:] == ["", "0"]
    np.testing.assert_allclose([float(row[-2]) for row in table[2:]], wanted.p[1:], rtol=1e-5)
    assert [row[-1] == "1" for row in table[1:]] == wanted.alarm.tolist()
    assert [row[-1] for row in table[31:33]] == ["1", "1"]
    assert done.code == 0


def test_lines_of_json_have_null_where_there_is_no_p_and_no_bound(stream):
    done = stream('{"sales": 1}\n{"sales": 90}\n', "--alarm", "0.01", "--adapt", "0.1")

    first, second = map(json.loads, done.out.splitlines())
    assert (first["p"], first["alarm"], second["alarm"]) == (None, False, True)
    assert (second["sales+1-lo-95"], second["sales+1"]) == (None, 90.0)


def test_the_state_goes_on_with_what_the_next_row_is_judged_by(stream, tmp_path):
    _, lines = series(40)
    keyed = ["key,sales\n", *(f"{'ab'[i % 2]},{line}" for i, line in enumerate(lines))]
    for text, words in ((lines, ()), (keyed, ("--key", "key"))):
        header = [text[0]] if words else []
        whole = stream("".join(text), *WORDS, *words).out.splitlines()
        state = tmp_path / "state"
        first = stream("".join(text[:21]), *WORDS, *words, "--save", state).out.splitlines()
        rest = stream("".join([*header, *text[21:]]), *WORDS, *words, "--restore", state)

        assert [*first, *rest.out.splitlines()[len(header) :]] == whole


@pytest.mark.parametrize(
    ("words", "model", "message"),
    [
        (("--alarm", "0.1"), "gru-sequence", "--alarm needs a model that forecasts intervals"),
        (("--adapt", "2"), "forecast/persistence", "--adapt must be a rate between 0 and 1, got 2"),
        (("--adapt", "0.1"), "forecast/windowed", "--adapt needs a model that forecasts"),
    ],
)
def test_what_cannot_be_judged_is_one_line_and_exit_code_2(stream, words, model, message):
    done = stream("sales\n1\n", *words, model=NETS / f"{model}.onnx")

    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.err


def test_predictions_of_a_table_have_the_intervals_of_every_row(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values, _ = series(12)
    days = np.datetime64("2024-02-20") + np.arange(12)
    lines = [f"{day},{value}" for day, value in zip(days, values, strict=True)]
    Path("sales.csv").write_text("\n".join(["day,sales", *lines]) + "\n")

    run("predict", "sales.csv", "-m", FORECASTER)

    table = [line.split(",") for line in Path("sales.pred.csv").read_text().splitlines()]
    assert table[0][:6] == ["day", *ONE_STEP]
    assert (table[1][0], table[12][0]) == ("2024-02-21", "2024-03-03")
    y = seqrt.load(FORECASTER).predict(values[None, :, None])[0]
    np.testing.assert_array_equal(
        np.array([row[1:6] for row in table[1:]], np.float32), y[:, PLACES]
    )
    ahead = run("forecast", "sales.csv", "-m", FORECASTER, "--steps", "1").out.splitlines()[1]
    assert ahead.split(",") == table[12][:6]
