"""`seqrt train` says how it understands labels, and how rare classes are treated."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seqrt.training.runs.folder import read_record

TINY = ("--units", "3", "--epochs", "2")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Go to a folder with 40 sequences of 6 steps in x.npy, to be saved with labels."""
    monkeypatch.chdir(tmp_path)


def save(y, path="moves.npz"):
    rng = np.random.default_rng(0)
    np.savez(path, x=rng.standard_normal((len(y), 6, 2)).astype(np.float32), y=y)


def test_labels_in_floats_are_classes_and_the_opening_lines_say_how_to_override_that(run):
    save(np.arange(40) % 3.0)

    done = run("train", "moves.npz", *TINY, "--json")

    note = "y holds 3 whole numbers: taken as classes; --task regress learns them as numbers"
    assert f"note        {note}\n" in done.err
    assert "classify every sequence as one of 3 classes (0, 1, 2)" in done.err
    answer = json.loads(done.out)
    assert (answer["classes"], answer["notes"]) == ([0, 1, 2], [note])


def test_with_task_regress_nothing_is_noted(run):
    save(np.arange(40) % 3.0)

    done = run("train", "moves.npz", *TINY, "--task", "regress", "--json")

    answer = json.loads(done.out)
    assert (answer["task"], answer["classes"], answer["notes"]) == ("regress", [], [])


def test_a_single_class_is_exit_code_3(run):
    save(np.full(40, "ok"))

    done = run("train", "moves.npz", *TINY)

    assert (done.code, done.out) == (3, "")
    assert "E_INPUT_LABEL" in done.err
    assert "all 40 labels are 'ok': there is nothing to tell apart" in done.err


def test_a_fold_that_cannot_learn_a_class_is_a_warning(run):
    save(np.where(np.arange(40) == 7, "rare", "often"))

    done = run("train", "moves.npz", *TINY, "--folds", "2", "--json")

    (warning,) = json.loads(done.out)["notes"]
    assert warning.startswith(
        "warning: the training part has no sequence of class 'rare' (1 in validation)"
    )
    assert warning[-len("(fold 1)") :] in ("(fold 1)", "(fold 2)")
    assert f"warning     {warning.removeprefix('warning: ')}\n" in done.err


def test_balance_is_said_and_recorded(run):
    save(np.where(np.arange(40) % 8, "often", "rare"))

    done = run("train", "moves.npz", *TINY, "--balance", "-o", "balanced")
    run("train", "moves.npz", *TINY, "-o", "plain")

    assert "classes weighed by inverse frequency" in done.err
    assert read_record("balanced")["plan"]["balance"] is True
    assert "balance" not in read_record("plain")["plan"]


@pytest.mark.parametrize("words", [("--task", "regress"), ("--task", "regress", "--folds", "2")])
def test_balance_without_classes_is_exit_code_2(words, run, tmp_path):
    save(np.arange(40) % 3.0)

    done = run("train", "moves.npz", *TINY, *words, "--balance")

    assert (done.code, done.out) == (2, "")
    assert "balance weighs classes, but the targets here are numbers" in done.err
    assert not (tmp_path / "runs").exists()
