"""Several processes train as one: the same weights, metrics and endings, up to rounding.

Two real processes run this file once and train all CASES together; the tests compare their results
with those of one process.
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
from seqrt.training.problems.from_book import book_problem

SIZE = 2
DRAWS = {"noise": 0.2}

# options of the network, then of training; 61 sequences of 1 to 20 steps, so that the last batch
# is smaller
CASES = {
    "lstm last": ({"cell": "lstm", "dropout": 0.3}, DRAWS),
    "gru last, of one length": ({"cell": "gru", "dropout": 0.3}, {"length": 9, **DRAWS}),
    "rnn last, bidirectional": ({"cell": "rnn", "bidirectional": True, "dropout": 0.3}, {}),
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
    "gru classes, balanced": (
        {"cell": "gru", "activation": "softmax", "outputs": 2},
        {"balance": True, "accumulate": 2},
    ),
    "lstm flags, balanced, tbptt": (
        {"cell": "lstm", "head": "sequence", "activation": "sigmoid"},
        {"balance": True, "tbptt": 6},
    ),
    "a text": (
        {"features": 1, "outputs": 256, "head": "sequence", "activation": "softmax"}
        | {"tokens": 257, "embedding": 3, "dropout": 0.3},
        {"tbptt": 20},
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
    """Return the network of a case, and the generator of its epochs."""
    choices, options = CASES[name]
    torch.manual_seed(seed)
    net = Network(**{"features": 2, "units": (5, 4), "outputs": 1} | choices)
    options = {"epochs": 2, "batch_size": 8, "lr": 1e-3} | options | more
    if net.tokens:
        problem = book_problem(b"One fish, two fish. " * 60, "fish")
        net.metadata, train, val = problem.metadata, problem.train, problem.validation
        return net, fit(net, train.x, train.y, val=(val.x, val.y), **options)
    x, y = data_of(net.head, options.pop("length", None))
    if net.activation == "softmax":
        y = (y[:, 0] > 1).astype(int)
    elif net.activation == "sigmoid":
        y = [(row > 1).astype(int) for row in y]
    return net, fit(net, x[10:], y[10:], val=(x[:10], y[:10]), **options)


class Stops(Checkpoints):
    """Checkpoints that request a stop after `left` steps, in one process."""

    left = 0

    def request(self, every=None):
        self.left -= 1
        self.stopping = self.stopping or self.left == 0
        return super().request(every)


# In the two processes


def train_all(folder, rank):
    """Train all cases in a group of two processes, and write the results to files."""
    meeting = f"file://{folder / 'meeting'}"
    distributed.init_process_group("gloo", meeting, rank=rank, world_size=SIZE)
    torch.set_num_threads(1)
    found = {name: trained(folder, rank, name) for name in CASES}
    found["stopped"] = stopped(folder, rank)
    found["other data"] = failure(np.ones((4, 3, 1)) * rank)
    found["one overflows"] = failure(np.array([0, 0, 1e38, 0])[:, None, None] * np.ones((4, 3, 1)))
    (folder / f"results-{rank}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()


def trained(folder, rank, name, **more):
    # initial weights differ between processes: those of the first count
    net, epochs = training(name, seed=rank, **more)
    rows = [asdict(epoch) for epoch in epochs]
    save_file(net.state_dict(), folder / f"{name}-{rank}.safetensors")
    return rows


def stopped(folder, rank):
    """Stop within an epoch at the request of the last process, and resume."""
    first = Stops(folder / "first" if rank == 0 else None)
    if rank == 0:
        first.folder.mkdir()
    first.left = 9 if rank == SIZE - 1 else 0
    epochs_done = len(list(training(INTERRUPTED, checkpoints=first)[1]))
    again = Checkpoints(first.folder)
    if rank == 0:
        shutil.copytree(first.folder, folder / "copy")
        again.load()
    net, epochs = training(INTERRUPTED, seed=9, checkpoints=again)
    list(epochs)
    save_file(net.state_dict(), folder / f"stopped-{rank}.safetensors")
    return [epochs_done, first.stopping]


def failure(x):
    """Return the error raised by x (4, 3, 1), of which each process has two sequences."""
    net = Network("rnn", units=(2,), nonlinearity="relu")
    torch.nn.init.ones_(net.dense.weight)
    list(fit(net, np.arange(12.0).reshape(4, 3, 1), np.arange(4.0), epochs=1))
    try:
        list(fit(net, x, np.arange(4.0), epochs=1))
    except SeqrtError as error:
        return str(error)
    return None


# In one process


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder with the results of two processes."""
    folder = tmp_path_factory.mktemp("together")
    line = [sys.executable, __file__, str(folder)]
    both = [subprocess.Popen([*line, str(rank)]) for rank in range(SIZE)]
    try:
        codes = [process.wait(timeout=600) for process in both]
    finally:
        for process in both:
            process.kill()
    assert codes == [0, 0]
    return folder


def results(folder, name):
    """Return the results of each process."""
    files = [folder / f"results-{rank}.json" for rank in range(SIZE)]
    return [json.loads(file.read_text())[name] for file in files]


def final_weights(folder, name):
    """Return the final weights, which are the same bit for bit in each process."""
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

    for together in results(made, name):
        assert [epoch["best"] for epoch in together] == [epoch["best"] for epoch in alone]
        for metric in ("loss", "val_loss", "grad_norm"):
            want = pytest.approx([epoch[metric] for epoch in alone], rel=1e-4)
            assert [epoch[metric] for epoch in together] == want
    assert_close(final_weights(made, name), dict(net.state_dict()))


def test_a_stop_in_one_process_stops_all_and_any_number_resumes(made):
    net, epochs = training(INTERRUPTED)
    list(epochs)

    assert results(made, "stopped") == [[0, True]] * SIZE
    assert_close(final_weights(made, "stopped"), dict(net.state_dict()))

    copy = Checkpoints(made / "copy")
    copy.load()
    assert (copy.start.progress.number, copy.start.progress.step) == (1, 9)
    net, epochs = training(INTERRUPTED, seed=9, checkpoints=copy)
    list(epochs)
    assert_close(final_weights(made, "stopped"), dict(net.state_dict()))


def test_processes_with_different_data_are_rejected(made):
    for error in results(made, "other data"):
        assert error.startswith("E_WORLD_DATA: ")
        assert "those of process 1 of 2 differ from those of process 0" in error


def test_divergence_in_one_process_ends_all(made):
    for error in results(made, "one overflows"):
        assert error.startswith("E_DIVERGED: ")


if __name__ == "__main__":
    train_all(Path(sys.argv[1]), int(sys.argv[2]))
