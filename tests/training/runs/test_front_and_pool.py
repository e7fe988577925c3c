"""Runs with a layer in front and a pool: trained, cut in time, continued, averaged, measured."""

from __future__ import annotations

import tomllib
from itertools import product

import numpy as np
import pytest
import torch

from seqrt.errors import UsageError
from seqrt.export import export
from seqrt.training import Plan, load_run, predict, start, train
from seqrt.training.inputs.batches import all_logits
from seqrt.training.inputs.examples import Examples
from seqrt.training.loop.steps import MicroBatch, TailMicroBatch
from seqrt.training.networks.initialise import forget_constants
from seqrt.training.runs.folder import read_record
from seqrt.training.runs.memory import start_distances

STREAMED = list(product(["", "conv:3", "segments:3"], ["last", "mean", "max"]))
TINY = {"target": ("height",), "window": 8, "cell": "gru", "units": (6, 4), "epochs": 2}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Runs are made in the current folder."""
    monkeypatch.chdir(tmp_path)


def examples(ragged):
    x, _ = ragged
    return Examples.of(x, torch.tensor(np.array([row[-1, :1] for row in x])), "last")


@pytest.mark.parametrize(("front", "pool"), STREAMED)
def test_a_cut_in_time_changes_no_output(network, ragged, front, pool):
    net, data = network("lstm", 2, (5, 4), 1, front=front, pool=pool), examples(ragged)
    rows = torch.randperm(len(data))
    whole, _ = MicroBatch(data, rows, 0.0).forward(net)

    tail, _ = TailMicroBatch(data, rows, 0.0, steps=6).forward(net.train())
    chunks = all_logits(net, data, size=8, numbers=5 * 8 * 3)

    torch.testing.assert_close(tail, whole, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(chunks[rows], whole.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_the_distance_of_starts_is_measured_after_each_step(network, rng, pool):
    net = network("gru", 2, (5,), 1, front="conv:3", pool=pool).eval()
    x = rng.standard_normal((2, 12, 2)).astype(np.float32)
    _, states = net.run(torch.tensor(x), torch.tensor([12, 12]), torch.zeros(2, net.state_size))

    apart = start_distances(net, x)

    starts = [torch.zeros_like(states), states.roll(1, 0), states]
    for steps in range(1, 13):
        part = torch.tensor(x[:, :steps])
        y = torch.stack([net.run(part, torch.tensor([steps] * 2), each)[0] for each in starts])
        want = (y.amax(0) - y.amin(0))[:, 0].detach()
        np.testing.assert_allclose(apart[:, steps - 1], want, rtol=1e-4, atol=1e-6)


def test_a_run_keeps_them_in_its_plan_and_its_weights(series_csv):
    result = train(Plan(str(series_csv), front="conv:3x5", pool="max", tbptt=4, **TINY), "run")

    plan = tomllib.loads((result.path / "run.toml").read_text())["plan"]
    assert (plan["front"], plan["pool"]) == ("conv:3x5", "max")
    assert Plan.of_record(plan).architecture.front == "conv:3x5"
    net = load_run(result.path)
    assert [type(step).__name__ for step in net.time_layers()] == [
        *("CausalConvolution", "Recurrent", "Recurrent", "MaxPool")
    ]
    assert export(net, "m.onnx").manifest.memory is not None


def test_a_run_in_segments_is_cut_in_time_continued_and_exported(series_csv):
    path = train(Plan(str(series_csv), front="segments:3", tbptt=4, **TINY), "run").path

    again = train(Plan(str(series_csv), start_from=str(path), epochs=1), "more").path

    assert Plan.of_record(read_record(again)["plan"]).architecture.segment == 3
    manifest = export(load_run(again), "m.onnx").manifest
    assert [layer.dilation for layer in manifest.layers] == [3, 3]
    assert manifest.memory is not None


@pytest.mark.parametrize(("front", "init"), [("segments:2", "torch"), ("conv:2", "chrono")])
def test_weights_for_long_memory_are_for_more_than_50_segments(tmp_path, front, init):
    x, y = np.zeros((6, 90, 1), np.float32), np.array([0, 1] * 3)
    np.savez(tmp_path / "long.npz", x=x + y[:, None, None], y=y)
    plan = Plan(str(tmp_path / "long.npz"), task="classify", front=front)

    assert plan.resolved(plan.problem()).init == init


def test_a_plain_run_does_not_mention_them(series_csv):
    run = start(Plan(str(series_csv), **TINY), "run")

    assert read_record(run.path)["plan"].keys().isdisjoint({"front", "pool"})
    assert run.net.config().keys().isdisjoint({"front", "pool"})


def test_continuing_keeps_them(series_csv):
    train(Plan(str(series_csv), front="conv:3", pool="mean", **TINY), "run")

    more = start(Plan(str(series_csv), start_from="run"), "more")
    with pytest.raises(UsageError, match=r"--pool max \(the run: mean\)"):
        Plan(str(series_csv), start_from="run", pool="max")

    assert more.net.architecture.front == "conv:3"
    assert more.net.architecture.pool == "mean"


def test_a_committee_ships_the_mean_of_its_members(series_csv):
    plan = Plan(str(series_csv), front="conv:4x3", pool="attention", folds=2, **TINY)

    path = train(plan, "run").path

    x = plan.problem().judged.x
    nets = [load_run(path / f"fold-{fold}") for fold in (1, 2)]
    want = np.mean([predict(net, x) for net in nets], axis=0)
    np.testing.assert_allclose(predict(load_run(path), x), want, rtol=1e-5, atol=1e-5)


def test_a_category_without_data_has_no_weight_in_any_step_of_a_convolution(series_csv):
    plan = Plan(str(series_csv), front="conv:3", categories=("weekday",), **TINY)
    problem = plan.problem()
    net = plan.network(problem)
    one = problem.metadata.features[1]
    constant = [type(one)(each.name, low=0.0, high=0.0) for each in problem.metadata.features]
    metadata = type(problem.metadata)(**{**vars(problem.metadata), "features": tuple(constant)})

    forget_constants(net, metadata)

    (weights,) = net.front.input_weights()
    kinds = [each.kind for each in problem.metadata.inputs for _ in each.names]
    for place, kind in enumerate(kinds):
        assert bool(weights[..., place].any()) == (kind != "category")
