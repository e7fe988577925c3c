"""`seqrt demo`: the tutorial, shortened to two epochs."""

from __future__ import annotations

import json
import re
import shlex
import struct
import subprocess
import sys
import tomllib
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import seqrt
from seqrt.demo import baselines, held_out

PICTURES = ("curves.png", "forecast.png", "memory.png", "parity.png")
MEMORY = ("adding-rnn.onnx", "adding-lstm.onnx")


class Lessons(NamedTuple):
    """The folder of a demo, its output the first and second time, and its first models."""

    folder: Path
    first: subprocess.CompletedProcess
    second: subprocess.CompletedProcess
    models: list[bytes]


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """Run the demo twice in one folder, with a table and with JSON; keep the first models."""
    here = tmp_path_factory.mktemp("lessons")
    command = [sys.executable, "-m", "seqrt", "demo", "--epochs", "2", "-o", "my demo"]
    first = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    models = [path.read_bytes() for path in sorted((here / "my demo").glob("*.onnx"))]
    again = [*command, "--json"]
    second = subprocess.run(again, cwd=here, capture_output=True, text=True, check=True)
    return Lessons(here, first, second, models)


@pytest.fixture(autouse=True)
def here(lessons, monkeypatch):
    """The folder that the demo ran in."""
    monkeypatch.chdir(lessons.folder)
    return lessons.folder


def picture_size(path):
    """Read width and height of a .png, every part of which must be whole."""
    data, at = path.read_bytes(), 8
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        part = data[at + 4 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(part),)
        at += 12 + length
    assert part == b"IEND"
    return struct.unpack_from(">II", data, 16)


def test_it_leaves_proved_files_their_data_and_pictures():
    made = {path.name for path in Path("my demo").iterdir()}

    assert made == {"rnn.onnx", "lstm.onnx", "data.npz", "runs", *MEMORY, *PICTURES}
    for cell in ("rnn", "lstm"):
        model = seqrt.load(f"my demo/{cell}.onnx")
        layers = [(layer.cell, layer.units) for layer in model.manifest.layers]
        assert layers == [(cell, 64), (cell, 32)]
        assert model.manifest.window == 10
        assert model.validate().ok
        assert seqrt.load(f"my demo/adding-{cell}.onnx").validate().ok


@pytest.mark.parametrize("name", PICTURES)
def test_its_pictures_are_whole_and_large_enough_to_read(name):
    width, height = picture_size(Path("my demo", name))

    assert 900 < width < 2000
    assert 400 < height < 1000


def test_the_table_is_the_result_and_its_figures_are_those_of_the_files(lessons):
    series, task = lessons.first.stdout.split("\n\n")
    titles, *rows = series.splitlines()

    assert titles.split() == ["unseen", "rows", "mse", "mse/variance", "parity", "bytes", "seconds"]
    assert [row.split()[0] for row in rows] == ["rnn", "lstm", "persistence", "linear"]
    assert max(map(len, [titles, *rows])) <= 80
    part = held_out()
    for row in rows[:2]:
        cell, *_, mse, _variance, _parity, size, _seconds = row.split()
        path = Path(f"my demo/{cell}.onnx")
        predicted = seqrt.load(path).predict(part.x.arrays())
        assert float(mse) == pytest.approx(np.mean((predicted - part.truth) ** 2), rel=0.01)
        assert size == f"{path.stat().st_size:,}"
    titles, *rows = task.splitlines()
    assert titles.split()[:4] == ["adding,", "unseen", "mse", "mse/variance"]
    assert [row.split()[0] for row in rows] == ["rnn", "lstm", "mean"]
    assert max(map(len, [titles, *rows])) <= 80


def test_it_says_what_it_made(lessons):
    talk = lessons.first.stderr

    models = [f"my demo/{name}" for name in ("rnn.onnx", "lstm.onnx", *MEMORY)]
    assert f"models      {', '.join(models)}\n" in talk
    assert "data        my demo/data.npz\n" in talk
    runs = [f"my demo/runs/{name}-1" for name in ("rnn", "lstm", "adding-rnn", "adding-lstm")]
    assert f"runs        {', '.join(runs)}\n" in talk
    assert re.search(r"^lstm proved: within \S+ of float64 .* 9 laws hold ", talk, re.MULTILINE)


def test_a_program_gets_the_same_in_json(lessons):
    answer = json.loads(lessons.second.stdout)

    paths = [model["path"] for model in answer["models"]]
    assert paths == ["my demo/rnn.onnx", "my demo/lstm.onnx"]
    memory = answer["memory"]["models"]
    assert [model["path"] for model in memory] == [f"my demo/{name}" for name in MEMORY]
    for model in (*answer["models"], *memory):
        assert model["sha256"] == seqrt.load(model["path"]).digest
        assert 0 < model["parity"]["runtime"] < 1e-5
    assert [model["epochs"] for model in answer["models"]] == [2, 2]
    assert [model["epochs"] for model in memory] == [1, 1]
    assert answer["baselines"] == baselines()
    assert answer["memory"]["baselines"]["mean"]["mse/variance"] == pytest.approx(1)
    assert all(Path(path).is_file() for path in [answer["data"], *answer["pictures"]])


def test_it_may_be_run_again_with_the_same_models_and_keeps_the_earlier_runs(lessons):
    models = [path.read_bytes() for path in sorted(Path("my demo").glob("*.onnx"))]

    assert len(models) == 4
    assert models == lessons.models
    runs = sorted(path.name for path in Path("my demo/runs").iterdir())
    names = ("adding-lstm", "adding-rnn", "lstm", "rnn")
    assert runs == [f"{name}-{number}" for name in names for number in (1, 2)]


def test_the_commands_that_come_next_work_as_they_are_printed(run, lessons):
    commands = re.findall(r"^(?:next)? +(seqrt .+)$", lessons.first.stderr, re.MULTILINE)

    words = [shlex.split(command)[1:] for command in commands]
    assert [first for first, *_ in words] == ["predict", "validate", "info", "train"]
    assert [(line, run(*line).code) for line in words] == [(line, 0) for line in words]


def test_no_network_has_seen_the_rows_that_they_are_judged_on(lessons):
    first = json.loads(lessons.second.stdout)["models"][0]

    plan = tomllib.loads(Path(first["run"], "run.toml").read_text())["plan"]
    assert plan["span"] == ["1", "960"]
    assert held_out().when.min() - plan["window"] == 961


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--epochs", "0"), 2, "epochs must be at least 1, got 0"),
        (
            ("-o", "taken/demo"),
            7,
            "E_OUTPUT_DENIED: cannot create the folder taken/demo/runs/rnn-1 ",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(run, tmp_path, monkeypatch, words, code, sentence):
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("a file")

    done = run("demo", *words)

    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(f"seqrt: {sentence}")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
