"""A command that runs out of memory: smaller slices, or one line, exit code 9 and no file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HOUSE = Path(__file__).parents[2]
NETS = HOUSE / "tests" / "runtime" / "nets"
BOTH_WAYS, LSTM = NETS / "lstm-bidirectional-last.onnx", NETS / "lstm-last.onnx"

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="the system does not say what a process holds"
)

# Runs the command line on one core, and limits its memory to what it takes with all modules loaded
# and so many megabytes more: only the data and the work are left to ask for memory.
CHILD = """
import os, resource, sys
import numpy, onnxruntime, seqrt.cli.app, seqrt.data.readers.reading, seqrt.runtime.model
import seqrt.cli.predict_file, seqrt.cli.progress, seqrt.data.slices
from seqrt.cli import main

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
with open("/proc/self/statm", encoding="ascii") as file:
    held = int(file.read().split()[0]) * resource.getpagesize()
most = held + int(sys.argv[1]) * 10**6
resource.setrlimit(resource.RLIMIT_AS, (most, most))
main(sys.argv[2:])
"""


@pytest.fixture
def limited(tmp_path, monkeypatch):
    """Call `seqrt WORDS...` in an empty folder, with memory limited to `megabytes` more."""
    monkeypatch.chdir(tmp_path)

    def call(megabytes, *words):
        return subprocess.run(
            [sys.executable, "-c", CHILD, str(megabytes), *map(str, words)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HOUSE)},
            timeout=600,
            check=False,
        )

    return call


def test_what_does_not_fit_at_once_is_answered_in_smaller_pieces(limited, run):
    np.save("x.npy", np.random.default_rng(0).random((24, 20_000, 2), np.float32))

    done = limited(100, "predict", "x.npy", "-m", BOTH_WAYS, "-o", "y.npy")
    want = run("predict", "x.npy", "-m", BOTH_WAYS, "-o", "want.npy")

    assert (done.returncode, done.stdout) == (0, "y.npy\n"), done.stderr
    assert want.code == 0
    np.testing.assert_array_equal(np.load("y.npy"), np.load("want.npy"))


def test_one_sequence_that_no_memory_holds_is_exit_code_9_and_no_file(limited, tmp_path):
    np.save("x.npy", np.zeros((1, 400_000, 2), np.float32))

    done = limited(100, "predict", "x.npy", "-m", BOTH_WAYS, "-o", "y.npy")

    assert (done.returncode, done.stdout) == (9, "")
    assert done.stderr.startswith("seqrt: E_MEMORY: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize("name", ["x.npz", "x.csv"])
def test_a_file_that_no_memory_holds_is_exit_code_9_and_named(limited, tmp_path, name):
    if name == "x.npz":
        np.savez(name, x=np.zeros((60, 50_000, 2), np.float32))
    else:
        Path(name).write_text("a,b\n" + "1,2\n" * 500_000)

    done = limited(15, "predict", name, "-m", LSTM, "-o", "y.npy")

    assert (done.returncode, done.stdout) == (9, "")
    assert done.stderr == f"seqrt: E_MEMORY: {name} must fit into memory, and does not. Split it.\n"
    assert [path.name for path in tmp_path.iterdir()] == [name]
