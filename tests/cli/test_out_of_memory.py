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
    not Path("/proc/self/statm").exists(),
    reason="the system does not report the memory of a process",
)

# Runs the command line on one processor, with a limit on its memory. The limit depends on what
# calls were measured to take there: `needs` searches for the number of additional bytes with which
# a call succeeds, to within a sixteenth. glibc returns freed memory to the system at once (see
# `limited`), so that every call starts from the same level.
CHILD = """
import contextlib, io, os, resource, sys
import numpy as np
import seqrt
from seqrt.cli import main
from seqrt.data import read

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
words = sys.argv[2:]
data, net = words[1], words[3]

def limit(more):
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + more, -1))

def fits(call, more):
    limit(more)
    try:
        call()
    except MemoryError:
        return False
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    return True

def needs(call):
    most = 1 << 20
    while not fits(call, most):
        most *= 2
    least = most // 2
    while most - least > most // 16:
        middle = (least + most) // 2
        least, most = (least, middle) if fits(call, middle) else (middle, most)
    return most

def command(words=words):
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        try:
            main(words)
        except SystemExit as leave:
            if leave.code:
                raise MemoryError(silent.getvalue()) from None

def at_once():
    seqrt.load(net).run(np.load(data))

# Run once without a limit, to load all modules and to grow the stack: a process whose stack cannot
# grow is killed.
np.save("few.npy", np.zeros((1, 9, 2)))
command(["predict", "few.npy", "-m", net, "-o", "y.npy"])
os.remove("few.npy")
"""


@pytest.fixture
def limited(tmp_path, monkeypatch):
    """Call `seqrt WORDS...` in an empty folder with `more` additional bytes, an expression."""
    monkeypatch.chdir(tmp_path)
    malloc = ("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_TRIM_THRESHOLD_", "0")

    def call(more, *words):
        code = f"{CHILD}\nmore = {more}\nif os.path.exists('y.npy'): os.remove('y.npy')\n"
        return subprocess.run(
            [sys.executable, "-c", f"{code}limit(more)\nmain(words)", "", *map(str, words)],
            capture_output=True,
            text=True,
            env={**os.environ, **dict(malloc), "PYTHONPATH": str(HOUSE)},
            timeout=600,
            check=False,
        )

    return call


def test_what_does_not_fit_at_once_is_answered_in_smaller_pieces(limited, run):
    np.save("x.npy", np.random.default_rng(0).random((24, 20_000, 2), np.float32))

    more = "(needs(command) + needs(at_once)) // 2; assert not fits(at_once, more)"
    done = limited(more, "predict", "x.npy", "-m", BOTH_WAYS, "-o", "y.npy")
    want = run("predict", "x.npy", "-m", BOTH_WAYS, "-o", "want.npy")

    assert (done.returncode, done.stdout) == (0, "y.npy\n"), done.stderr
    assert want.code == 0
    np.testing.assert_array_equal(np.load("y.npy"), np.load("want.npy"))


def test_one_sequence_that_no_memory_holds_is_exit_code_9_and_no_file(limited, tmp_path):
    np.save("x.npy", np.zeros((1, 100_000, 2), np.float32))

    done = limited("needs(command) * 3 // 4", "predict", "x.npy", "-m", BOTH_WAYS, "-o", "y.npy")

    assert (done.returncode, done.stdout) == (9, "")
    assert done.stderr.startswith("seqrt: E_MEMORY: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize("name", ["x.npz", "x.csv"])
def test_a_file_that_no_memory_holds_is_exit_code_9_and_named(limited, tmp_path, name):
    if name == "x.npz":
        np.savez(name, x=np.zeros((60, 50_000, 2), np.float32))
    else:
        Path(name).write_text("a,b\n" + "1,2\n" * 200_000)

    reads = "needs(lambda: read(data)) // 2"
    done = limited(reads, "predict", name, "-m", LSTM, "-o", "y.npy")

    assert (done.returncode, done.stdout) == (9, "")
    assert done.stderr == f"seqrt: E_MEMORY: {name} does not fit into memory. Split it.\n"
    assert [path.name for path in tmp_path.iterdir()] == [name]
