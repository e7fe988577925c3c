"""The manual gradient is that of autograd, and only plain networks use it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from seqrt.training import Network, fit
from seqrt.training.inputs.batches import Batch
from seqrt.training.loop.adam import Adam
from seqrt.training.loop.gradient import ManualGradient
from seqrt.training.loop.loss import Objective

RAGGED = (9, 1, 4, 7)


def network(cell: str, *units: int, **choices) -> Network:
    """A network in float64, if its cell has a kernel for that, which the LSTM does not."""
    torch.manual_seed(0)
    net = Network(cell, 2, units, 3, **choices)
    return net.train() if cell == "lstm" else net.double().train()


def some_batch(net: Network, lengths: tuple[int, ...] | None) -> Batch:
    x = torch.randn(4, 9, 2).to(net.x_mean)
    x[1, 0, 1] = torch.nan if net.missing != "error" else 0
    targets = 4 if net.head == "last" else sum(lengths or 4 * [9])
    y = torch.randn(targets, 3).to(net.x_mean)
    if net.activation == "softmax":
        y = y.argmax(1)
    elif net.activation == "sigmoid":
        y = (y > 0).to(y)
    return Batch(x, None if lengths is None else torch.tensor(lengths), y, torch.arange(targets))


@pytest.mark.parametrize("lengths", [None, RAGGED], ids=["dense", "ragged"])
@pytest.mark.parametrize("activation", ["none", "softmax", "sigmoid"])
@pytest.mark.parametrize("head", ["last", "sequence"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_loss_and_gradient_are_those_of_autograd(cell, head, activation, lengths):
    check_against_autograd(network(cell, 5, 4, head=head, activation=activation), lengths)


@pytest.mark.parametrize("choices", [{"missing": "indicator"}, {"missing": "forward"}])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_so_they_are_where_values_are_missing(cell, choices):
    check_against_autograd(network(cell, 5, **choices), RAGGED)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_so_they_are_through_three_layers_and_through_relu(cell):
    choices = {"nonlinearity": "relu"} if cell == "rnn" else {}
    check_against_autograd(network(cell, 6, 1, 70, **choices), None)


@pytest.mark.parametrize("lengths", [None, RAGGED], ids=["dense", "ragged"])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_so_they_are_with_balanced_classes(cell, activation, lengths):
    net = network(cell, 5, 4, head="sequence", activation=activation)

    check_against_autograd(net, lengths, balance=True)


@pytest.mark.parametrize("lengths", [None, RAGGED], ids=["dense", "ragged"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_so_they_are_around_layers_with_a_residual(cell, lengths):
    check_against_autograd(network(cell, 5, 5, 5, residual=True), lengths)


def check_against_autograd(
    net: Network, lengths: tuple[int, ...] | None, *, balance: bool = False
) -> None:
    """Compare half of the gradient by hand with half of it by autograd and torch's kernels."""
    batch, optimizer = some_batch(net, lengths), Adam(net)
    objective = Objective.of(net.activation, batch.y, 3, balance=balance)
    exact = net.x_mean.dtype == torch.float64

    optimizer.clear()
    loss = ManualGradient(net, objective).add(batch, 0.5)
    got = optimizer.gradients()[0].clone()

    optimizer.clear()
    want_loss = 0.5 * objective.mean(batch.logits(net.eval()), batch.y)
    want_loss.backward()
    (want,) = optimizer.gradients()
    assert loss == pytest.approx(want_loss.item(), rel=1e-12 if exact else 1e-6)
    assert (got - want).norm() <= (1e-12 if exact else 1e-6) * want.norm()


def test_gradients_of_several_batches_add_up():
    net = network("gru", 5)
    batch, optimizer = some_batch(net, None), Adam(net)
    manual, sums = ManualGradient(net, Objective(net.activation)), []

    for _ in range(3):
        manual.add(batch, 1.0)
        sums.append(optimizer.gradients()[0].clone())

    for once, (before, after) in zip([sums[0]] * 2, pairwise(sums), strict=True):
        torch.testing.assert_close(after - before, once, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "choices", [{"dropout": 0.5}, {"layer_norm": True}, {"bidirectional": True}], ids=str
)
def test_a_network_that_is_not_plain_is_left_to_autograd(choices):
    assert ManualGradient.supports(network("gru", 5, 4))
    assert not ManualGradient.supports(network("gru", 5, 4, **choices))


def test_an_lstm_of_float64_is_left_to_autograd_because_onednn_has_none():
    assert ManualGradient.supports(network("lstm", 5))
    assert not ManualGradient.supports(network("lstm", 5).double())


class Customised(Network):
    """A network with a forward pass of its own."""

    def logits(self, x, lengths=None):
        return 2 * super().logits(x, lengths)


def of_another_class() -> Network:
    return Customised("gru", 2, (5,), 3).double()


def with_frozen_weights() -> Network:
    net = network("gru", 5)
    net.dense.weight.requires_grad_(False)
    return net


def with_a_parametrisation() -> Network:
    net = network("gru", 5)
    torch.nn.utils.parametrizations.weight_norm(net.dense)
    return net


def with_another_head() -> Network:
    net = network("gru", 5)
    net.dense = torch.nn.Sequential(net.dense, torch.nn.Tanh()).double()
    return net


@pytest.mark.parametrize(
    "make", [of_another_class, with_frozen_weights, with_a_parametrisation, with_another_head]
)
def test_a_customised_network_is_left_to_autograd(make):
    assert not ManualGradient.supports(make())


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_hooks_are_called_and_training_comes_to_the_same(cell):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 9, 2)), rng.standard_normal((64, 3))
    calls = []
    losses = {}
    for hooked in (False, True):
        net = network(cell, 5, 4)
        if hooked:
            net.dense.register_forward_hook(lambda *_: calls.append(1))
        losses[hooked] = [epoch.loss for epoch in fit(net, x, y, epochs=3, batch_size=16)]

    assert len(calls) >= 3 * 4
    np.testing.assert_allclose(losses[True], losses[False], rtol=1e-5)
