"""`seqrt train`: runs on tiny data, usage errors, and what an interrupted run leaves."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

import seqrt
from seqrt.cli import data_options, training_options
from seqrt.contract import manifest
from seqrt.training import Plan, Recipe, load_run
from seqrt.training.forecasting.options import Method
from seqrt.training.kernels import TrainedCell
from seqrt.training.problems.prepare import BUILT_IN
from seqrt.training.runs.plan import Init

TINY = ("--units", "4", "--window", "5", "--epochs", "3", "--batch-size", "8")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with one table: forty years of two numbers and a word."""
    rows = [f"{1900 + i},{50 + 9 * np.sin(i):.3f},{i % 5},{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "wave.csv").write_text("\n".join(["year,height,weekday,way", *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(*words, **options):
    """Start the command line in a process of its own."""
    line = [sys.executable, "-m", "seqrt", "train", *words]
    return subprocess.Popen(line, text=True, **options)


def plan_of(folder):
    return tomllib.loads(Path(folder, "run.toml").read_text())["plan"]


# A run


def test_the_folder_of_the_run_is_the_result_and_all_else_is_talk(run):
    done = run("train", "wave.csv", "--target", "height", *TINY)

    assert (done.code, done.out) == (0, "runs/wave-lstm-1\n")
    kept = {path.name for path in Path("runs/wave-lstm-1").iterdir()}
    pictures = {"curves.png", "forecast.png", "memory.png"}
    assert kept == {"run.toml", "results.csv", "best.safetensors", "typical.npy"} | pictures
    assert load_run("runs/wave-lstm-1").metadata.task == "forecast"


def test_it_says_first_what_it_understood(run):
    talk = run("train", "wave.csv", "--target", "height", *TINY).err.splitlines()

    assert talk[:8] == [
        "data        wave.csv: forecast height 1 step ahead from windows of 5 rows",
        "features    height, weekday (year is the time)",
        "left out    way (text with 2 values: --categories way makes features of it)",
        "training    27 windows, targets from year 1905 to 1931",
        "validation  3 windows, targets from year 1937 to 1939",
        "network     lstm 4 -> 1, 133 weights",
        "optimiser   Adam, peak learning rate 0.002, batches of 8",
        "run         runs/wave-lstm-1",
    ]


def test_it_says_at_the_end_how_good_it_is_beside_a_baseline_and_what_comes_next(run):
    talk = run("train", "wave.csv", "--target", "height", *TINY).err

    assert re.search(r"^best epoch \d of 3, [\d.]+ s$", talk, re.MULTILINE)
    assert re.search(r"^validation +lstm +persistence +seasonal naive 6$", talk, re.MULTILINE)
    assert re.search(r"^mse +[\d.]+ +[\d.]+ +[\d.]+$", talk, re.MULTILINE)
    assert "picture     runs/wave-lstm-1/curves.png\n" in talk
    *_, following, last = talk.splitlines()
    assert following == "next        seqrt export"
    assert last.startswith("warning: the network is no better than persistence here. Try more data")
    assert " Best is seasonal naive 6, with mse " in last


def test_a_program_gets_the_same_in_json(run):
    done = run("train", "wave.csv", "--target", "height", *TINY, "--json")

    answer = json.loads(done.out)
    assert answer["run"] == "runs/wave-lstm-1"
    assert answer["sequences"] == {"training": 27, "validation": 3}
    assert answer["features"] == ["height", "weekday"]
    assert answer["weights"] == 133
    assert answer["epochs"] == 3
    assert answer["figures"].keys() == answer["baseline"]["figures"].keys() > {"mse", "r2"}
    assert answer["further_baselines"]["seasonal naive 6"].keys() == answer["figures"].keys()
    assert [Path(path).is_file() for path in answer["pictures"]] == [True, True, True]


def test_a_figure_without_a_value_is_null_in_json(run):
    rows = "\n".join(["height", *(str(i % 7) for i in range(40)), *["3"] * 10])
    Path("flat.csv").write_text(rows + "\n")

    done = run("train", "flat.csv", *TINY, "--json")

    answer = json.loads(done.out, parse_constant=pytest.fail)
    assert answer["figures"]["mse/variance"] is None
    assert answer["figures"]["mse"] > 0


def test_in_a_pipe_every_epoch_is_a_line(run):
    talk = run("train", "wave.csv", "--target", "height", *TINY).err

    line = r"^epoch \d/3  loss \d\.\d{3}e[+-]\d\d  val \d\.\d{3}e[+-]\d\d  gradient .* s(  best)?$"
    assert len(re.findall(line, talk, re.MULTILINE)) == 3


def test_in_a_pipe_many_epochs_are_thinned_out_and_the_last_is_told(run, monkeypatch):
    monkeypatch.setattr("seqrt.cli.progress._LONGEST_SILENCE", np.inf)
    many = ("--epochs", "205", "--val", "0", "--units", "2", "--window", "2", "--batch-size", "64")

    talk = run("train", "wave.csv", "--target", "height", *many).err

    told = [int(number) for number in re.findall(r"^epoch +(\d+)/205 ", talk, re.MULTILINE)]
    assert told[:3] == [1, 3, 6]
    assert told[-1] == 205
    assert len(told) <= 101


@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals here")
def test_on_a_terminal_there_is_one_bar_and_stdout_holds_the_result_alone():
    ours, its = os.openpty()
    plain = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}

    words = ("wave.csv", "--target", "height", *TINY)
    with start(*words, stdout=subprocess.PIPE, stderr=its, env=plain) as process:
        os.close(its)
        screen = _all_of(ours)
        result = process.stdout.read()

    assert process.returncode == 0
    assert result == "runs/wave-lstm-1\n"
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", screen)
    bars = [part for part in re.split(r"[\r\n]+", text) if part.startswith("epoch")]
    assert re.match(r"epoch 3/3 ━+ loss .* val .*/s 0:\d\d:\d\d$", bars[-1])
    assert max(map(len, bars)) <= 80
    assert "gradient" not in text


def _all_of(terminal):
    """Read a terminal until its other end is closed, which Linux reports as an error."""
    parts = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError:
        pass
    os.close(terminal)
    return b"".join(parts).decode()


def test_without_data_a_built_in_series_is_trained_on_and_that_is_said(run):
    done = run("train", "--epochs", "1", "--units", "2")

    assert done.out == "runs/mackey-glass-lstm-1\n"
    assert done.err.startswith("no DATA given: training on the built-in series mackey-glass\n")


def test_labelled_sequences_are_told_as_what_they_are(run):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 6, 2)).astype(np.float32)
    np.savez("moves.npz", x=x, y=np.where(x[:, :, 0].sum(1) > 0, "up", "down"))

    done = run("train", "moves.npz", "--units", "4", "--epochs", "2", "--bidirectional")

    assert (
        "data        moves.npz: classify every sequence as one of 2 classes (down, up)" in done.err
    )
    assert "training    16 sequences of 6 steps, 2 features" in done.err
    assert "network     lstm 4 -> 2, bidirectional, " in done.err
    assert re.search(r"^validation +lstm +majority class$", done.err, re.MULTILINE)
    assert Path("runs/moves-lstm-1/confusion.png").is_file()


def test_a_network_that_learnt_nothing_is_a_warning(run):
    slow = ("--lr", "1e-9", "--epochs", "1", "--units", "2")

    done = run("train", "sine-mix", *slow)

    assert "warning: the network is no better than persistence here. Try more data" in done.err
    assert done.code == 0


def test_patience_ends_a_run_and_says_so(run):
    done = run("train", "sine-mix", "--lr", "1e-30", "--patience", "2", "--units", "2", "--json")

    assert json.loads(done.out)["epochs"] < 100
    assert "; stopped after 2 epochs without improvement\n" in done.err


def test_the_next_command_names_a_run_that_is_not_in_runs(run):
    done = run("train", "wave.csv", "--target", "height", *TINY, "-o", "my run")

    assert done.out == "my run\n"
    assert "\nnext        seqrt export 'my run'\n" in done.err


# Options


def test_every_option_reaches_the_plan(run):
    given = {
        "task": "forecast",
        "target": ["height"],
        "features": ["height", "weekday", "way"],
        "categories": ["way"],
        "future": ["weekday"],
        "window": 4,
        "horizon": 2,
        "span": ["1901", "1938"],
        "time": "year",
        "dates": "dmy",
        "val": 0.3,
        "missing": "indicator",
        "cell": "rnn",
        "units": [3, 3],
        "front": "conv:3x4",
        "pool": "mean",
        "residual": True,
        "bidirectional": False,
        "dropout": 0.1,
        "layer_norm": True,
        "nonlinearity": "relu",
        "init": "chrono",
        "memory": 12,
        "epochs": 2,
        "batch_size": 16,
        "lr": 0.01,
        "clip": 0.5,
        "patience": 9,
        "noise": 0.05,
        "tbptt": 3,
        "accumulate": 2,
        "seed": 7,
        "device": "auto",
        "threads": 2,
    }
    others = {"length", "folds", "start_from", "balance", "channels_first", "calendar", "series"}
    others |= {"method", "levels", "season", "context", "floor"}  # of a forecaster
    others |= {"text", "tokens", "min_count", "embedding"}  # of text
    assert given.keys() == {option.name for option in training_options.TRAINING} - others

    done = run("train", "wave.csv", *_words(given), "-o", "all")

    assert done.code == 0
    given["device"] = "cuda" if torch.cuda.is_available() else "cpu"  # what auto chose
    assert plan_of("all") == {"source": "wave.csv", **given}


def _words(options):
    for name, value in options.items():
        if value is False:
            continue
        yield f"--{name.replace('_', '-')}"
        if value is not True:
            glue = ":" if name == "span" else ","
            yield glue.join(map(str, value)) if isinstance(value, list) else str(value)


def test_a_built_in_task_has_the_length_that_is_asked_for(run):
    done = run("train", "recall", "--length", "5", "--units", "2", "--epochs", "1", "--json")

    answer = json.loads(done.out)
    assert "validation  2,000 sequences of 5 steps, 1 feature\n" in done.err
    assert answer["baseline"]["name"] == "mean"
    assert answer["baseline"]["figures"]["mse"] == pytest.approx(1 / 3, rel=0.1)
    assert plan_of("runs/recall-lstm-1")["length"] == 5
    assert run("export").code == 0
    assert seqrt.load("models/recall-lstm-1.onnx").manifest.data_sha256


def test_a_length_is_not_for_files(run):
    done = run("train", "wave.csv", "--length", "5")

    assert (done.code, done.out) == (2, "")
    assert "--length applies to built-in data only" in done.err


def test_what_is_left_out_is_what_the_plan_says(run):
    run("train", "wave.csv", "--target", "height", *TINY[2:4], "--epochs", "1")

    kept, plan = plan_of("runs/wave-lstm-1"), Plan("wave.csv")
    for name in ("val", "cell", "batch_size", "clip", "seed", "device", "dropout"):
        assert kept[name] == getattr(plan, name)
    assert kept["lr"] == Recipe.lr


def test_the_help_tells_the_defaults_of_the_plan(run):
    text = " ".join(run("train", "--help").out.split())

    told = dict(re.findall(r"--([a-z-]+) (?:[A-Z]+|<[a-z|]+>) [^\[\]]*\[([^\]]*)\]", text))
    plan = Plan("any")
    defaults = {
        name.replace("_", "-"): f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in plan.options().items()
        if value not in (None, (), 0, "")
    }
    defaults |= {"units": ",".join(map(str, plan.units)), "window": "24", "horizon": "1"}
    defaults["recipe"] = defaults.pop("method")
    defaults |= {"dropout": "0", "noise": "0", "seed": "0"}
    assert defaults.items() <= told.items()


def test_the_help_is_right_about_window_and_horizon(run):
    run("train", "sine-mix", "--units", "2", "--epochs", "1")

    kept = plan_of("runs/sine-mix-lstm-1")
    assert (kept["window"], kept["horizon"]) == (24, 1)


def test_the_choices_are_those_of_the_manifest_and_the_plan():
    assert get_args(training_options.Cell) == get_args(TrainedCell)
    assert get_args(training_options.Nonlinearity) == get_args(manifest.Nonlinearity)
    for name in ("Task", "Missing"):
        assert get_args(getattr(data_options, name)) == get_args(getattr(manifest, name))
    assert get_args(data_options.Method) == get_args(Method)
    assert get_args(training_options.Init) == get_args(Init)


def test_the_help_names_every_built_in_series(run):
    text = run("train", "--help").out

    assert [name for name in BUILT_IN if name not in text] == []


def test_names_may_be_repeated_and_quoted(run):
    lines = Path("wave.csv").read_text().splitlines()
    lines[0] = 'year,"height, m",weekday,way'
    Path("wave.csv").write_text("\n".join(lines) + "\n")

    done = run("train", "wave.csv", "--target", '"height, m"', "--target", "weekday", *TINY)

    assert done.code == 0
    assert plan_of("runs/wave-lstm-1")["target"] == ["height, m", "weekday"]


@pytest.mark.parametrize(
    ("span", "years"),
    [("1910:1930", "1915 to 1924"), ("1910:", "1915 to 1933"), (":1930", "1905 to 1924")],
)
def test_a_span_may_be_open(run, span, years):
    done = run("train", "wave.csv", "--target", "height", "--span", span, *TINY)

    assert done.code == 0
    assert f"targets from year {years}\n" in done.err


def test_a_span_may_hold_times_of_day(run):
    rows = [f"2024-01-01 {i // 60:02}:{i % 60:02},{i % 9}" for i in range(90)]
    Path("day.csv").write_text("\n".join(["when,load", *rows]) + "\n")

    done = run("train", "day.csv", "--span", "2024-01-01 00:10:2024-01-01 01:09", *TINY)

    assert done.code == 0
    assert "training    43 windows, targets from 2024-01-01 00:15 to" in done.err


def test_months_are_told_as_months(run):
    rows = [f"{2020 + i // 12}-{i % 12 + 1:02},{i % 5}" for i in range(30)]
    Path("months.csv").write_text("\n".join(["month,load", *rows]) + "\n")

    done = run("train", "months.csv", "--window", "5", "--horizon", "1", *TINY)

    assert "training    19 windows, targets from 2020-06 to 2021-12\n" in done.err


# Usage errors and unusable data


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("mackey-gloss",),
            r"DATA must be a file or a built-in .*'mackey-gloss'. Did you mean mackey-glass\?",
        ),
        (("wave.csv", "--cell", "lsmt"), "Invalid value for '--cell': .*'rnn', 'lstm', 'gru'"),
        (("wave.csv", "--task", "guess"), "Invalid value for '--task': .*'forecast', 'regress'"),
        (("wave.csv", "--units", "64,,2"), "--units must be whole numbers .* got '64,,2'"),
        (("sine-mix", "--units", "0"), "units must be a whole number from 1, got 0"),
        (("wave.csv", "--target", "a,,b"), "--target must be names separated by commas"),
        (("wave.csv", "--span", "1910"), "--span must be FIRST:LAST, such as 1700:1920"),
        (("wave.csv", "--span", "2000:"), "wave.csv has no rows from 2000"),
        (("wave.csv", "--epochs", "many"), "Invalid value for '--epochs'"),
        (("wave.csv", "--epochs", "0"), "epochs must be at least 1, got 0"),
        (("wave.csv", "--lr", "nan"), "lr must be above 0 and finite, got nan"),
        (("wave.csv", "--device", "gpu"), "device must be cpu, cuda"),
        (("wave.csv",), "wave.csv has several columns that could be the target: .* --target"),
        (("wave.csv", "--target", "hight"), "has no column 'hight'.* Did you mean 'height'"),
        (
            ("wave.dat",),
            "data must be a .csv, .tsv, .jsonl, .* file, got '.dat' in wave.dat. If it is a table,",
        ),
    ],
)
def test_wrong_words_are_one_line_and_leave_nothing(run, words, sentence):
    done = run("train", *words)

    assert (done.code, done.out) == (2, "")
    assert re.match(f"seqrt: .*{sentence}", done.err)
    assert done.err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["wave.csv"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("gone.csv",), "E_INPUT_FILE"),
        (("wave.csv", "--target", "way", "--task", "regress"), "E_INPUT_CELL: wave.csv, line 2"),
    ],
)
def test_data_that_cannot_be_used_is_exit_code_3(run, words, code):
    done = run("train", *words)

    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"seqrt: {code}")
    assert not Path("runs").exists()


def test_a_folder_with_something_in_it_is_not_written_to(run):
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("keep")

    done = run("train", "wave.csv", "--target", "height", *TINY, "-o", "mine")

    assert done.code == 2
    assert done.err.startswith("seqrt: a run needs a new or empty folder, but mine already exists.")
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_made_is_exit_code_7(run):
    done = run("train", "wave.csv", "--target", "height", *TINY, "-o", "wave.csv/run")

    assert done.code == 7
    assert done.err.startswith("seqrt: E_OUTPUT_DENIED: cannot create the folder wave.csv/run")


# Interrupted


def test_training_that_diverges_is_exit_code_8_and_takes_back_what_learnt_nothing(run):
    done = run("train", "wave.csv", "--target", "height", *TINY, "--lr", "1e38", "-o", "mine")

    assert (done.code, done.out) == (8, "")
    *_, kept, error = done.err.splitlines()
    assert kept == "no epoch was completed: nothing was saved."
    assert error.startswith("seqrt: E_DIVERGED: training diverged in epoch 1, step ")
    assert not Path("mine").exists()


@pytest.mark.skipif(os.name != "posix", reason="only POSIX systems send these signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_breaks_off_a_run_keeps_the_best_weights_so_far(number, code):
    words = ("wave.csv", "--target", "height", *TINY[:4], "--epochs", "1000000", "--val", "0")

    with start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for line in process.stderr:
            if line.startswith("epoch"):
                break
        process.send_signal(number)
        talk = process.stderr.read().splitlines()
        assert process.stdout.read() == ""

    assert process.returncode == code
    best = int(re.search(r"from epoch (\d+), are in runs/wave-lstm-1", talk[-2])[1])
    assert talk[-2].endswith("Export them with: seqrt export")
    assert talk[-1] == "seqrt: interrupted."
    with Path("runs/wave-lstm-1/results.csv").open() as file:
        assert best in (int(row["number"]) for row in csv.DictReader(file))
    assert load_run("runs/wave-lstm-1").metadata.name == "wave"
    assert list(Path("runs/wave-lstm-1").glob(".*")) == []


# Resumed


def outcome(folder):
    """Return the weights of a run as bytes, and its rows without their seconds."""
    with Path(folder, "results.csv").open(newline="") as file:
        rows = [{**row, "seconds": None} for row in csv.DictReader(file)]
    return Path(folder, "best.safetensors").read_bytes(), rows


# Trains, but from epoch 100 on only when a signal has come: it cannot end before one, however late.
WAITING = """
import os, re, signal, sys
from seqrt.cli import main, progress

arrived, wakes = os.pipe()
os.set_blocking(wakes, False)
signal.set_wakeup_fd(wakes)
say = progress.say

def say_and_wait(line):
    say(line)
    if re.match("epoch +100/", line):
        os.read(arrived, 1)

progress.say = say_and_wait
main(["train", *sys.argv[1:]])
"""


@pytest.mark.skipif(os.name != "posix", reason="only POSIX systems send these signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(number, run):
    words = ("wave.csv", "--target", "height", *TINY[:4], "--epochs", "150", "--dropout", "0.1")
    words += ("--units", "4,3", "--noise", "0.1", "--batch-size", "8")
    run("train", *words, "-o", "alone")
    line = [sys.executable, "-c", WAITING, *words, "-o", "my run"]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(line, **pipes) as process:
        for line in process.stderr:
            if re.match("epoch +[1-9][0-9]/", line):
                break
        process.send_signal(number)
        talk = process.stderr.read()
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    if number == signal.SIGINT:
        assert "resume with: seqrt train --resume 'my run'\n" in talk

    done = run("train", "--resume", "my run")

    assert (done.code, done.out) == (0, "my run\n")
    assert re.search(r"^resume      from epoch \d+, step \d+$", done.err, re.MULTILINE)
    assert outcome("my run") == outcome("alone")
    for folder in ("alone", "my run"):
        assert run("export", folder, "-o", f"{folder}.onnx").code == 0
    assert Path("my run.onnx").read_bytes() == Path("alone.onnx").read_bytes()


@pytest.fixture
def stopped(run):
    """A run that was stopped after its first epoch."""
    from seqrt.training import start

    begun = start(Plan("wave.csv", target=("height",), window=5, units=(3,), epochs=3))
    for _ in begun:
        begun.stop()
    return begun.path


def test_the_newest_unfinished_run_is_gone_on_with_and_then_it_is_finished(stopped, run):
    first, second = run("train", "--resume"), run("train", "--resume", stopped)

    assert (first.code, first.out) == (0, f"{stopped}\n")
    assert f"run         {stopped}\n" in first.err
    assert (second.code, second.out) == (2, "")
    assert second.err == f"seqrt: {stopped} is finished. Export it with: seqrt export {stopped}\n"


def test_a_run_goes_on_as_it_began(stopped, run):
    done = run("train", "--resume", stopped, "--lr", "0.1", "--layer-norm", "-o", "other")

    assert done.code == 2
    assert (
        "a resumed run keeps its settings, but --layer-norm, --lr, --out would change them"
        in done.err
    )


def test_changed_data_is_exit_code_3(stopped, run):
    Path("wave.csv").write_text(Path("wave.csv").read_text().replace("50.000", "51.000"))

    done = run("train", "--resume", stopped)

    assert done.code == 3
    assert done.err.startswith(
        "seqrt: E_DATA_CHANGED: wave.csv must be the data that the run started with"
    )


def test_damaged_checkpoints_are_told_or_exit_code_4(stopped, run):
    newest, previous = (stopped / f"checkpoint{part}.safetensors" for part in ("", ".previous"))
    newest.replace(previous)
    newest.write_bytes(b"half")
    shutil.copytree(stopped, "lost")
    Path("lost", previous.name).write_bytes(b"nothing")

    told, lost = run("train", "--resume", stopped), run("train", "--resume", "lost")

    assert told.code == 0
    assert f"warning: {newest} is damaged (" in told.err
    assert lost.code == 4
    assert lost.err.startswith("seqrt: E_RUN_DAMAGED: the run cannot be resumed: ")


def test_training_that_diverges_later_names_the_step_and_keeps_the_last_good_weights(run):
    steep = ("--cell", "rnn", "--lr", "1e19", "--clip", "1e30", "--epochs", "400", "--val", "0")

    done = run("train", "wave.csv", "--target", "height", *TINY[:4], *steep, "--batch-size", "8")

    assert done.code == 8
    *_, kept, error = done.err.splitlines()
    assert re.search(
        r"E_DIVERGED: .* in epoch (?!1,)\d+, step \d+: .*; the last good weights", error
    )
    assert kept.startswith("the best weights so far, from epoch ")
    weights = load_run("runs/wave-rnn-1").state_dict().values()
    assert all(value.isfinite().all() for value in weights)
    assert "--resume" not in done.err


# A committee


def test_a_committee_is_trained_exported_and_used_as_any_run(run):
    done = run("train", "wave.csv", "--target", "height", *TINY, "--folds", "3")

    assert (done.code, done.out) == (0, "runs/wave-lstm-1\n")
    assert re.search(r"^fold 3/3, epoch +3/3 ", done.err, re.MULTILINE)
    assert "out of fold" in done.err
    assert run("export").code == 0
    assert seqrt.load("models/wave-lstm-1.onnx").manifest.layers[0].units == 3 * 4
    assert run("predict", "wave.csv").code == 0


def test_a_committee_goes_on_where_it_was_stopped(run):
    words = ("wave.csv", "--target", "height", *TINY, "--folds", "2", "--json")
    alone = json.loads(run("train", *words, "-o", "alone").out)
    with start(*words, "-o", "mine", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        for line in process.stderr:
            if line.startswith("fold 2/2"):
                break
        process.send_signal(signal.SIGINT)
        talk = process.stderr.read()

    done = run("train", "--resume", "mine", "--json")

    if process.returncode:  # a fast machine may have ended before
        assert process.returncode == 130
        assert "resume with: seqrt train --resume mine\n" in talk
        assert json.loads(done.out)["figures"] == alone["figures"]
    assert Path("mine/best.safetensors").read_bytes() == Path("alone/best.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--folds", "3", "--val", "0.3"), "Drop --val or --folds"),
        (("--folds", "1"), "folds must be at least 2, got 1"),
        (("--folds", "3", "--layer-norm"), "no layer normalisation"),
        (("--lr", "fast"), "--lr must be a number or auto, got 'fast'"),
    ],
)
def test_what_cannot_be_is_refused(run, words, message):
    done = run("train", "wave.csv", "--target", "height", *words)

    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not Path("runs").exists()


# Several series


def test_several_files_are_a_series_each(run, here):
    (here / "logs").mkdir()
    for name, level in (("north", 10), ("south", 20)):
        # two months of 28 days, so with a gap
        rows = [f"2024-{1 + i // 28:02}-{1 + i % 28:02},{level + i % 3}" for i in range(56)]
        (here / "logs" / f"{name}.csv").write_text("\n".join(["date,y", *rows]) + "\n")

    files = run("train", "logs/north.csv", "logs/south.csv", *TINY)
    folder = run("train", "logs", "--json", *TINY)

    assert files.out == "runs/logs-lstm-1\n"
    assert "data        2 files, logs/north.csv to logs/south.csv: " in files.err
    assert "series      2, told apart by file: north, south\n" in files.err
    assert plan_of("runs/logs-lstm-1")["source"] == ["logs/north.csv", "logs/south.csv"]
    assert json.loads(folder.out)["sequences"] == {"training": 70, "validation": 12}


def test_where_the_time_starts_over_training_stops_with_the_option(run, here):
    rows = [f"{1900 + i % 20},{'ab'[i // 20]},{i % 7}" for i in range(40)]
    (here / "long.csv").write_text("\n".join(["t,shop,y", *rows]) + "\n")

    done = run("train", "long.csv", "--target", "y", *TINY)
    assert done.code == 2
    assert "long.csv, line 22: the time 't' starts over at 1900" in done.err
    assert run("train", "long.csv", "--target", "y", "--series", "shop", *TINY).code == 0
