"""The learning-rate range test finds a usable rate and leaves the network unchanged."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from seqrt.training import Network, Plan, Recipe, chrono_initialise, start
from seqrt.training.loop.lr_finder import find_learning_rate


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_rate_is_usable_and_the_network_stays_as_it_was(cell, network, waves):
    net = network(cell)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    random = torch.get_rng_state()

    rate = find_learning_rate(net, *waves, Recipe())

    assert 1e-3 <= rate <= 1e-2
    assert rate == find_learning_rate(net, *waves, Recipe())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert net.metadata.features[0].low is None


def test_a_network_that_diverges_early_gets_a_lower_rate():
    plan = Plan("adding", length=200)
    problem = plan.problem()
    steady, steep = (
        Network(cell, 2, nonlinearity=function)
        for cell, function in (("lstm", "tanh"), ("rnn", "relu"))
    )
    for net in (steady, steep):
        torch.manual_seed(0)
        chrono_initialise(net, 200)

    rates = [
        find_learning_rate(net, problem.train.x, problem.train.y, Recipe())
        for net in (steady, steep)
    ]

    assert rates[1] < rates[0] / 3


def test_a_run_starts_with_the_rate_that_was_found_and_records_it(tmp_path):
    plan = Plan("recall", length=3, units=(4,), epochs=1, lr="auto")

    run = start(plan, tmp_path / "run")

    problem = plan.problem()
    want = find_learning_rate(
        plan.network(problem), problem.train.x, problem.train.y, Recipe(epochs=1)
    )
    assert run.plan.lr == run.record()["plan"]["lr"] == want
    assert start(replace(plan, lr=0.5), tmp_path / "other").plan.lr == 0.5
