"""Long work is cut in time and can be interrupted, which does not change the outputs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seqrt import ResourceError
from seqrt.runtime.compute.engine import Engine
from seqrt.runtime.compute.predict import advance
from seqrt.runtime.live.stream import Stream

NETS = Path(__file__).parents[1] / "nets"


@pytest.mark.parametrize(
    "lengths", [None, [19, 0, 7, 18, 2, 19, 11], [0] * 7, [1, 0, 0, 0, 0, 0, 0]]
)
def test_a_run_that_is_cut_in_time_answers_the_same(model, x, engine_of, lengths):
    state = np.full((7, model.manifest.state_size), 0.25, np.float32)
    whole, end = model.run(x, lengths, state)

    engine = engine_of(model, run=7 * 5 * model.manifest.operations)
    cut, cut_end = advance(engine, x, lengths, state)

    np.testing.assert_array_equal(cut, whole)
    np.testing.assert_array_equal(cut_end, end)
    np.testing.assert_array_equal(state, 0.25)


def test_a_chunk_that_is_cut_leaves_the_stream_where_the_whole_does(causal, x, engine_of):
    whole = causal.stream()
    answer = whole.push(x[0])

    cut = Stream(engine_of(causal, run=1), causal.digest)

    np.testing.assert_array_equal(cut.push(x[0]), answer)
    assert cut.save() == whole.save()


# Each thread has a sequence of 50 pieces. The caller is interrupted in its third; the other thread
# waits in its third until the interrupt has come out, so that a slow machine changes nothing.
INTERRUPTED = """
import atexit, signal, sys, threading
runs = {"caller": 0, "other": 0}
atexit.register(lambda: print(runs))  # when all threads have ended
import numpy, seqrt
from seqrt.runtime.compute import engine

came_out, third = threading.Event(), threading.Event()
run_session = engine.run_session

def counted(*arguments):
    caller = threading.current_thread() is threading.main_thread()
    runs["caller" if caller else "other"] += 1
    if caller and runs["caller"] == 3:
        assert third.wait(600)
        signal.raise_signal(signal.SIGINT)
    if not caller and runs["other"] == 3:
        third.set()
        assert came_out.wait(600)
    return run_session(*arguments)

threads = int(sys.argv[2])
if threads == 1:
    third.set()
model = seqrt.load(sys.argv[1], threads=threads)
engine.run_session = counted
x = numpy.ones((threads, 1_000_000, 2), numpy.float32)
try:
    model.predict(list(x))
except KeyboardInterrupt:
    came_out.set()
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_is_answered_between_two_pieces(threads):
    words = [sys.executable, "-c", INTERRUPTED, NETS / "lstm-last.onnx", str(threads)]

    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=600)

    assert ast.literal_eval(done.stdout) == {"caller": 3, "other": 0 if threads == 1 else 3}


def test_a_large_network_steps_as_a_small_one_does(causal, x, engine_of):
    whole = causal.predict(x[:1])[0]
    stream = Stream(engine_of(causal, copied_bytes=0), causal.digest)

    answers = [stream.push(step) for step in x[0]]

    np.testing.assert_array_equal(answers if whole.ndim == 2 else answers[-1], whole)


def test_a_block_that_does_not_fit_into_memory_is_halved(model, x, monkeypatch):
    want = model.predict(list(x))
    right, sizes = Engine.advance, []

    def advance(self, x, *rest):
        sizes.append(len(x))
        if len(x) > 2:
            raise ResourceError("E_MEMORY: no more.")
        return right(self, x, *rest)

    monkeypatch.setattr(Engine, "advance", advance)

    for got, alone in zip(model.predict(list(x)), want, strict=True):
        np.testing.assert_array_equal(got, alone)
    assert max(sizes) > 2


def test_a_row_that_does_not_fit_into_memory_is_an_error(model, x, monkeypatch):
    def advance(self, *_):
        raise ResourceError("E_MEMORY: no more.")

    monkeypatch.setattr(Engine, "advance", advance)

    with pytest.raises(ResourceError, match="E_MEMORY: no more"):
        model.predict(list(x))


def test_answers_that_no_memory_holds_are_an_error(tagger):
    giant = np.broadcast_to(np.zeros((1, 1, 2), np.float32), (1 << 20, 1 << 24, 2))

    with pytest.raises(ResourceError, match=r"E_MEMORY: outputs of shape \(1048576, 16777216"):
        tagger.predict(giant)
