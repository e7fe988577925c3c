"""`seqrt import`: a Keras model or an ONNX file as one proved file, or one line and no file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_files import Builder

import seqrt

FILES = Path(__file__).parents[2] / "export" / "keras" / "files"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_path_of_the_file_is_the_result_and_the_layers_are_talk(run):
    done = run("import", FILES / "tutorial-rnn.h5")

    assert (done.code, done.out) == (0, "models/tutorial-rnn.onnx\n")
    assert "Keras 3.15.1: SimpleRNN > Dropout > SimpleRNN > Dense" in done.err
    assert seqrt.load("models/tutorial-rnn.onnx").validate().ok


def test_what_keras_skips_is_said(run):
    done = run("import", FILES / "masked.keras", "-o", "m.onnx")

    assert done.code == 0
    assert "Keras skips steps of nothing but -1; give rows without them" in done.err


def test_json_has_the_proof(run):
    done = run("import", FILES / "every-step.h5", "-o", "m.onnx", "--json")

    record = json.loads(done.out)
    assert record["path"] == "m.onnx"
    assert record["parity"]["runtime"] < 1e-6


def test_a_model_that_was_imported_predicts(run):
    run("import", FILES / "tutorial-lstm.keras", "-o", "m.onnx")
    np.save("x.npy", np.zeros((3, 10, 1), np.float32))

    done = run("predict", "x.npy", "-m", "m.onnx")

    assert done.code == 0
    assert np.load(done.out.strip()).shape == (3, 1)


def test_a_file_that_is_no_model_is_one_line_and_leaves_nothing(run, here):
    Path("m.keras").write_bytes(b"not a model")

    done = run("import", "m.keras", "-o", "m.onnx")

    assert (done.code, done.out) == (3, "")
    assert "E_KERAS_FILE" in done.err
    assert len(done.err.splitlines()) == 1
    assert [path.name for path in here.iterdir()] == ["m.keras"]


def test_the_model_itself_is_never_overwritten(run):
    shutil.copy(FILES / "tutorial-rnn.h5", "m.h5")

    done = run("import", "m.h5", "-o", "m.h5")

    assert (done.code, done.out) == (7, "")
    assert Path("m.h5").read_bytes() == (FILES / "tutorial-rnn.h5").read_bytes()


def test_an_onnx_file_comes_in_and_says_how_it_was_compared(run):
    Builder().whole().write("theirs.onnx")

    done = run("import", "theirs.onnx")

    assert (done.code, done.out) == (0, "models/theirs.onnx\n")
    assert "ONNX of tf2onnx: LSTM" in done.err
    assert "with the original in onnxruntime, rows of 1, 2, 3, 5, 9, 33 steps" in done.err
    assert seqrt.load("models/theirs.onnx").validate().ok


def test_json_has_the_comparison_with_an_original(run):
    Builder().whole().write("theirs.onnx")

    done = run("import", "theirs.onnx", "-o", "m.onnx", "--json")

    compared = json.loads(done.out)["original"]
    assert compared["steps"] == [1, 2, 3, 5, 9, 33]
    assert compared["largest_error"] < 1e-6


def test_a_damaged_onnx_file_is_one_line_and_leaves_nothing(run, here):
    Path("m.onnx").write_bytes(b"not a model")

    done = run("import", "m.onnx", "-o", "new.onnx")

    assert (done.code, done.out) == (3, "")
    assert "E_ONNX_FILE" in done.err
    assert len(done.err.splitlines()) == 1
    assert [path.name for path in here.iterdir()] == ["m.onnx"]


@pytest.mark.parametrize("name", ["x.txt", "model", "model.pt"])
def test_another_kind_of_file_is_refused_with_the_kinds_there_are(name, run):
    Path(name).write_bytes(b"")

    done = run("import", name)

    assert (done.code, done.out) == (2, "")
    assert ".keras or .h5, or an ONNX file of another exporter, .onnx" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_model_file_of_seqrt_is_said_to_be_one(run):
    Builder().whole().write("theirs.onnx")
    run("import", "theirs.onnx", "-o", "m.onnx")

    done = run("import", "m.onnx", "-o", "again.onnx")

    assert done.code == 2
    assert "is a model file of seqrt already" in done.err
    assert len(done.err.splitlines()) == 1


def test_without_h5py_the_error_is_the_command_that_installs_it(here):
    code = "import sys; sys.modules['h5py'] = None\nfrom seqrt.cli import main\nmain()"
    command = [sys.executable, "-c", code, "import", str(FILES / "tutorial-rnn.h5"), "-o", "m.onnx"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=here)

    assert "importing a Keras model needs h5py" in done.stderr
    assert "pip install 'seqrt[keras]'" in done.stderr
    assert done.returncode == 5
