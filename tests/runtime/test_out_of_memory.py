"""Memory that runs out for real: smaller blocks are tried, then there is an error, no crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import seqrt

NETS = Path(__file__).parent / "nets"
MEGABYTE = 10**6

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="the system does not say what a process holds"
)

# Answers rows of 20,000 steps, which a network that reads both ways needs whole, where so many
# bytes more may be taken than are held by then; writes the answers to stdout.
CHILD = """
import resource, sys
import numpy as np
import seqrt

model = seqrt.load(sys.argv[1], threads=int(sys.argv[3]))
x = np.broadcast_to(np.linspace(0, 1, 20_000, dtype=np.float32)[None, :, None], (24, 20_000, 2))
few = x[:, :50]
model.predict(few)
model.predict(list(few))
with open("/proc/self/statm", encoding="ascii") as file:
    held = int(file.read().split()[0]) * resource.getpagesize()
most = held + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (most, most))
try:
    y = model.predict(x)
except seqrt.SeqrtError as error:
    print(type(error).__name__, error, file=sys.stderr)
    y = model.predict(few)
sys.stdout.buffer.write(y.tobytes())
"""


def answered(name, more, threads=1):
    """What a child with so many bytes more answers, and what it says."""
    words = [NETS / f"{name}.onnx", more, threads]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, words)],
        capture_output=True,
        check=True,
        timeout=120,
    )
    return np.frombuffer(done.stdout, np.float32).reshape(24, 2), done.stderr.decode()


def expected(name, steps):
    line = np.linspace(0, 1, 20_000, dtype=np.float32)[:steps, None].repeat(2, axis=1)
    return seqrt.load(NETS / f"{name}.onnx").predict([line]).repeat(24, axis=0)


@pytest.mark.parametrize("name", ["lstm-bidirectional-last", "gru-bidirectional-last"])
def test_where_a_block_does_not_fit_smaller_ones_answer_the_same(name):
    y, said = answered(name, 60 * MEGABYTE)

    np.testing.assert_array_equal(y, expected(name, 20_000))
    assert said == ""


def test_where_not_even_a_row_fits_it_is_an_error_and_the_model_goes_on():
    y, said = answered("lstm-bidirectional-last", 5 * MEGABYTE)

    assert said.startswith("ResourceError E_MEMORY: a run over ")
    assert said.endswith(
        " must fit into memory, and did not. Give fewer or shorter sequences at a time.\n"
    )
    np.testing.assert_array_equal(y, expected("lstm-bidirectional-last", 50))


def test_where_no_thread_can_be_started_the_caller_does_the_work():
    y, said = answered("lstm-last", 7 * MEGABYTE, threads=4)

    np.testing.assert_array_equal(y, expected("lstm-last", 20_000))
    assert said == ""
