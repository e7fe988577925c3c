"""Memory that runs out for real: smaller blocks are tried, then there is an error, no crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NETS = Path(__file__).parent / "nets"
LIMITED = Path(__file__).with_name("limited.py")

# Makes glibc return memory at once and share one heap among threads, so that a limit applies to
# what is allocated under it, and nothing is left over from the call before.
MALLOC = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "0",
}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(),
    reason="the system does not report the memory of a process",
)


def found(task, *arguments):
    """What limited.py finds in a process of its own."""
    done = subprocess.run(
        [sys.executable, LIMITED, task, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **MALLOC},
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if task == "law":
        # Python reports on stderr that a thread had no memory to run its first line
        return json.loads(done.stdout)
    assert done.stderr == ""
    return json.loads(done.stdout)


ALONE = ["predict", "predict doubles", "predict a list", "run", "a stream", "streams", "load"]
SHARED = ["predict", "predict a list", "predict_iter", "streams", "validate"]


@pytest.mark.parametrize("name", ["lstm-last", "gru-sequence"])
@pytest.mark.parametrize(
    ("kind", "threads"), [*((kind, 1) for kind in ALONE), *((kind, 3) for kind in SHARED)]
)
def test_under_any_limit_there_are_the_right_answers_or_a_resource_error(kind, threads, name):
    under = found("law", kind, NETS / f"{name}.onnx", threads)

    assert len(under["outcomes"]) == 40
    outcomes = under["outcomes"] + under["searched"]
    for outcome in outcomes:
        assert outcome == "right" or outcome.startswith("ResourceError: E_MEMORY: "), outcome
    assert "right" in outcomes
    # what validation asks for at a time is small enough to be left over from the call before
    assert kind == "validate" or {*outcomes} > {"right"}
    assert under["after"] == "right"


@pytest.mark.parametrize("name", ["lstm-bidirectional-last", "gru-bidirectional-last"])
def test_where_a_block_does_not_fit_smaller_ones_answer_the_same(name):
    under = found("halved", NETS / f"{name}.onnx")

    assert under["together"].startswith("ResourceError: E_MEMORY: a run over ")
    assert under["in blocks"] == "right"


def test_where_not_even_a_row_fits_it_is_an_error_and_the_model_goes_on():
    under = found("one_row", NETS / "lstm-bidirectional-last.onnx")

    assert under["all rows"].startswith("ResourceError: E_MEMORY: a run over ")
    assert under["all rows"].endswith(
        " does not fit into memory. Give fewer or shorter sequences at a time."
    )
    assert under["few"] == "right"


def test_where_no_thread_can_be_started_the_caller_does_the_work():
    under = found("no_threads", NETS / "lstm-last.onnx")

    assert under["a thread"] == "RuntimeError: can't start new thread"
    assert under["predict"] == "right"
