"""`seqrt compare`: a tiny one end to end, usage errors, and what an interrupted one leaves."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import seqrt
from seqrt.cli.comparison_report import comparison_table
from seqrt.training import load_run
from seqrt.training.experiments.compare import CandidateTrial
from seqrt.training.runs.folder import read_record

TINY = ("--cells", "gru,rnn", "--units", "3", "--seeds", "2", "--epochs", "2")


@pytest.fixture(autouse=True)
def here(short_sequences):
    """A folder with data to work in."""
    return short_sequences(40)


def test_all_is_in_one_folder_and_the_folder_is_the_result(run):
    done = run("compare", "moves.npz", *TINY)

    folder = Path("compare/moves-1")
    runs = {f"{cell}-3-seed-{seed}" for cell in ("rnn", "gru") for seed in (0, 1)}
    made = {"rnn-3.onnx", "gru-3.onnx", "curves.png", "report.json"}
    assert (done.code, done.out) == (0, f"{folder}\n")
    assert done.err.startswith("data        moves.npz: classify every sequence as one of 2 classes")
    assert done.err.count("features    x0, x1\n") == 1
    assert {path.name for path in folder.iterdir()} == runs | made
    for name in runs:
        assert load_run(folder / name).metadata.task == "classify"


def test_the_table_stands_beside_the_baseline_and_a_program_gets_the_same_in_json(run):
    done = run("compare", "moves.npz", *TINY, "-o", "here", "--json")

    talk, answer = done.err, json.loads(done.out)
    assert "accuracy: median, best and worst of 2 seeds\n" in talk
    assert re.search(r"^rnn-3 +\d+ +[\d.]+ +[\d.]+ +[\d.]+ +0/2 +0/2 +2 ", talk, re.MULTILINE)
    assert re.search(r"^majority class +0\.\d+$", talk, re.MULTILINE)
    assert max(map(len, talk.splitlines())) <= 110
    assert re.search(r"^ship +(here/(rnn|gru)-3.onnx|none): ", talk.splitlines()[-1])

    assert answer == json.loads(Path("here/report.json").read_text())
    assert (answer["figure"], answer["baseline"]["name"]) == ("accuracy", "majority class")
    assert list(answer["contenders"]) == ["gru-3", "rnn-3"]
    for name, contender in answer["contenders"].items():
        model, trials = seqrt.load(contender["model"]), contender["trials"]
        values = [trial["value"] for trial in trials]
        best = max(trials, key=lambda trial: trial["value"])
        assert model.manifest.layers[0].cell == contender["cell"] == name[:3]
        assert model.manifest.seed == best["seed"]
        assert contender["bytes"] == Path(contender["model"]).stat().st_size
        assert contender["median"] == pytest.approx(np.median(values))
        assert contender["best"] == max(values)
        assert all(len(trial["curve"]) == 1 + 2 for trial in trials)


def test_the_columns_of_the_table_never_touch():
    outcome = SimpleNamespace(baseline="majority class")
    row = SimpleNamespace(
        candidate=SimpleNamespace(name="rnn-3"),
        metric="accuracy",
        weights=123_456_789,
        median=0.000998,
        extremes=(0.00123, 1.23e-10),
        solved=10_000,
        outcomes=[outcome] * 10_000,
        finished=[outcome] * 10_000,
        steps=123_456_789.0,
        seconds=0.000998,  # of a fast machine
        baseline_value=0.000987,
    )

    *_, cells, baseline = comparison_table([row], {})

    assert cells.split() == [
        *("rnn-3", "123,456,789", "0.000998", "0.00123", "1.23e-10"),
        *("10000/10000", "0/10000", "123,456,789", "0.000998", "-"),
    ]
    assert baseline.split() == ["majority", "class", "0.000987"]


def test_sizes_are_given_one_by_one(run):
    words = ("--cells", "mingru", "--units", "3,2", "--units", "2", "--seeds", "1", "--epochs", "1")

    answer = json.loads(run("compare", "moves.npz", *words, "--json").out)

    assert {name: each["units"] for name, each in answer["contenders"].items()} == {
        "mingru-3-2": [3, 2],
        "mingru-2": [2],
    }


def test_the_options_of_train_reach_every_run(run):
    given = {"task": "classify", "val": 0.4, "batch_size": 5, "lr": 0.01, "noise": 0.1}
    pairs = ((f"--{name.replace('_', '-')}", value) for name, value in given.items())

    done = run("compare", "moves.npz", *TINY, "--seeds", "1", *itertools.chain(*pairs))

    plans = [read_record(path.parent)["plan"] for path in Path(done.out.strip()).glob("*/run.toml")]
    assert len(plans) == 2
    assert all(given.items() <= plan.items() for plan in plans)


def test_ctrl_c_leaves_what_is_done(run, monkeypatch):
    finish, done = CandidateTrial.finish, []

    def finish_two(turn):
        done.append(turn)
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return finish(turn)

    monkeypatch.setattr(CandidateTrial, "finish", finish_two)

    left = run("compare", "moves.npz", *TINY, "-o", "here", "--json")

    report = json.loads(Path("here/report.json").read_text())
    assert (left.code, left.out) == (130, "")
    assert "interrupted: 2 of 4 trials are finished.\n" in left.err
    assert [len(each["trials"]) for each in report["contenders"].values()] == [1, 1]
    assert (report["ship"], report["why"]) == (None, "not all trials are done")
    assert Path("here/curves.png").is_file()


def test_what_diverges_is_shown_as_failed(run):
    done = run("compare", "moves.npz", *TINY, "--lr", "1e38", "--seeds", "1", "--json")

    answer = json.loads(done.out)
    assert done.code == 0
    for contender in answer["contenders"].values():
        assert contender["failed"] == 1
        assert contender["median"] is contender["model"] is None
    assert "1/2 gru-3 seed 0: failed: E_DIVERGED: " in done.err
    assert "2/2 rnn-3 seed 0: failed: E_DIVERGED: " in done.err
    assert done.err.endswith("ship        none: no network could be exported\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--cells", "lstm,transformer"),
            "--cells must be among rnn, lstm, gru, mingru, got 'transformer'",
        ),
        (("--units", "64;32"), "--units must be whole numbers separated by commas"),
        (("--cells", "gru,gru"), "candidates must differ, but gru-64-32 is listed twice"),
        (("--seeds", "0"), "Invalid value for '--seeds'"),
        (("--length", "20"), "--length applies to built-in data only"),
        (("--window", "20"), "do not apply to sequences with targets, got --window"),
    ],
)
def test_a_wrong_word_is_exit_code_2_and_leaves_nothing(run, words, message):
    done = run("compare", "moves.npz", *words)

    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not list(Path().glob("compare/*"))


def test_a_name_that_is_nearly_built_in_is_told(run):
    done = run("compare", "addin")

    assert done.code == 2
    assert "DATA must be a file or a built-in task or series" in done.err
    assert done.err.endswith("Did you mean adding?\n")


def test_a_folder_that_is_in_use_is_refused(run):
    done = run("compare", "moves.npz", "-o", Path.cwd())

    assert done.code == 2
    assert "already exists" in done.err
