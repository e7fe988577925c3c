"""The commands with models of format 2: token ids, several outputs, sequences too short."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

import seqrt

NETS = Path(__file__).parents[1] / "runtime" / "nets" / "format2"


@pytest.fixture
def stream(run, monkeypatch):
    """Call `seqrt stream MODEL` with some text on stdin."""

    def call(name, text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return run("stream", NETS / f"{name}.onnx")

    return call


def test_a_stream_reads_one_token_id_from_each_line(stream):
    done = stream("tagger", "3\n5\n")

    live = seqrt.load(NETS / "tagger.onnx").stream()
    got = [[float(cell) for cell in line.split(",")] for line in done.out.splitlines()]
    np.testing.assert_allclose(got, [live.push(3), live.push(5)], rtol=1e-6)


def test_a_line_that_is_no_token_id_is_named(stream):
    done = stream("tagger", "3\n11\n")

    assert done.code == 3
    assert "stdin, line 2: token ids must be from 0 to 10; x is 11" in done.err


def test_a_stream_writes_several_outputs_side_by_side(stream):
    done = stream("two-heads", "1,2,3\n4,5,6\n")

    assert [len(line.split(",")) for line in done.out.splitlines()] == [3, 3]


def test_predictions_of_several_outputs_are_columns_side_by_side(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(4, 9, 3)).astype(np.float32)
    np.save("x.npy", x)

    done = run("predict", "x.npy", "-m", NETS / "two-heads.onnx", "-o", "y.npy")

    assert done.code == 0, done.err
    wanted = seqrt.load(NETS / "two-heads.onnx").joined.predict(x)
    np.testing.assert_array_equal(np.load("y.npy"), wanted)


@pytest.mark.parametrize("name", ["ids.npy", "ids.npz"])
def test_an_array_of_ids_is_a_batch_of_rows(run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    ids = np.random.default_rng(0).integers(0, 11, (4, 9))
    np.save(name, ids) if name.endswith(".npy") else np.savez(name, x=ids)

    done = run("predict", name, "-m", NETS / "tagger.onnx", "-o", "y.npy")

    assert done.code == 0, done.err
    wanted = seqrt.load(NETS / "tagger.onnx").predict(ids)
    np.testing.assert_array_equal(np.load("y.npy"), wanted)


def test_sequences_that_are_too_short_are_refused(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((2, 2, 2), np.float32))

    done = run("predict", "x.npy", "-m", NETS / "ahead.onnx")

    assert done.code == 3
    assert "every sequence must have at least 3 steps" in done.err


def test_what_cannot_be_measured_is_refused(run):
    done = run("bench", NETS / "tagger.onnx")

    assert done.code == 2
    assert "has token ids as its input" in done.err
