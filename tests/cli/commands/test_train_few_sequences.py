"""`seqrt train` on few sequences: folds by default, said in one line, and used as any run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import seqrt
from seqrt.training.runs.folder import read_record

# Every network stops after its third epoch.
TINY = ("train", "moves.npz", "--units", "2", "--lr", "1e-30", "--patience", "2")


@pytest.fixture(autouse=True)
def here(short_sequences):
    """A folder with data to work in."""
    return short_sequences(20)


def test_few_sequences_are_trained_in_folds_exported_and_used(run):
    done = run(*TINY)

    assert (done.code, done.out) == (0, "runs/moves-lstm-1\n")
    line = "chosen      --noise 0.4 --folds 5, for few sequences; --recipe plain leaves this out\n"
    assert line in done.err
    assert "fold 5/5" in done.err
    assert re.search(r"\nbest epochs \d, \d, \d, \d and \d; [\d.]+ s\n", done.err)
    plan = read_record("runs/moves-lstm-1")["plan"]
    assert (plan["noise"], plan["folds"]) == (0.4, 5)
    assert run("export").code == 0
    assert seqrt.load("models/moves-lstm-1.onnx").manifest.layers[0].units == 5 * 2
    assert run("evaluate", "moves.npz").code == 0


def test_the_plain_recipe_trains_one_network(run):
    done = run(*TINY, "--recipe", "plain")

    assert "chosen" not in done.err
    assert "noise" not in done.err
    assert not Path("runs/moves-lstm-1/fold-1").exists()


def test_one_network_is_told_what_was_chosen_for_it(run):
    done = run(*TINY, "--epochs", "2")

    assert (
        "chosen      --noise 0.4, for few sequences; --recipe plain leaves this out\n" in done.err
    )
    assert "folds" not in read_record("runs/moves-lstm-1")["plan"]


def test_what_is_given_is_not_called_chosen(run):
    done = run(*TINY, "--noise", "0.1", "--folds", "2")

    assert "chosen" not in done.err
    assert "fold 2/2" in done.err


def test_the_record_has_the_epochs_of_all_folds(run):
    record = json.loads(run(*TINY, "--json").out)

    assert record["epochs"] == 5 * 3
    assert record["seconds"] > 0
    assert record["sequences"] == {"training": 20, "validation": 0}
    assert len(record["folds"]) == 5


def test_such_a_run_is_continued_as_one_network(run):
    run(*TINY, "-o", "first")

    done = run("train", "moves.npz", "--from", "first", "--epochs", "1", "-o", "more")

    assert (done.code, done.out) == (0, "more\n")
    assert run("export", "more", "-o", "more.onnx").code == 0


def test_the_folds_are_refused_in_several_processes(run, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")

    done = run(*TINY)

    assert done.code == 2
    assert "in 5 folds, runs in one process, but torchrun has started 2" in done.err
    assert "or give --val 0.2" in done.err
