"""`seqrt validate`: a valid model, a wrong one, a damaged one, and no model at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import onnx
import pytest
import torch

from seqrt.contract import MANIFEST_KEY, PROOF_KEY, seal
from seqrt.export import export
from seqrt.training import Network


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model():
    """A small model at models/good.onnx."""
    torch.manual_seed(0)
    Path("models").mkdir()
    return export(Network("lstm", 1, (4,), 1), "models/good.onnx").path


@pytest.fixture
def wrong(model):
    """The same model, correctly sealed, with 0.001 added to one weight."""
    graph = onnx.load(model)
    weight = next(w for w in graph.graph.initializer if len(w.dims) == 3)
    values = onnx.numpy_helper.to_array(weight).copy()
    values.flat[0] += 1e-3
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    kept = [prop for prop in graph.metadata_props if prop.key in (MANIFEST_KEY, PROOF_KEY)]
    del graph.metadata_props[:]
    graph.metadata_props.extend(kept)
    path = Path("wrong.onnx")
    path.write_bytes(seal(graph.SerializeToString(deterministic=True)))
    return path


def test_every_check_of_a_good_file_is_a_line_that_says_ok(run, model):
    done = run("validate", model)

    *checks, verdict = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert len(checks) > 9
    assert {line.split()[0] for line in checks} == {"ok"}
    assert verdict.startswith(
        "On this machine models/good.onnx computes what was trained; its laws "
    )


def test_the_newest_in_models_is_meant_where_none_is_named(run, model):
    older = Path("models/older.onnx")
    older.write_bytes(model.read_bytes())
    os.utime(older, (1, 1))

    done = run("validate")

    assert done.code == 0
    assert done.err == "model: models/good.onnx (the newest in models/)\n"


def test_a_program_gets_every_check_in_json(run, model):
    answer = json.loads(run("validate", model, "--json").out)

    assert answer["path"] == "models/good.onnx"
    assert answer["ok"] is True
    assert 0 < answer["error"] < 1e-5
    assert all(check["ok"] for check in answer["checks"])
    assert {"name", "difference", "allowed", "ok"} == answer["checks"][0].keys()


def test_a_file_that_computes_something_else_is_exit_code_6(run, wrong):
    done = run("validate", wrong)

    assert done.code == 6
    assert "FAILED proof 1 (1 x 1 steps), outputs against float64: " in done.out
    assert "computes what was trained" not in done.out
    assert done.err.startswith("seqrt: E_PARITY: the model does not compute what was trained: ")
    assert done.err.count("\n") == 1


def test_a_file_that_computes_something_else_says_so_to_programs_too(run, wrong):
    done = run("validate", wrong, "--json")

    answer = json.loads(done.out)
    assert done.code == 6
    assert answer["ok"] is False
    assert [check["ok"] for check in answer["checks"]].count(False) >= 1


def test_a_damaged_file_is_exit_code_4(run, model):
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)

    done = run("validate", model)

    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("seqrt: E_MODEL_DAMAGED: ")


def test_a_device_that_is_not_there_is_exit_code_5(run, model):
    if torch.cuda.is_available():
        pytest.skip("this machine has it")

    done = run("validate", model, "--device", "cuda")

    assert (done.code, done.out) == (5, "")


def test_a_device_that_is_none_is_exit_code_2(run, model):
    done = run("validate", model, "--device", "gpu")

    assert (done.code, done.out) == (2, "")


def test_without_a_model_it_says_how_to_make_one(run):
    done = run("validate")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("seqrt: there is no model in models/. Name one, or make one with:")


def test_a_file_that_is_not_there_is_exit_code_4(run):
    done = run("validate", "gone.onnx")

    assert (done.code, done.out) == (4, "")
    assert done.err.count("\n") == 1
