"""`seqrt train DATA --from RUN`: continuing a finished run with new data."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from seqrt.training import Plan, train

TINY = {"target": "height", "window": 5, "units": (4,), "epochs": 1, "batch_size": 8}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Two tables of the same columns, and a run trained on the first."""
    monkeypatch.chdir(tmp_path)
    for name, first in (("old.csv", 0), ("new.csv", 40)):
        rows = [f"{1900 + i},{50 + 9 * np.sin(i):.3f},{i % 5}" for i in range(first, first + 40)]
        Path(name).write_text("\n".join(["year,height,weekday", *rows]) + "\n")
    train(Plan("old.csv", **TINY), "first")
    return tmp_path


def test_it_says_which_run_it_continues(run):
    done = run("train", "new.csv", "--from", "first", "--epochs", 1)

    assert done.code == 0
    start = (
        r"^start {7}weights and scaling of first, trained on old \(SHA-256 [0-9a-f]{12}\.\.\.\)$"
    )
    assert re.search(start, done.err, re.MULTILINE)
    assert re.search(r"^optimiser   Adam, peak learning rate 0\.0002,", done.err, re.MULTILINE)
    assert "network     lstm 4 -> 1" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--cell", "gru"), "--cell gru (the run: lstm) would change them"),
        (("--folds", "3"), "Drop --from or --folds"),
        (("--trials", "2"), "--from continues a trained one"),
    ],
)
def test_an_option_that_does_not_go_with_it_is_named(run, words, says):
    done = run("train", "new.csv", "--from", "first", *words)

    assert done.code == 2
    assert says in done.err
    assert len(done.err.splitlines()) == 1


def test_a_run_that_does_not_exist_is_one_line(run):
    done = run("train", "new.csv", "--from", "runs/none")

    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "runs/none must be a run folder or its weights file" in done.err


def test_a_resumed_run_does_not_take_it(run):
    done = run("train", "first", "--resume", "--from", "first")

    assert done.code == 2
    assert "a resumed run keeps its settings, but --from would change them" in done.err
