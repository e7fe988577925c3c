"""The run of a forecaster: it resumes bit for bit, and its weights file holds all of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqrt.errors import ModelError
from seqrt.training import Plan, load_run, resume, start
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.weights_file import pack, unpack
from seqrt.training.runs.weights import FORMAT


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Return the plan of a small forecaster in an empty folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    values = 20 + 5 * np.sin(np.arange(120) * 2 * np.pi / 7) + rng.normal(size=120)
    lines = [f"{i},{value}" for i, value in enumerate(values.tolist())]
    (tmp_path / "wave.csv").write_text("\n".join(["ds,y", *lines]))
    return Plan("wave.csv", target="y", horizon=3, levels=(80,), epochs=3)


def finished(run):
    """Train a run to its end; return its weights as they are in its folder."""
    for _ in run:
        pass
    run.finish()
    return load_run(run.path).state_dict()


def test_a_resumed_forecaster_is_the_one_that_never_stopped(plan):
    whole = finished(start(plan, "whole"))
    run = start(plan, "parted")
    for _ in run:
        break
    parted = finished(resume("parted"))
    assert all(torch.equal(whole[name], parted[name]) for name in whole)


def test_the_record_of_a_run_tells_what_was_chosen(plan):
    run = start(plan)
    chosen = run.plan.options()
    assert chosen["method"] == "forecaster"
    assert (chosen["season"], chosen["levels"], chosen["cell"]) == (7, (80.0,), "gru")
    assert Plan.of_record(run.plan.record()).problem().forecaster == run.problem.forecaster


def test_a_weights_file_holds_the_forecaster(plan):
    run = start(plan)
    finished(run)
    net = load_run(run.path)
    assert isinstance(net, Forecaster)
    assert net.architecture == run.net.architecture
    assert net.metadata.quantiles == (0.1, 0.5, 0.9)
    x = torch.from_numpy(run.problem.train.x[0])[None]
    assert torch.equal(net(x), run.net(x))


@pytest.mark.parametrize("change", [{"horizon": 10**9}, {"features": 10**9}, {"answers": [2]}])
def test_a_header_without_sense_is_refused_before_anything_is_made(plan, change):
    run = start(plan)
    finished(run)
    path = run.path / "best.safetensors"
    weights, header = unpack(path.read_bytes(), path, FORMAT)
    header["architecture"].update(change)
    path.write_bytes(pack(weights, header))
    with pytest.raises(ModelError):
        load_run(run.path)
