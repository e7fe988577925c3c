"""A forecaster is made with a linear part that is fitted in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqrt.training import Plan
from seqrt.training.forecasting.finish import calibrate, predictions
from seqrt.training.forecasting.lagged import windows_of
from seqrt.training.forecasting.linear_part import linear_part
from seqrt.training.forecasting.share import install


@pytest.fixture
def table(tmp_path):
    """Write an autoregressive series around 50."""
    rng, x = np.random.default_rng(0), np.zeros(400)
    for t in range(2, 400):
        x[t] = 1.2 * x[t - 1] - 0.5 * x[t - 2] + rng.normal()
    path = tmp_path / "ar.csv"
    path.write_text("y\n" + "\n".join(str(50 + value) for value in x.tolist()))
    return str(path)


def test_the_same_plan_makes_the_same_forecaster(table):
    plan = Plan(table, horizon=3)
    problem = plan.problem()
    one, two = plan.network(problem).state_dict(), plan.network(problem).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def finished(plan, problem):
    """Return an untrained network with its linear part, whose share is all."""
    net = plan.network(problem).double().eval()
    part = linear_part(problem)
    install(net, part.forecast)
    net.share.zero_()
    return net, part


def test_the_network_forecasts_as_its_linear_part_does(table):
    plan = Plan(table, horizon=3)
    problem = plan.problem()
    net, part = finished(plan, problem)
    x = torch.from_numpy(problem.train.x[0]).double()[None]
    scale = problem.metadata.outputs[0].scale
    every = windows_of(problem, [problem.train]).known(net.architecture.lags, 3)
    expected = part.forecast.forecast(every)[-1] * scale
    at = len(x[0]) - 1 - 3
    np.testing.assert_allclose(net(x)[0, at].detach().numpy(), expected, rtol=1e-5)


def test_the_linear_part_beats_persistence_on_a_process_that_it_can_express(table):
    plan = Plan(table, horizon=3)
    problem = plan.problem()
    net, _ = finished(plan, problem)
    truth = problem.judged.truth
    error = np.abs(predictions(net.float(), problem) - truth).mean()
    assert error < 0.9 * np.abs(problem.judged.known - truth).mean()


def test_a_network_that_is_not_trained_has_little_share(table):
    plan = Plan(table, horizon=3)
    problem = plan.problem()
    net = plan.network(problem).eval()
    calibrate(net, problem)
    assert ((net.share > 0) & (net.share < 0.5)).all()


def test_a_calibrated_forecaster_covers_the_validation_part(table):
    plan = Plan(table, horizon=3, levels=(80,), val=0.4)
    problem = plan.problem()
    net = plan.network(problem).eval()
    calibrate(net, problem)
    part = problem.validation
    y = net(torch.from_numpy(part.x[0])[None])[0].detach().numpy()
    low, middle, high = np.moveaxis(y.reshape(-1, 3, 3), -1, 0)[..., problem.forecasts.steps, :]
    truth = problem.judged.truth
    assert ((truth >= low) & (truth <= high)).mean() == pytest.approx(0.8, abs=0.03)
    assert (low <= middle).all()
    assert (middle <= high).all()
