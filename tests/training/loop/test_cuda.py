"""Training on a GPU: losses and weights match the CPU up to rounding, and each other bit for bit.

Skipped if torch sees no GPU. Sequences of one length, or with one target each, are trained by
replayed CUDA graphs, all others kernel by kernel.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import seqrt
from seqrt.errors import DeviceError, ResourceError, TrainingError
from seqrt.export import export
from seqrt.training import Network, Plan, fit, load_run, resume, start, train
from seqrt.training.loop.checkpoints import Checkpoints

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")

TIMEOUT = 600

# options of the network, then of training and data; sequences have `length` steps, or 1 to 20
CASES = {
    "rnn last, of one length": ({"cell": "rnn"}, {"length": 9}),
    "lstm last, of one length": ({"cell": "lstm", "layer_norm": True}, {"length": 9}),
    "gru last, of one length": ({"cell": "gru"}, {"length": 9, "accumulate": 3}),
    "rnn sequence, of one length": ({"cell": "rnn", "head": "sequence"}, {"length": 9}),
    "lstm, bidirectional, of one length": ({"cell": "lstm", "bidirectional": True}, {"length": 9}),
    "gru sequence, bidirectional, of one length": (
        {"cell": "gru", "head": "sequence", "bidirectional": True},
        {"length": 9},
    ),
    "lstm with gaps, of one length": (
        {"cell": "lstm", "missing": "forward"},
        {"length": 9, "gaps": True},
    ),
    "rnn last": ({"cell": "rnn", "nonlinearity": "relu"}, {}),
    "lstm last": ({"cell": "lstm"}, {"accumulate": 2}),
    "gru last, bidirectional": ({"cell": "gru", "bidirectional": True}, {}),
    "rnn sequence, bidirectional": ({"cell": "rnn", "head": "sequence", "bidirectional": True}, {}),
    "lstm sequence": ({"cell": "lstm", "head": "sequence"}, {}),
    "gru with gaps": ({"cell": "gru", "missing": "indicator"}, {"gaps": True}),
    "lstm last, tbptt": ({"cell": "lstm"}, {"tbptt": 6}),
    "gru sequence, tbptt": ({"cell": "gru", "head": "sequence"}, {"tbptt": 6, "accumulate": 2}),
    "lstm sequence, tbptt, of one length": (
        {"cell": "lstm", "head": "sequence", "missing": "forward"},
        {"length": 15, "tbptt": 6, "gaps": True},
    ),
    "mingru last, of one length": ({"cell": "mingru"}, {"length": 9}),
    "mingru last, residual, bidirectional": (
        {"cell": "mingru", "units": (5, 5, 5), "residual": True, "bidirectional": True},
        {},
    ),
    "mingru sequence, tbptt": ({"cell": "mingru", "head": "sequence"}, {"tbptt": 6}),
    "lstm classes, balanced, of one length": (
        {"cell": "lstm", "activation": "softmax", "outputs": 2},
        {"length": 9, "balance": True},
    ),
    "gru classes, balanced": (
        {"cell": "gru", "activation": "softmax", "outputs": 2},
        {"balance": True, "accumulate": 2},
    ),
    "gru flags, balanced, of one length": (
        {"cell": "gru", "head": "sequence", "activation": "sigmoid"},
        {"length": 9, "balance": True},
    ),
}
DRAWN = ({"dropout": 0.3}, {"noise": 0.2})


def data_of(head, length=None, gaps=False):
    rng = np.random.default_rng(0)
    lengths = [length] * 61 if length else rng.integers(1, 21, 61)
    x = [rng.standard_normal((steps, 2)).astype(np.float32) for steps in lengths]
    y = [np.cumsum(row[:, :1], axis=0) for row in x]
    if gaps:
        x = [np.where(rng.random(row.shape) < 0.2, np.float32(np.nan), row) for row in x]
    return x, y if head == "sequence" else np.array([row[-1] for row in y])


def training(name, device, more=({}, {})):
    """Return the network of a case on a device, and the generator of its epochs."""
    (choices, options), (more_choices, more_options) = CASES[name], more
    torch.manual_seed(0)
    sizes = {"features": 2, "units": (5, 4), "outputs": 1}
    net = Network(**sizes | choices | more_choices).to(device)
    options = {"epochs": 3, "batch_size": 8, "lr": 1e-3} | options | more_options
    x, y = data_of(net.head, options.pop("length", None), options.pop("gaps", False))
    if net.activation == "softmax":
        y = (y[:, 0] > 1).astype(int)
    elif net.activation == "sigmoid":
        y = [(row > 1).astype(int) for row in y]
    return net, fit(net, x[10:], y[10:], val=(x[:10], y[:10]), **options)


def trained(name, device, more=({}, {})):
    """Return the epochs of a case without their seconds, and its weights, on the CPU."""
    net, epochs = training(name, device, more)
    rows = [replace(epoch, seconds=0.0) for epoch in epochs]
    return rows, cpu_weights(net)


def cpu_weights(net):
    return {name: value.cpu() for name, value in net.state_dict().items()}


def assert_same(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.fixture
def exact():
    """Make cuDNN multiply in float32; by default it rounds the factors to 10 bits (TF32)."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


# Correct results


@pytest.mark.parametrize("name", CASES)
def test_a_gpu_learns_what_a_cpu_learns(name, exact):
    (on_cpu, want), (on_gpu, got) = (trained(name, device) for device in ("cpu", "cuda"))

    assert [epoch.best for epoch in on_gpu] == [epoch.best for epoch in on_cpu]
    for metric in ("loss", "val_loss", "grad_norm"):
        got_values, want_values = (
            [getattr(epoch, metric) for epoch in epochs] for epochs in (on_gpu, on_cpu)
        )
        assert got_values == pytest.approx(want_values, rel=1e-4)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_by_default_a_gpu_learns_almost_that(name):
    (on_cpu, _), (on_gpu, _) = (trained(name, device) for device in ("cpu", "cuda"))

    want = pytest.approx([epoch.loss for epoch in on_cpu], rel=1e-2)
    assert [epoch.loss for epoch in on_gpu] == want


@pytest.mark.parametrize("name", CASES)
def test_a_gpu_repeats_itself_bit_for_bit(name):
    (one, weights), (other, others) = (trained(name, "cuda", DRAWN) for _ in range(2))

    assert one == other
    assert_same(weights, others)


@pytest.mark.parametrize("name", ["gru last, of one length", "lstm sequence, tbptt, of one length"])
def test_random_numbers_change_from_step_to_step(name):
    plain, drawn = trained(name, "cuda")[0], trained(name, "cuda", ({"dropout": 0.5}, {}))[0]

    assert len({epoch.loss for epoch in drawn}) == 3
    assert drawn[0].loss != plain[0].loss


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("lstm last, of one length", DRAWN),
        ("gru sequence, bidirectional, of one length", DRAWN),
        (
            "gru last, bidirectional",
            ({}, {}),
        ),  # padded to another length, so random numbers would differ
    ],
)
def test_replayed_steps_are_those_launched_kernel_by_kernel(name, more, monkeypatch, exact):
    replayed = trained(name, "cuda", more)
    monkeypatch.setattr("seqrt.training.loop.cuda_graph.CudaGraphStep.supports", lambda *_: False)
    launched = trained(name, "cuda", more)

    for one, other in zip(replayed[0], launched[0], strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-5)
    torch.testing.assert_close(replayed[1], launched[1], rtol=1e-5, atol=1e-6)


def test_a_frozen_layer_stays_as_it_was(network, waves, exact):
    nets = [network(units=(6, 5)).to(device) for device in ("cpu", "cuda")]
    for net in nets:
        net.layers[0].requires_grad_(False)
    frozen = cpu_weights(nets[0].layers[0])

    for net in nets:
        list(fit(net, *waves, epochs=2))

    assert_same(cpu_weights(nets[1].layers[0]), frozen)
    torch.testing.assert_close(cpu_weights(nets[1]), cpu_weights(nets[0]), rtol=1e-4, atol=1e-5)


def test_a_hook_is_called_at_every_step(network, waves):
    net, calls = network().cuda(), []
    net.dense.register_forward_hook(lambda *_: calls.append(1))

    list(fit(net, *waves, epochs=1, batch_size=50))

    assert len(calls) == 4


class Stops(Checkpoints):
    """Checkpoints that request a stop after `left` steps."""

    left = 0

    def request(self, every=None):
        self.left -= 1
        self.stopping = self.stopping or self.left == 0
        return super().request(every)


@pytest.mark.parametrize("steps", [3, 9])
@pytest.mark.parametrize("name", CASES)
def test_a_stopped_training_resumes_bit_for_bit(name, steps, tmp_path):
    want = trained(name, "cuda", DRAWN)[1]
    stops, again = Stops(tmp_path), Checkpoints(tmp_path)
    stops.left = steps

    list(training(name, "cuda", ({"dropout": 0.3}, {"noise": 0.2, "checkpoints": stops}))[1])
    again.load()
    net, epochs = training(name, "cuda", ({"dropout": 0.3}, {"noise": 0.2, "checkpoints": again}))
    list(epochs)

    assert again.start.progress.step
    assert_same(cpu_weights(net), want)


def test_a_step_that_diverges_is_reported_as_on_a_cpu(network):
    x = np.ones((40, 3, 1), np.float32)
    x[20:] = 1e38
    places = []
    for device in ("cpu", "cuda"):
        net = network("rnn", units=(2,), nonlinearity="relu").to(device)
        torch.nn.init.ones_(net.dense.weight)
        list(fit(net, np.arange(120.0).reshape(40, 3, 1), np.arange(40.0), epochs=1))
        before = cpu_weights(net)
        with pytest.raises(TrainingError, match="E_DIVERGED") as caught:
            list(fit(net, x, np.arange(40.0), epochs=1, batch_size=8))
        assert_same(cpu_weights(net), before)
        places.append(re.findall(r"in epoch \d+, step \d+", str(caught.value)))

    assert places[0] == places[1] != []


def test_the_callers_random_states_stay_as_they_were(network, waves, series_csv):
    nets = [network(units=(6, 5), dropout=0.3).to(device) for device in ("cpu", "cuda")]
    plan = Plan(str(series_csv), target=("height",))
    before = torch.get_rng_state(), torch.cuda.get_rng_state()

    for net in nets:
        list(fit(net, *waves, epochs=1, noise=0.1))
    plan.network(plan.problem())

    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(torch.cuda.get_rng_state(), before[1])


def test_out_of_memory_is_reported_in_one_sentence(network):
    net = network("lstm", units=(256,)).cuda()
    most = torch.cuda.memory_reserved() + 2**30
    torch.cuda.set_per_process_memory_fraction(most / torch.cuda.mem_get_info()[1])
    try:
        with pytest.raises(ResourceError, match=r"^E_MEMORY: .*[^\n]*smaller batch size") as caught:
            list(fit(net, np.ones((512, 2000, 1)), np.arange(512.0), batch_size=512, epochs=1))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "\n" not in str(caught.value)


# Runs


@pytest.fixture
def plan(tmp_path, monkeypatch, series_csv):
    monkeypatch.chdir(tmp_path)
    return Plan(str(series_csv), target=("height",), units=(6,), epochs=3, device="cuda")


@pytest.mark.parametrize("lr", [2e-3, "auto"])
def test_a_run_on_a_gpu_becomes_a_proved_file(plan, lr):
    result = train(replace(plan, lr=lr))

    path = export(load_run(result.path), "model.onnx")
    assert path is not None
    assert seqrt.load("model.onnx").validate().ok


def test_a_network_on_a_gpu_is_exported_from_there(waves, network, tmp_path):
    net = network("gru").cuda()
    list(fit(net, *waves, epochs=2))

    export(net, tmp_path / "model.onnx")

    assert seqrt.load(tmp_path / "model.onnx").validate().ok


def test_auto_chooses_the_gpu_and_records_it(plan):
    result = train(replace(plan, device="auto"))

    assert tomllib.loads((result.path / "run.toml").read_text())["plan"]["device"] == "cuda"


def test_a_stopped_run_resumes_on_the_gpu(plan):
    want = train(plan).path / "best.safetensors"
    run = start(plan, "stopped")
    for _ in run:
        run.stop()

    for _ in resume("stopped"):
        pass

    assert Path("stopped", "best.safetensors").read_bytes() == want.read_bytes()


def test_a_gpu_that_is_not_there_is_named(plan):
    with pytest.raises(DeviceError, match=r"^E_DEVICE: device 'cuda:7' is not available; torch"):
        train(replace(plan, device="cuda:7"))


def seqrt_at(*words, by=()):
    line = [sys.executable, *by, "-m", "seqrt", *words]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=TIMEOUT)


TRAIN = ("train", "wave.csv", "--target", "height", "--units", "6", "--epochs", "3")


def test_the_command_line_from_training_to_predictions(plan):
    done = seqrt_at(*TRAIN, "--device", "cuda")
    missing = seqrt_at(*TRAIN, "--device", "cuda:7")

    assert (done.returncode, done.stdout) == (0, "runs/wave-lstm-1\n"), done.stderr
    assert seqrt_at("export").stdout == "models/wave-lstm-1.onnx\n"
    assert seqrt_at("validate").returncode == 0
    assert seqrt_at("predict", "wave.csv").returncode == 0
    assert missing.returncode == 5
    assert missing.stderr.startswith(
        "seqrt: E_DEVICE: device 'cuda:7' is not available; torch sees "
    )


def test_doctor_finds_the_gpu():
    devices = json.loads(seqrt_at("doctor", "--json").stdout)["devices"]

    found = {"device": "cuda", "engine": "torch", "works": True, "reason": ""}
    assert found in devices


# Several processes


def test_torchrun_with_one_process_trains_on_the_gpu(plan):
    alone = seqrt_at(*TRAIN, "--device", "cuda", "-o", "alone")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1")
    done = seqrt_at(*TRAIN, "--device", "cuda", "-o", "one", by=torchrun)

    assert (alone.returncode, done.returncode) == (0, 0), done.stderr
    assert Path("one/best.safetensors").read_bytes() == Path("alone/best.safetensors").read_bytes()


def test_more_processes_than_gpus_are_rejected_in_one_line_each(plan):
    count = torch.cuda.device_count() + 1
    torchrun = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}")

    done = seqrt_at(*TRAIN, "--device", "cuda", by=torchrun)

    assert done.returncode
    lines = [line for line in done.stderr.splitlines() if line.startswith("seqrt: ")]
    assert len(lines) in range(1, count + 1), done.stderr
    for line in lines:
        assert f"E_DEVICE: each of the {count} processes on a machine needs its own GPU" in line
    assert not Path("runs").exists()


COMMUNICATE = """
import json
import torch
from torch import distributed
from seqrt.training.loop import distributed as ours

ours.ProcessGroup.is_single = False
ours._initialise()
one = ours.ProcessGroup()
tensors = [torch.arange(6.0, device="cuda").view(2, 3), torch.ones(1, device="cuda")]
numbers = one.all_reduce(tensors, [0.5, 2.0])
one.broadcast(tensors)
one.check_same([memoryview(b"same")])
rows = one.gather_rows(torch.ones(2, 3, device="cuda"))
group = distributed.distributed_c10d._get_default_group()
print(json.dumps({
    "numbers": numbers,
    "tensor": tensors[0].tolist(),
    "message": one.from_first(lambda: b"hello").decode(),
    "rows": rows.tolist(),
    "backend": group._get_backend(torch.device("cuda")).name(),
}))
"""


def test_processes_with_gpus_communicate_by_nccl():
    """One GPU allows only one process, which communicates with itself over NCCL."""
    port = str(random.randrange(10_000, 32_000))
    variables = {"WORLD_SIZE": "1", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    done = subprocess.run(
        [sys.executable, "-c", COMMUNICATE],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )

    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got["backend"] == "nccl"
    assert got["numbers"] == [0.5, 2.0]
    assert got["tensor"] == [[0, 1, 2], [3, 4, 5]]
    assert (got["message"], got["rows"]) == ("hello", [[1, 1, 1], [1, 1, 1]])
