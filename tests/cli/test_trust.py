"""--sha256 admits one file only, and --allow-unsealed a file without a seal."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from seqrt.contract.seal import SEAL_SIZE

NETS = Path(__file__).parents[1] / "runtime" / "nets"
LSTM = NETS / "lstm-last.onnx"
DIGEST = hashlib.sha256(LSTM.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with data for every command, and a model that lost its seal."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).random((4, 6, 2), np.float32)
    np.save("x.npy", x)
    np.savez("labelled.npz", x=x, y=np.ones((4, 2), np.float32))
    Path("unsealed.onnx").write_bytes(LSTM.read_bytes()[:-SEAL_SIZE])
    monkeypatch.setattr("seqrt.bench.race.find_spec", lambda name: None)  # no race with PyTorch
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1,2\n3,4\n")))
    return tmp_path


def words_for(command, model):
    """The arguments with which each command opens a model."""
    return {
        "predict": ["x.npy", "-m", model],
        "evaluate": ["labelled.npz", "-m", model],
        "bench": [model, "--quick"],
    }.get(command, [model])


every_command = pytest.mark.parametrize(
    "command", ["predict", "evaluate", "stream", "validate", "info", "bench"]
)


@every_command
def test_a_pinned_file_is_taken(run, command):
    done = run(command, *words_for(command, LSTM), "--sha256", DIGEST.upper())

    assert done.code == 0, done.err


@every_command
def test_another_file_than_the_pinned_one_is_refused(run, command, here):
    before = set(here.iterdir())

    done = run(command, *words_for(command, LSTM), "--sha256", "0" * 64)

    assert done.code == 4
    assert "E_MODEL_DIGEST" in done.err
    assert DIGEST in done.err
    assert done.out == ""
    assert set(here.iterdir()) == before


def test_a_pin_that_is_no_digest_is_a_usage_error(run):
    done = run("info", LSTM, "--sha256", "e3b0")

    assert done.code == 2
    assert "sha256 must be 64 hexadecimal digits, got 'e3b0'" in done.err


@every_command
def test_a_file_without_a_seal_is_taken_only_when_asked(run, command):
    refused = run(command, *words_for(command, "unsealed.onnx"))
    taken = run(command, *words_for(command, "unsealed.onnx"), "--allow-unsealed")

    assert refused.code == 4
    assert "E_MODEL_UNSEALED" in refused.err
    assert "--allow-unsealed" in refused.err
    assert taken.code == 0, taken.err
    assert (
        "unsealed.onnx has no valid seal: nothing shows whether the file is complete" in taken.err
    )


def test_info_tells_the_digest_and_the_seal(run):
    sealed = run("info", LSTM)
    unsealed = json.loads(run("info", "unsealed.onnx", "--allow-unsealed", "--json").out)

    assert f"SHA-256   {DIGEST}" in sealed.out
    assert json.loads(run("info", LSTM, "--json").out)["sealed"] is True
    assert unsealed["sealed"] is False
    assert unsealed["sha256"] == hashlib.sha256(LSTM.read_bytes()[:-SEAL_SIZE]).hexdigest()


@pytest.mark.parametrize("mark", ["\x1b[2J", "\u202e"])
def test_what_a_file_says_of_itself_cannot_play_with_the_terminal(run, mark):
    text = LSTM.read_bytes()[:-SEAL_SIZE]
    name = json.dumps(mark)[1:-1].encode()
    Path("evil.onnx").write_bytes(text.replace(b'"name":"lstm-last"', b'"name":"' + name + b'"'))

    done = run("info", "evil.onnx", "--allow-unsealed")

    assert done.code == 4
    assert mark not in done.out + done.err
