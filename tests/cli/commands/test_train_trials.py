"""`seqrt train --trials`: what a search tries, what it keeps, and what it reports."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
from pathlib import Path

import pytest

import seqrt
from seqrt.training import Plan, load_run
from seqrt.training.loop.recipe import Recipe
from seqrt.training.runs.folder import read_record

SEARCH = ("train", "moves.npz", "--epochs", "2", "--trials", "3")


@pytest.fixture(autouse=True)
def here(short_sequences):
    """A folder with data to work in."""
    return short_sequences(40)


@pytest.fixture
def attempts():
    """The class of a trial; the test is skipped without Optuna."""
    pytest.importorskip("optuna", reason="needs optuna, which searches")
    from seqrt.training.experiments.search import SearchTrial

    return SearchTrial


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("attempts")
def test_the_best_trial_is_the_run_and_goes_into_export_as_any_other(run):
    done = run(*SEARCH, "--json")

    answer, table = json.loads(done.out), rows("search/moves-1/trials.csv")
    best = min(table, key=lambda row: float(row["val_loss"]))
    folder = Path(answer["run"])
    assert done.code == 0
    assert folder.parent == Path("runs")
    assert [row["trial"] for row in table] == ["1", "2", "3"]
    assert all(load_run(row["run"]).metadata.task == "classify" for row in table)
    assert answer["trial"] == int(best["trial"])
    assert (folder / "best.safetensors").read_bytes() == (
        Path(best["run"]) / "best.safetensors"
    ).read_bytes()
    assert read_record(folder)["result"]["part"] == answer["chosen_on"] == "validation"
    assert rows(folder / "trials.csv") == table
    assert done.err.count("features    x0, x1\n") == 1
    assert "optimistic: the validation part chose the best of 3 trials.\n" in done.err
    assert seqrt.load(run("export").out.strip()).validate().ok


@pytest.mark.usefixtures("attempts")
def test_a_search_begins_with_the_defaults_keeps_what_is_given_and_can_be_repeated(run):
    words = (*SEARCH, "--cell", "rnn", "--noise", "0.1", "--seed", "4")

    first, again = run(*words, "-o", "one"), run(*words, "-o", "two")

    tables = [rows(f"search/moves-{number}/trials.csv") for number in (1, 2)]
    assert (first.out, again.out) == ("one\n", "two\n")
    plan, usual = read_record(tables[0][0]["run"])["plan"], Plan("moves.npz")
    assert (plan["units"], plan["lr"], plan["dropout"]) == (
        [*usual.units],
        Recipe.lr,
        usual.dropout,
    )
    assert {(row["cell"], row["noise"]) for row in tables[0]} == {("rnn", "0.1")}
    assert len({row["lr"] for row in tables[0]}) == 3
    for row in (*tables[0], *tables[1]):
        del row["seconds"], row["run"]
    assert tables[0] == tables[1]


def test_ctrl_c_keeps_the_best_so_far(run, monkeypatch, attempts):
    finish, done = attempts.finish, []

    def finish_one(attempt):
        done.append(attempt)
        if len(done) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return finish(attempt)

    monkeypatch.setattr(attempts, "finish", finish_one)

    left = run(*SEARCH, "--units", "3", "-o", "best")

    assert (left.code, left.out) == (130, "")
    assert "interrupted: 1 of 3 trials are finished.\n" in left.err
    assert "best        trial 1: lstm 3, lr 0.002, " in left.err
    assert "result" in read_record("best")


@pytest.mark.usefixtures("attempts")
def test_trials_that_diverge_have_failed(run):
    done = run(*SEARCH, "--lr", "1e38", "--units", "3")

    assert (done.code, done.out) == (8, "")
    assert "trial 3/3: E_DIVERGED: " in done.err
    assert done.err.splitlines()[-1].startswith("seqrt: all 3 trials failed. ")
    assert {row["state"] for row in rows("search/moves-1/trials.csv")} == {"failed"}


def test_a_trial_that_falls_behind_is_ended(attempts, run):
    words = ("--cell", "gru", "--units", "8", "--noise", "0", "--epochs", "5")

    done = run(*SEARCH[:2], *words, "--trials", "8", "--json")

    ended = [trial for trial in json.loads(done.out)["trials"] if trial["state"] == "pruned"]
    assert ended
    assert all(trial["epochs"] < 5 for trial in ended)


GIVEN = ("--cell", "gru", "--units", "4", "--lr", "0.1", "--dropout", "0", "--noise", "0")


@pytest.mark.usefixtures("attempts")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--resume",), "a search cannot be resumed. Drop --resume or --trials."),
        (("--trials", "0"), "trials must be at least 1, got 0."),
        (("--folds", "3"), "a search tunes one network, but folds train several."),
        (("--val", "0"), "a search needs a validation part to compare trials on, got val 0."),
        (GIVEN, "a search needs an option to search, but cell, units, lr, dropout, noise are all"),
        (("--window", "20"), "do not apply to sequences with targets, got --window"),
    ],
)
def test_a_wrong_word_is_exit_code_2_and_leaves_nothing(run, words, message):
    done = run(*SEARCH, *words)

    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not list(Path("search").glob("*/*"))
    assert not Path("runs").exists()


def test_without_optuna_it_is_one_line(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)

    done = run(*SEARCH)

    assert (done.code, done.out) == (5, "")
    assert done.err == (
        "seqrt: searching needs optuna. Install it with: pip install 'seqrt[search]'\n"
    )


def test_a_search_is_the_work_of_one_process(run, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")

    done = run(*SEARCH)

    assert done.code == 2
    assert "seqrt train --trials runs in one process" in done.err
