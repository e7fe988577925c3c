"""Several processes train as one: the same weights, figures and endings, to rounding.

Two real processes run this very file once, all of TOGETHER in one world; the tests compare what
they left with what one process does here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import distributed

from seqrt.errors import SeqrtError
from seqrt.training import Network, fit
from seqrt.training.loop.checkpoints import Checkpoints

SIZE = 2
DRAWS = {"noise": 0.2}

# network, then training; 61 sequences of 1 to 20 steps, so that no batch divides them
CASES = {
    "lstm last": ({"cell": "lstm", "dropout": 0.3}, DRAWS),
    "gru last, of one length": ({"cell": "gru", "dropout": 0.3}, {"length": 9, **DRAWS}),
    "rnn last, both ways": ({"cell": "rnn", "bidirectional": True, "dropout": 0.3}, {}),
    "lstm sequence": ({"cell": "lstm", "head": "sequence"}, {"accumulate": 2, **DRAWS}),
    "gru sequence": ({"cell": "gru", "head": "sequence", "dropout": 0.3}, {}),
    "lstm last, tbptt": ({"cell": "lstm", "dropout": 0.3}, {"tbptt": 6, **DRAWS}),
    "gru sequence, tbptt": (
        {"cell": "gru", "head": "sequence", "dropout": 0.3},
        {"tbptt": 6, "accumulate": 2, **DRAWS},
    ),
    "one sequence a step": (
        {"cell": "gru", "head": "sequence", "dropout": 0.3},
        {"batch_size": 1, "tbptt": 6, "epochs": 1},
    ),
    "early stop": ({"cell": "gru"}, {"epochs": 40, "lr": 0.3, "patience": 1}),
}
INTERRUPTED = "gru sequence, tbptt"


def data_of(head, length=None):
    rng = np.random.default_rng(0)
    lengths = [length] * 61 if length else rng.integers(1, 21, 61)
    x = [rng.standard_normal((steps, 2)).astype(np.float32) for steps in lengths]
    y = [np.cumsum(row[:, :1], axis=0) for row in x]
    return x, y if head == "sequence" else np.array([row[-1] for row in y])


def training(name, seed=0, **more):
    """Return the network of a case, and the epochs that train it."""
    choices, options = CASES[name]
    torch.manual_seed(seed)
    net = Network(features=2, units=(5, 4), outputs=1, **choices)
    options = {"epochs": 2, "batch_size": 8, "lr": 1e-3} | options | more
    x, y = data_of(net.head, options.pop("length", None))
    return net, fit(net, x[10:], y[10:], val=(x[:10], y[:10]), **options)


class Stops(Checkpoints):
    """Checkpoints of which one process asks to end after a few steps."""

    left = 0

    def asked(self, every=None):
        self.left -= 1
        self.stopping = self.stopping or self.left == 0
        return super().asked(every)


# What the two processes do


def together(folder, rank):
    """Train all cases in a world of two, and write down what came of it."""
    meeting = f"file://{folder / 'meeting'}"
    distributed.init_process_group("gloo", meeting, rank=rank, world_size=SIZE)
    torch.set_num_threads(1)
    said = {name: told(folder, rank, name) for name in CASES}
    said["stopped"] = stopped(folder, rank)
    said["other data"] = failure(np.ones((4, 3, 1)) * rank)
    said["one overflows"] = failure(np.array([0, 0, 1e38, 0])[:, None, None] * np.ones((4, 3, 1)))
    (folder / f"said-{rank}.json").write_text(json.dumps(said))
    distributed.destroy_process_group()


def told(folder, rank, name, **more):
    # other first weights: those of the first process count
    net, epochs = training(name, seed=rank, **more)
    passed = [asdict(epoch) for epoch in epochs]
    save_file(net.state_dict(), folder / f"{name}-{rank}.safetensors")
    return passed


def stopped(folder, rank):
    """Stop in the middle of a pass because the last process was asked to, and go on."""
    kept = Stops(folder / "kept" if rank == 0 else None)
    if rank == 0:
        kept.folder.mkdir()
    kept.left = 9 if rank == SIZE - 1 else 0
    passed = len(list(training(INTERRUPTED, checkpoints=kept)[1]))
    again = Checkpoints(kept.folder)
    if rank == 0:
        shutil.copytree(kept.folder, folder / "copy")
        again.load()
    net, epochs = training(INTERRUPTED, seed=9, checkpoints=again)
    list(epochs)
    save_file(net.state_dict(), folder / f"stopped-{rank}.safetensors")
    return [passed, kept.stopping]


def failure(x):
    """Return what was wrong with x (4, 3, 1), of which each process reads two sequences."""
    net = Network("rnn", units=(2,), nonlinearity="relu")
    torch.nn.init.ones_(net.dense.weight)
    list(fit(net, np.arange(12.0).reshape(4, 3, 1), np.arange(4.0), epochs=1))
    try:
        list(fit(net, x, np.arange(4.0), epochs=1))
    except SeqrtError as error:
        return str(error)
    return None


# What one process does


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder that two processes have written into."""
    folder = tmp_path_factory.mktemp("together")
    line = [sys.executable, __file__, str(folder)]
    both = [subprocess.Popen([*line, str(rank)]) for rank in range(SIZE)]
    try:
        codes = [process.wait(timeout=300) for process in both]
    finally:
        for process in both:
            process.kill()
    assert codes == [0, 0]
    return folder


def said(folder, what):
    """Return what each process wrote down."""
    return [json.loads((folder / f"said-{rank}.json").read_text())[what] for rank in range(SIZE)]


def left(folder, name):
    """Return the weights that each process was left with, which are the same bit for bit."""
    first, *others = (load_file(folder / f"{name}-{rank}.safetensors") for rank in range(SIZE))
    for other in others:
        torch.testing.assert_close(other, first, rtol=0, atol=0)
    return first


def assert_close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one(name, made):
    net, epochs = training(name)
    alone = [asdict(epoch) for epoch in epochs]

    for passed in said(made, name):
        assert [epoch["best"] for epoch in passed] == [epoch["best"] for epoch in alone]
        for figure in ("loss", "val_loss", "grad_norm"):
            want = pytest.approx([epoch[figure] for epoch in alone], rel=1e-4)
            assert [epoch[figure] for epoch in passed] == want
    assert_close(left(made, name), dict(net.state_dict()))


def test_who_is_asked_to_end_ends_all_and_any_number_goes_on(made):
    net, epochs = training(INTERRUPTED)
    list(epochs)

    assert said(made, "stopped") == [[0, True]] * SIZE
    assert_close(left(made, "stopped"), dict(net.state_dict()))

    kept = Checkpoints(made / "copy")
    kept.load()
    assert (kept.start.standing.number, kept.start.standing.step) == (1, 9)
    net, epochs = training(INTERRUPTED, seed=9, checkpoints=kept)
    list(epochs)
    assert_close(left(made, "stopped"), dict(net.state_dict()))


def test_processes_with_different_data_are_refused(made):
    for error in said(made, "other data"):
        assert error.startswith("E_WORLD_DATA: ")
        assert "process 1 of 2 has others than process 0" in error


def test_what_diverges_in_one_process_ends_all(made):
    for error in said(made, "one overflows"):
        assert error.startswith("E_DIVERGED: ")


if __name__ == "__main__":
    together(Path(sys.argv[1]), int(sys.argv[2]))
