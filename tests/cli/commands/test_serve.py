"""`seqrt serve`: from its first line on stderr to its exit code."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

import seqrt

LSTM = Path(__file__).parents[2] / "runtime" / "nets" / "lstm-last.onnx"


class Serving:
    """A server in a process of its own."""

    def __init__(self, *words):
        command = [sys.executable, "-m", "seqrt", "serve", str(LSTM), "--port", "0"]
        command += map(str, words)
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.url = re.search(r"is served at (\S+)", self.process.stderr.readline())[1]

    def step(self, x, **flags):
        tensor = {"name": "x", "datatype": "FP32", "shape": [1, 1, 2], "data": list(map(float, x))}
        body = {"inputs": [tensor], "parameters": {"sequence_id": 3} | flags}
        with urllib.request.urlopen(f"{self.url}/infer", json.dumps(body).encode()) as answer:
            return np.float32(json.load(answer)["outputs"][0]["data"])

    def end(self, number):
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


@pytest.fixture
def serving():
    started = []

    def start(*words):
        started.append(Serving(*words))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_with_the_code_of_the_table(serving, number, code):
    server = serving("--name", "net")
    server.step([0, 1], sequence_start=True)

    assert server.url.endswith("/v2/models/net")
    assert server.end(number) == (code, "seqrt: interrupted.\n")


def test_sequences_go_on_after_a_restart(serving, tmp_path):
    x = np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32)
    stream = seqrt.load(LSTM).stream()
    first = serving("--save", tmp_path / "state")
    before = [first.step(x[0], sequence_start=True), first.step(x[1])]
    assert first.end(signal.SIGTERM)[0] == 143

    second = serving("--restore", tmp_path / "state")
    after = [second.step(x[2]), second.step(x[3])]

    np.testing.assert_array_equal([*before, *after], [stream.push(x_t) for x_t in x])


def test_a_snapshot_that_is_none_is_named(run, tmp_path):
    (tmp_path / "state").write_bytes(b"hello")

    outcome = run("serve", LSTM, "--port", 0, "--restore", tmp_path / "state")

    assert outcome.code == 3
    assert outcome.err.startswith(f"seqrt: E_STATE: {tmp_path / 'state'}: a snapshot must be")


def test_a_missing_model_is_an_error(run, tmp_path):
    assert run("serve", tmp_path / "none.onnx").code == 4


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e9"])
@pytest.mark.parametrize("option", ["--timeout", "--idle"])
def test_a_time_that_is_none_is_named(run, option, seconds):
    outcome = run("serve", LSTM, "--port", 0, f"{option}={seconds}")

    assert outcome.code == 2
    assert f"{option} must be more than 0" in outcome.err
