"""`torchrun -m seqrt train`: one folder, one report, one exit code for any number of processes."""

from __future__ import annotations

import csv
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import seqrt
from seqrt.cli.torchrun import quiet_unless_first, rank
from seqrt.errors import InputError, TrainingError
from seqrt.training.loop.checkpoints import NEWEST

TRAIN = (
    "train",
    "moves.npz",
    "--cell",
    "gru",
    "--units",
    "5,4",
    "--dropout",
    "0.2",
    "--val",
    "0.2",
)
LONG = 600


@pytest.fixture(autouse=True)
def here(short_sequences):
    """A folder with data to work in."""
    return short_sequences(41)


@pytest.fixture
def surroundings(monkeypatch):
    """Set environment variables as torchrun does for one of several processes."""

    def say(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return say


def losses(folder):
    with open(folder / "results.csv", newline="") as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file)]


def free_port():
    """Return a port below those that systems give to whoever asks for any."""
    while True:
        port = random.randrange(10_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def seqrt_in_two(*words):
    """Start two processes as torchrun would, but without its supervision."""
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    line, pipe = [sys.executable, "-m", "seqrt", *words], subprocess.PIPE
    return [
        subprocess.Popen(
            line, env={**os.environ, **told, "RANK": rank}, stdout=pipe, stderr=pipe, text=True
        )
        for rank in "01"
    ]


def wait_for(path, process):
    end = time.monotonic() + LONG
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def test_torchrun_leaves_the_run_that_one_process_leaves(run):
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    line = [*torchrun, "-m", "seqrt", *TRAIN, "--epochs", "3"]
    done = subprocess.run(line, check=False, capture_output=True, text=True, timeout=LONG)
    one = run(*TRAIN, "--epochs", "3", "-o", "one")

    folder = Path("runs/moves-gru-1")
    assert (done.returncode, done.stdout) == (0, f"{folder}\n"), done.stderr
    assert done.stderr.count("network     gru 5 -> 4 -> 2") == 1
    assert losses(folder) == pytest.approx(losses(Path("one")), rel=1e-4)
    assert {path.name for path in folder.iterdir()} == {p.name for p in Path("one").iterdir()}
    assert (one.code, run("export").out) == (0, "models/moves-gru-1.onnx\n")
    assert seqrt.load("models/moves-gru-1.onnx").validate().ok


def test_processes_continue_a_run_as_one_process_does(run):
    run(*TRAIN, "--epochs", "1", "-o", "first")
    more = ("train", "moves.npz", "--from", "first", "--lr", "0.01", "--epochs", "2")

    processes = seqrt_in_two(*more, "-o", "two")
    said = [process.communicate(timeout=LONG) for process in processes]
    run(*more, "-o", "one")

    assert [process.returncode for process in processes] == [0, 0], said
    assert losses(Path("two")) == pytest.approx(losses(Path("one")), rel=1e-4)


def test_a_signal_to_one_process_ends_all_with_one_checkpoint(run):
    first, second = seqrt_in_two(*TRAIN, "--epochs", "100000", "--patience", "100000")
    folder = Path("runs/moves-gru-1")
    try:
        wait_for(folder / "results.csv", first)
        second.send_signal(signal.SIGTERM)
        said = [process.communicate(timeout=LONG) for process in (first, second)]
    finally:
        first.kill()
        second.kill()

    assert (first.returncode, second.returncode) == (143, 143), said
    assert said[1] == ("", "")
    assert f"resume with: seqrt train --resume {folder}\n" in said[0][1]
    assert said[0][1].endswith("interrupted.\n")
    assert "result" not in (folder / "run.toml").read_text()
    assert (folder / NEWEST).exists()


def test_processes_that_do_not_find_one_another_say_so_in_one_line(run, surroundings):
    surroundings(WORLD_SIZE="2", RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT="")
    lost = run(*TRAIN)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        surroundings(MASTER_PORT=str(taken.getsockname()[1]))
        busy = run(*TRAIN)

    assert (lost.code, busy.code) == (5, 5)
    assert lost.err.startswith("seqrt: E_WORLD: distributed training needs RANK, ")
    assert "but MASTER_PORT is not set. Start the processes with: torchrun " in lost.err
    assert "seqrt: E_WORLD: the 2 processes could not find each other at 127.0.0.1:" in busy.err
    assert (lost.err.count("\n"), busy.err.count("\n")) == (1, 1)
    assert not Path("runs").exists()


def test_a_gpu_is_not_shared(run, surroundings):
    surroundings(WORLD_SIZE="99", LOCAL_WORLD_SIZE="99", RANK="1", LOCAL_RANK="1")

    one, too_few = run(*TRAIN, "--device", "cuda:0"), run(*TRAIN, "--device", "cuda")

    assert (one.code, too_few.code) == (2, 5)
    assert one.err.startswith("seqrt: process 1: device must be cuda if several processes")
    each = "E_DEVICE: each of the 99 processes on a machine needs its own GPU, but torch"
    assert too_few.err.startswith(f"seqrt: process 1: {each} sees ")


@pytest.mark.parametrize("words", [("compare", "moves.npz"), ("demo",)])
def test_other_commands_are_the_work_of_one_process(words, run, surroundings):
    surroundings(WORLD_SIZE="4", RANK="0")

    done = run(*words)

    assert (done.code, done.out) == (2, "")
    assert f"seqrt {words[0]} runs in one process, but torchrun has started 4." in done.err


def test_only_the_first_process_talks_and_no_error_is_lost(surroundings, capsys):
    surroundings(WORLD_SIZE="2", RANK="1")

    with quiet_unless_first():
        sys.stdout.write("said by the first")
    with pytest.raises(InputError, match="my own"), quiet_unless_first():
        raise InputError("my own")
    with pytest.raises(SystemExit) as left, quiet_unless_first():
        raise TrainingError("said by the first")

    assert left.value.code == 8
    assert rank() == 1
    assert capsys.readouterr() == ("", "")
