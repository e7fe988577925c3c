"""`seqrt export`: the newest run, or the one named, as one proved file, or no file."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import seqrt
from seqrt.training import Network
from seqrt.training.runs.folder import new_folder, write_record
from seqrt.training.runs.memory import save_series
from seqrt.training.runs.weights import save_weights


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def trained():
    """Leave a run as `seqrt train` does, with random weights and `started` as its start time."""

    def make(started="2026-01-01", out=None, cell="gru"):
        torch.manual_seed(0)
        folder = new_folder("wave.csv", cell, out)
        write_record(folder, {"started": started})
        net = Network(cell, 1, (4,), 1)
        save_weights(net, folder)
        return net, folder

    return make


def test_the_path_of_the_file_is_the_result_and_the_proof_is_talk(run, trained):
    trained()

    done = run("export")

    assert (done.code, done.out) == (0, "models/wave-gru-1.onnx\n")
    model = seqrt.load("models/wave-gru-1.onnx")
    assert model.validate().ok
    assert done.err.startswith("run         runs/wave-gru-1 (the newest)\n")
    assert re.search(r"^proved      within .* of float64 .* \d+ laws hold ", done.err, re.MULTILINE)
    assert f"SHA-256 {model.digest}\n" in done.err
    assert [path.name for path in Path("models").iterdir()] == ["wave-gru-1.onnx"]


def test_the_newest_run_is_the_one_that_was_started_last(run, trained):
    trained("2026-01-02", cell="lstm")
    _, older = trained("2026-01-01")
    os.utime(older)

    assert run("export").out == "models/wave-lstm-1.onnx\n"


@pytest.mark.parametrize("named", ["elsewhere", "elsewhere/best.safetensors"])
def test_a_run_that_is_named_is_exported_to_the_file_that_is_named(run, trained, named):
    trained()
    trained(out="elsewhere", cell="rnn")

    done = run("export", named, "-o", "mine.onnx")

    assert (done.code, done.out) == (0, "mine.onnx\n")
    assert seqrt.load("mine.onnx").manifest.layers[0].cell == "rnn"
    assert not Path("models").exists()


def test_the_memory_is_measured_on_the_data_of_a_run_that_finished(run, trained):
    _, folder = trained()
    unfinished = json.loads(run("export", "--json").out)
    save_series(np.ones((9, 1), np.float32), folder)

    finished = json.loads(run("export", "--json").out)

    assert [answer["memory"]["inputs"] for answer in (unfinished, finished)] == ["drawn", "data"]
    stated = json.loads(seqrt.load("models/wave-gru-1.onnx").manifest.to_json())["memory"]
    assert finished["memory"] == stated


def test_the_file_has_the_name_of_its_run(run, trained):
    trained(out="elsewhere")

    assert run("export", "elsewhere/best.safetensors").out == "models/elsewhere.onnx\n"


def test_the_same_run_gives_the_same_bytes(run, trained):
    trained()

    run("export", "-o", "first.onnx")
    run("export", "-o", "second.onnx")

    assert Path("first.onnx").read_bytes() == Path("second.onnx").read_bytes()


def test_a_program_gets_the_proof_in_json(run, trained):
    trained()

    answer = json.loads(run("export", "--json").out)

    model = seqrt.load(answer["path"])
    assert answer["sha256"] == model.digest
    assert answer["bytes"] == Path(answer["path"]).stat().st_size
    assert answer["parity"]["runtime"] == model.manifest.parity.runtime < 1e-5
    assert answer["laws_bit_for_bit"] is model.validate().exact


def test_without_a_run_it_says_how_to_make_one(run):
    done = run("export")

    assert (done.code, done.out) == (2, "")
    assert done.err == "seqrt: there is no run in runs/. Train one with: seqrt train DATA\n"
    assert list(Path().iterdir()) == []


def test_a_folder_that_is_no_run_is_named(run):
    done = run("export", "gone")

    assert done.code == 2
    assert done.err.startswith(
        "seqrt: gone must be a run folder or its weights file, but gone does not exist."
    )


def test_damaged_weights_are_exit_code_4_and_give_no_file(run, trained):
    _, folder = trained()
    weights = folder / "best.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])

    done = run("export")

    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines()[-1].startswith("seqrt: E_RUN_DAMAGED: runs/wave-gru-1/best.safe")
    assert list(Path().rglob("*.onnx")) == []


def test_what_cannot_be_proved_is_exit_code_6_and_the_older_file_stays(run, trained):
    net, folder = trained()
    run("export", "-o", "mine.onnx")
    before = Path("mine.onnx").read_bytes()
    with torch.no_grad():
        net.dense.bias[0] = float("nan")
    save_weights(net, folder)

    done = run("export", "-o", "mine.onnx")

    assert (done.code, done.out) == (6, "")
    assert "seqrt: E_WEIGHTS_NONFINITE: every weight must be finite, but dense.bias" in done.err
    assert Path("mine.onnx").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["mine.onnx", "runs"]


@pytest.mark.parametrize(("out", "code"), [("gone/m.onnx", "FOLDER"), ("runs", "PATH")])
def test_a_file_that_cannot_be_written_is_exit_code_7(run, trained, out, code):
    trained()

    done = run("export", "-o", out)

    assert (done.code, done.out) == (7, "")
    assert f"seqrt: E_OUTPUT_{code}: " in done.err
    assert [path.name for path in Path().iterdir()] == ["runs"]


def test_small_weights_are_in_the_name_and_say_what_the_rounding_did(run, trained):
    _, folder = trained(cell="lstm")
    save_weights(Network("lstm", 1, (24,), 1), folder)

    done = run("export", "--weights", "fp16")

    assert (done.code, done.out) == (0, "models/wave-lstm-1-fp16.onnx\n")
    assert re.search(r"^weights     fp16: rounding moved outputs by at", done.err, re.MULTILINE)
    assert seqrt.load("models/wave-lstm-1-fp16.onnx").manifest.weights == "fp16"


def test_a_model_file_can_be_written_again_with_small_weights(run, trained):
    _, folder = trained(cell="lstm")
    save_weights(Network("lstm", 1, (24,), 1), folder)
    run("export")

    done = run("export", "models/wave-lstm-1.onnx", "--weights", "int8", "--json")
    again = run("export", "models/wave-lstm-1.onnx")

    record = json.loads(done.out)
    assert record["path"] == "models/wave-lstm-1-int8.onnx"
    assert record["weights"] == "int8"
    assert record["rounding"]["steps"] == [1, 10, 100, 1000]
    assert record["kept"] == {}
    assert record["bytes"] < Path("models/wave-lstm-1.onnx").stat().st_size
    assert again.code == 2
    assert "is a model file already. Give --weights fp16 or int8." in again.err
