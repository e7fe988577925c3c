"""`seqrt export --to c`: the newest run, a run, or a model file, as two files of C."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from seqrt.training import Network
from seqrt.training.runs.folder import new_folder, write_record
from seqrt.training.runs.weights import save_weights

NETS = Path(__file__).parents[2] / "runtime" / "nets"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with one run and one model file."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    folder = new_folder("wave.csv", "gru", None)
    write_record(folder, {"started": "2026-01-01"})
    save_weights(Network("gru", 1, (16,), 1), folder)
    shutil.copy(NETS / "lstm-last.onnx", "pump-1.onnx")


def test_the_path_of_the_source_is_the_result_and_the_sizes_are_talk(run):
    done = run("export", "--to", "c")

    assert (done.code, done.out) == (0, "models/wave_gru_1.c\n")
    assert sorted(p.name for p in Path("models").iterdir()) == ["wave_gru_1.c", "wave_gru_1.h"]
    labels = [line.split()[0] for line in done.err.splitlines()]
    assert labels == ["run", "proved", "flash", "memory", "header"]
    assert "64 bytes for each stream" in done.err


def test_a_model_file_needs_no_run(run):
    done = run("export", "pump-1.onnx", "--to", "c", "-o", "firmware/pump.c")

    assert (done.code, done.out) == (0, "firmware/pump.c\n")
    assert "void pump_step(pump_state *state" in Path("firmware/pump.h").read_text()


def test_json_has_the_sizes(run):
    record = json.loads(run("export", "pump-1.onnx", "--to", "c", "--json").out)

    assert record["path"] == "models/pump_1.c"
    assert record["header"] == "models/pump_1.h"
    assert record["state_bytes"] == 80
    assert record["constants_bytes"] == 1640


def test_a_model_that_reads_text_has_the_sizes_of_its_tokenizer(run):
    words = str(NETS / "format2" / "words.onnx")

    said = run("export", words, "--to", "c", "-o", "words.c").err
    record = json.loads(run("export", words, "--to", "c", "-o", "words.c", "--json").out)

    assert ", 47 of them for the vocabulary" in said
    assert "36 bytes for each stream, 7 for each text, and on the stack" in said
    assert (record["vocabulary_bytes"], record["text_bytes"]) == (47, 7)


def test_what_cannot_be_written_is_refused(run):
    whole = NETS / "gru-bidirectional-last.onnx"

    not_c = run("export", "pump-1.onnx", "--to", "c", "-o", "pump.onnx")
    no_name = run("export", "pump-1.onnx", "--to", "c", "-o", "pump-1.c")
    no_step = run("export", whole, "--to", "c")

    assert (not_c.code, no_name.code, no_step.code) == (2, 2, 2)
    assert not_c.err == "seqrt: --out must name a .c file with --to c, got pump.onnx.\n"
    assert "the name must be a C identifier" in no_name.err
    assert "its layers are bidirectional" in no_step.err
    assert not Path("models").exists()


@pytest.mark.parametrize("source", ["runs/wave-gru-1", "pump-1.onnx"])
def test_small_weights_halve_the_matrices(run, source):
    sizes = [
        json.loads(run("export", source, "--to", "c", "--json", *words).out)["constants_bytes"]
        for words in ((), ("--weights", "fp16"))
    ]

    assert sizes[1] < sizes[0]


def test_int8_is_not_for_c(run):
    done = run("export", "pump-1.onnx", "--to", "c", "--weights", "int8")

    assert done.code == 2
    assert done.err == "seqrt: --weights must be float32 or fp16 with --to c, got int8.\n"
