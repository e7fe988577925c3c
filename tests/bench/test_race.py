"""The race: the order of the turns, what a turn returns, and what happens if one fails."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqrt.bench import race
from seqrt.bench.race import bench, run_turn, schedule
from seqrt.bench.work import Work
from seqrt.contract.seal import SEAL_SIZE
from seqrt.errors import DeviceError, ResourceError, UsageError
from seqrt.runtime import load

NETS = Path(__file__).parents[1] / "runtime" / "nets"

MEASURED = {
    *(f"{work}_p{p}_us" for work in ("step", "small") for p in (50, 90, 99)),
    *(
        f"{work}_{unit}"
        for work in ("uniform", "ragged")
        for unit in ("sequences_per_s", "steps_per_s", "gflops")
    ),
    "cold_ms",
    "loaded_mb",
    "gained_mb",
}


def test_each_round_another_contender_begins():
    order = [turn.contender for turn in schedule(3)]

    assert sorted(order[:4]) == sorted(order[4:8]) == sorted(order[8:])
    assert len({order[0], order[4], order[8]}) == 3


def test_turns_are_counted():
    last = list(schedule(2))[-1]

    assert (last.round, last.rounds, last.number, last.turns) == (2, 2, 8, 8)


def test_without_torch_there_is_a_contender_less(monkeypatch):
    monkeypatch.setattr(race, "find_spec", lambda name: None)

    assert [turn.contender for turn in schedule(1)] == ["seqrt", "onnxruntime", "numpy"]


def test_a_turn_brings_every_figure_home(work):
    found = run_turn("seqrt", work("rnn-relu"))

    assert set(found["figures"]) == MEASURED
    assert all(value > 0 for key, value in found["figures"].items() if key != "gained_mb")


def test_a_bidirectional_network_takes_no_steps(bidirectional):
    assert set(bidirectional["figures"]) == {key for key in MEASURED if not key.startswith("step_")}


def test_a_turn_finds_packages_where_this_process_does(work, tmp_path, monkeypatch):
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('the one of this path')")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(DeviceError, match=r"turn of onnxruntime .*the one of this path"):
        run_turn("onnxruntime", work("gru-last"))


def test_a_turn_that_fails_says_whose_and_why(work, tmp_path):
    gone = dataclasses.replace(work("gru-last"), path=str(tmp_path / "gone.onnx"))

    with pytest.raises(DeviceError, match=r"E_BENCH: the turn of seqrt failed.*gone\.onnx"):
        run_turn("seqrt", gone)


@pytest.mark.skipif(os.name == "nt", reason="no signals there")
def test_a_turn_that_the_system_killed_is_for_want_of_memory(work, monkeypatch):
    monkeypatch.setattr(race, "_CODE", "import os; os.kill(os.getpid(), 9)")

    with pytest.raises(ResourceError, match="E_MEMORY: the turn of seqrt did not fit into memory"):
        run_turn("seqrt", work("gru-last"))


def test_nothing_but_python_is_loaded_before_the_clock_of_a_cold_start():
    code = "import sys, seqrt.bench.worker; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    held = set(done.stdout.split())
    assert held.isdisjoint({"numpy", "onnxruntime", "torch", "json", "seqrt.runtime"})


@pytest.mark.parametrize("rounds", [0, -1, 1.5, True])
def test_rounds_are_a_whole_number_from_1(work, rounds):
    with pytest.raises(UsageError, match="rounds must be a whole number from 1"):
        bench(load(work("gru-last").path), work("gru-last").path, rounds=rounds)


def test_a_turn_measures_the_file_that_was_opened_and_no_other(work, tmp_path):
    opened, other = work("gru-last"), work("lstm-last")
    swapped = dataclasses.replace(opened, path=other.path)

    with pytest.raises(DeviceError, match=r"turn of seqrt failed.*E_MODEL_DIGEST"):
        run_turn("seqrt", swapped)


def test_a_model_that_was_opened_without_a_seal_takes_its_turns(tmp_path):
    path = tmp_path / "unsealed.onnx"
    path.write_bytes((NETS / "gru-last.onnx").read_bytes()[:-SEAL_SIZE])
    model = load(path, trust="unsealed")

    work = Work.of(model, str(path), quick=True, threads=None)

    assert work.trust == "unsealed"
    assert set(run_turn("seqrt", work)["figures"]) == MEASURED
