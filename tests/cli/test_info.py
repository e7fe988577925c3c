"""`seqrt info`: what a file says of itself, in words and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import seqrt
from seqrt.contract import Column
from seqrt.export import export
from seqrt.training import About, Network


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def forecaster():
    """A small forecaster of known names and ranges."""
    torch.manual_seed(0)
    about = About(
        task="forecast",
        features=(Column("load", "kW", mean=50, scale=9, low=12, high=99.5),),
        outputs=(Column("load+1", "kW", mean=50, scale=9),),
        name="grid",
        window=24,
        horizon=1,
        data_sha256="ab" * 32,
        seed=3,
    )
    return export(Network("rnn", 1, (6, 4), 1, nonlinearity="relu"), "grid.onnx", about=about).path


@pytest.fixture
def classifier():
    """A small classifier that reads both ways."""
    torch.manual_seed(0)
    about = About(
        "classify", (Column("x0"),), (Column("down"), Column("up")), classes=("down", "up")
    )
    net = Network("gru", 1, (4,), 2, bidirectional=True, activation="softmax")
    return export(net, "moves.onnx", about=about).path


def line_of(name, page):
    """Return what stands behind a name at the start of a line."""
    return next(line[10:] for line in page.splitlines() if line[:10].strip() == name)


def test_it_says_what_the_model_is(run, forecaster):
    done = run("info", forecaster)

    assert (done.code, done.err) == (0, "")
    assert line_of("model", done.out).startswith("grid (grid.onnx, ")
    assert (
        line_of("task", done.out)
        == "forecast from 24 steps, 1 ahead, raw units after the last step"
    )
    assert line_of("layers", done.out) == "rnn relu 6"
    assert line_of("", done.out) == "rnn relu 4"
    assert line_of("streams", done.out) == "yes, 10 numbers of state"
    assert " from float64 over up to " in line_of("parity", done.out)
    assert line_of("origin", done.out).endswith("seed 3, data SHA-256 abababababababab")
    assert line_of("SHA-256", done.out) == seqrt.load(forecaster).digest


def test_it_says_what_goes_in_and_what_comes_out(run, forecaster):
    page = run("info", forecaster).out

    scaling = "mean 0, scale 1"
    assert line_of("features", page) == f"load [kW]: {scaling}, seen 12 to 99.5"
    assert line_of("outputs", page) == f"load+1 [kW]: {scaling}"


def test_of_a_classifier_it_names_the_classes(run, classifier):
    page = run("info", classifier).out

    assert line_of("task", page) == "classify, a probability a class after the last step"
    assert line_of("layers", page) == "gru 4, both directions"
    assert line_of("classes", page) == "down, up"
    assert line_of("streams", page).startswith("no")


def test_a_program_gets_the_manifest_in_json(run, forecaster):
    answer = json.loads(run("info", forecaster, "--json").out)

    model = seqrt.load(forecaster)
    assert answer == {
        "path": "grid.onnx",
        "sha256": model.digest,
        "bytes": Path("grid.onnx").stat().st_size,
        **json.loads(model.manifest.to_json()),
    }


def test_the_newest_in_models_is_meant_where_none_is_named(run, forecaster):
    Path("models").mkdir()
    forecaster.rename("models/grid.onnx")

    done = run("info")

    assert done.err == "model models/grid.onnx, the newest in models/\n"
    assert line_of("model", done.out).startswith("grid (models/grid.onnx, ")


def test_without_a_model_it_says_how_to_make_one(run):
    done = run("info")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("seqrt: there is no model in models/. Name one, or make one with:")


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_what_is_no_model_is_exit_code_4(run, content):
    path = Path("some.onnx")
    path.mkdir() if content is None else path.write_bytes(content)

    done = run("info", path)

    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("seqrt: E_MODEL_")
    assert done.err.count("\n") == 1


def test_a_damaged_model_is_exit_code_4(run, forecaster):
    forecaster.write_bytes(forecaster.read_bytes()[:-1])

    assert run("info", forecaster)[:2] == (4, "")
