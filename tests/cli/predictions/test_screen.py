"""On a terminal, forecasts are a table that a person can read; a pipe gets all of it as CSV."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seqrt.cli.predictions.screen import show_table

MODEL = Path(__file__).parents[2] / "runtime" / "nets" / "forecast" / "persistence.onnx"


@pytest.fixture
def piece():
    """Return a table of two rows with a key, a time and an interval."""
    return {
        "store": np.array(["A", "two\nlines"], object),
        "day": np.array(["2024-01-02", "2024-01-02"], "M8[D]"),
        "sales": np.array([1234.5678, 2], np.float32),
        "sales-lo-95": np.array([-0.1234567, np.nan], np.float32),
        "sales-hi-95": np.array([1e-7, 1e9], np.float32),
    }


def shown(piece, width, targets, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    show_table([piece, piece], targets)
    return capsys.readouterr()


def test_columns_are_aligned_and_numbers_have_six_digits(piece, capsys, monkeypatch):
    done = shown(piece, 80, ["sales"], capsys, monkeypatch)
    assert done.out.splitlines() == [
        "store      day           sales      lo-95  hi-95",
        "A          2024-01-02  1234.57  -0.123457  1e-07",
        "two lines  2024-01-02        2             1e+09",
        "A          2024-01-02  1234.57  -0.123457  1e-07",
        "two lines  2024-01-02        2             1e+09",
    ]
    assert done.err == ""


def test_columns_that_do_not_fit_are_counted(piece, capsys, monkeypatch):
    done = shown(piece, 40, ["sales", "price"], capsys, monkeypatch)
    assert max(map(len, done.out.splitlines())) <= 40
    assert done.out.splitlines()[0] == "store      day           sales"
    assert done.err == "2 more columns not shown; -o FILE writes all\n"


def test_the_first_column_is_shown_on_any_terminal(piece, capsys, monkeypatch):
    assert shown(piece, 3, [], capsys, monkeypatch).out.splitlines()[0] == "store"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("command", "more"), [("forecast", ()), ("predict", ("-o", "-"))])
def test_a_terminal_shows_a_table_and_a_pipe_gets_csv(tmp_path, command, more):
    data = tmp_path / "sales.csv"
    data.write_text("sales\n" + "\n".join(f"{i / 7}" for i in range(12)))
    words = [sys.executable, "-m", "seqrt", command, str(data), "-m", str(MODEL), *more]
    piped = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", 0) as terminal:
        subprocess.run(words, stdout=theirs, check=True, env={**os.environ, "COLUMNS": "60"})
        os.close(theirs)
        printed = terminal.read(1 << 16).decode().splitlines()

    assert len(printed) == len(piped.splitlines())
    assert max(map(len, printed)) <= 60
    assert "," in piped.splitlines()[1]
    assert "," not in printed[1]
