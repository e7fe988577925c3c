"""Columns of lists through the commands: each row of a table is a sequence."""

from __future__ import annotations

import json

import numpy as np
import pytest

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def test_the_commands_read_the_columns_of_training(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    beats = {
        "ecg": [rng.normal(i % 2, 1, 5 + i % 3).tolist() for i in range(24)],
        "beat": [("N", "V")[i % 2] for i in range(24)],
        "patient": list(range(24)),
    }
    parquet.write_table(pyarrow.table(beats), "beats.parquet")
    parquet.write_table(pyarrow.table({"ecg": beats["ecg"]}), "new.parquet")
    options = ["--features", "ecg", "--target", "beat", "--units", "4", "--epochs", "2"]

    trained = run("train", "beats.parquet", *options)
    assert trained.code == 0
    assert "left out    patient (numbers, not among --features)\n" in trained.err
    assert run("export", "-o", "beats.onnx").code == 0
    assert run("predict", "new.parquet", "-m", "beats.onnx", "-o", "out.npy").code == 0
    judged = run("evaluate", "beats.parquet", "-m", "beats.onnx", "--json")

    assert np.load("out.npy").shape == (24, 2)
    assert json.loads(judged.out)["answers"] == 24


def test_a_column_of_lists_that_is_left_out_says_how_it_is_used(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    rows = {"day": list(range(40)), "load": [i % 5 for i in range(40)], "ecg": [[1.0]] * 40}
    parquet.write_table(pyarrow.table(rows), "load.parquet")

    done = run("train", "load.parquet", "--target", "load", "--window", "4", "--epochs", "1")

    assert done.code == 0
    assert "ecg (a list in each cell: --features ecg takes each as a sequence)" in done.err


def test_describe_reads_the_lists_that_training_reads(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    rows = {"ecg": [[float(i), 2.0] for i in range(30)], "beat": ["N", "V", "N"] * 10}
    parquet.write_table(pyarrow.table(rows), "beats.parquet")

    told = run("describe", "beats.parquet", "--features", "ecg", "--target", "beat").out

    assert "data        beats.parquet: 30 sequences of 2 steps, 1 feature\n" in told
    assert "ecg         from 0 to 29, mean 8.25\n" in told
    assert "ecg     feature   a list in each cell\n" in told
    assert told.endswith("train       seqrt train beats.parquet --target beat --features ecg\n")
