"""Small layers train with one thread, wide ones with a few, and their number is restored."""

from __future__ import annotations

import pytest
import torch

from seqrt.errors import UsageError
from seqrt.training.loop.threads import threads_that_pay, torch_threads
from seqrt.training.runs.plan import Plan
from seqrt.training.runs.run import resume, start


@pytest.mark.parametrize(
    ("cell", "units", "threads"),
    [
        ("rnn", (127,), 1),
        ("rnn", (16, 128), 2),
        ("mingru", (127,), 1),
        ("gru", (42,), 1),
        ("gru", (64, 32), 2),
        ("lstm", (31,), 1),
        ("lstm", (32, 16), 2),
        ("lstm", (64, 32), 3),
        ("lstm", (512,), 4),
    ],
)
def test_the_gates_of_the_widest_layer_decide_how_many_threads_pay(cell, units, threads):
    with torch_threads(64):
        assert threads_that_pay(cell, units) == threads


def test_there_are_never_more_threads_than_torch_has():
    with torch_threads(2):
        assert threads_that_pay("lstm", (512,)) == 2


def test_the_number_of_threads_is_restored_after_an_error():
    before = torch.get_num_threads()

    with pytest.raises(KeyError), torch_threads(before + 1):
        raise KeyError

    assert torch.get_num_threads() == before


def test_a_run_resumes_with_the_threads_it_started_with(tmp_path):
    plan = Plan("recall", length=3, units=(2,), epochs=2, threads=3)
    run = start(plan, tmp_path / "run")
    seen = []
    for _ in run:
        seen.append(torch.get_num_threads())
        run.stop()

    again = resume(run.path)

    assert (seen, again.plan.threads) == ([3], 3)


@pytest.mark.parametrize("threads", [0, -1, 257])
def test_an_impossible_number_of_threads_is_rejected(threads):
    with pytest.raises(UsageError, match=rf"threads must be from 1 to 256, got {threads}"):
        Plan("recall", threads=threads)
