"""Layers in front of the recurrent ones, and pools after them, obey tests/reference.py."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import reference
import torch

from seqrt.errors import UsageError
from seqrt.training import Network
from seqrt.training.networks.front import parse_front

KINDS = list(product(["", "conv:3", "conv:4x7", "conv:1"], ["last", "mean", "max", "attention"]))
KINDS.append(("conv:3", "attention:2"))


def arrays(net: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in net.state_dict().items()}


def made(front, pool, **choices) -> Network:
    torch.manual_seed(0)
    options = {"missing": "forward", "cell": "gru", **choices}
    net = Network(features=2, units=(5, 4), outputs=3, front=front, pool=pool, **options)
    net.x_mean += torch.tensor([100.0, -3.0])
    net.x_scale *= 20
    return net.double().eval()


def draw(rng, rows=4, steps=9):
    x = rng.normal([100, -3], 20, (rows, steps, 2))
    x[rng.random(x.shape) < 0.2] = np.nan
    return x


def states(net, rng, rows=4, *, fresh=False):
    """Random states of rows that have seen some steps, or that start."""
    state = rng.standard_normal((rows, net.state_size))
    at = 0
    for piece in net.carries:
        if piece.what == "steps":
            state[:, at] = rng.integers(0, 9, rows)
        at += piece.size
    return state * (not fresh)


def assert_equal(got, want):
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("missing", ["forward", "mean", "indicator"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("front", "pool"), KINDS)
def test_a_ragged_batch_obeys_the_equations(front, pool, bidirectional, missing, rng):
    net = made(front, pool, bidirectional=bidirectional, missing=missing)
    x, lengths = draw(rng), np.array([9, 1, 4, 7])

    y = net(torch.tensor(x), torch.tensor(lengths))

    assert_equal(y, reference.network(arrays(net), net.config(), x, lengths)[0])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize(("front", "pool"), [kind for kind in KINDS if "att" not in kind[1]])
def test_states_continue_a_sequence_as_the_equations_do(front, pool, cell, rng):
    net = made(front, pool, cell=cell)
    x, lengths, start = draw(rng), np.array([9, 1, 4, 7]), states(net, rng)

    y, end = net.run(*map(torch.tensor, (x, lengths, start)))

    want, want_end = reference.network(arrays(net), net.config(), x, lengths, start)
    assert_equal(y, want)
    assert_equal(end, want_end)


@pytest.mark.parametrize("cut", [1, 2, 8])
@pytest.mark.parametrize(("front", "pool"), [kind for kind in KINDS if "att" not in kind[1]])
def test_a_sequence_cut_in_two_equals_one_pass(front, pool, cut, rng):
    net = made(front, pool)
    x = torch.tensor(draw(rng))

    whole = net.logits(x)
    _, state = net.advance(x[:, :cut], None, torch.zeros(4, net.state_size).double())
    second, _ = net.advance(x[:, cut:], None, state)

    assert_equal(second, whole.detach().numpy())


@pytest.mark.parametrize(("front", "pool"), KINDS)
def test_padding_does_not_matter_even_where_it_is_not_finite(front, pool, rng):
    net = made(front, pool, missing="error")
    x, lengths = torch.tensor(draw(rng)).nan_to_num(), torch.tensor([5, 8, 2, 9])
    wild = x.clone()
    for row, end in enumerate(lengths):
        wild[row, end:] = torch.inf

    assert_equal(net(wild, lengths), net(x, lengths).detach().numpy())


@pytest.mark.parametrize(("front", "pool"), KINDS)
def test_the_gradient_is_that_of_plain_torch(front, pool, rng):
    net = made(front, pool, missing="error", cell="lstm")
    x, lengths = torch.tensor(draw(rng)).nan_to_num(), torch.tensor([5, 8, 2, 9])

    net.train()
    net.logits(x, lengths).square().sum().backward()
    got = {name: weight.grad for name, weight in net.named_parameters()}
    net.zero_grad()
    sum(plain(net, x[i, :end]).square().sum() for i, end in enumerate(lengths)).backward()

    for name, weight in net.named_parameters():
        assert_equal(got[name], weight.grad.numpy())


def plain(net: Network, x: torch.Tensor) -> torch.Tensor:
    """The logits of one sequence (T, D), with torch's own layers."""
    h = ((x - net.x_mean) / net.x_scale)[None]
    if net.front:
        weight = net.front.dense.weight.view(net.front.channels, net.front.kernel, -1)
        padded = torch.nn.functional.pad(h.transpose(1, 2), (net.front.kernel - 1, 0))
        h = torch.nn.functional.conv1d(padded, weight.transpose(1, 2), net.front.dense.bias)
        h = h.relu().transpose(1, 2)
    for layer in net.layers:
        h = layer.cells[0](h)[0]
    if "attention" in net.architecture.pool:
        e = net.pool.score(net.pool.hidden(h).tanh()).softmax(1)
        parts = h.chunk(net.pool.heads, dim=2)
        return net.dense(torch.cat([(e[..., [k]] * p).sum(1) for k, p in enumerate(parts)], 1))
    pools = {"last": h[:, -1], "mean": h.mean(1), "max": h.max(1).values}
    return net.dense(pools[net.architecture.pool])


def test_a_convolution_has_as_many_channels_as_units_unless_they_are_given():
    assert made("conv:3", "last").front.channels == 5
    assert made("conv:3x8", "last").front.channels == 8
    assert made("conv:3", "last").carries[0].size == 2 * 2


@pytest.mark.parametrize("text", ["conv", "conv:0", "conv:3x0", "conv:257", "conv:3x", "lstm:3"])
def test_nonsense_in_front_is_one_error(text):
    with pytest.raises(UsageError, match=f"front must be conv:K or conv:KxC.* got '{text}'"):
        parse_front(text)


def test_a_convolution_of_very_wide_inputs_must_be_short():
    with pytest.raises(UsageError, match=r"255 steps of 2000 features.*Take a shorter one"):
        Network(features=2000, front="conv:256")


def test_an_output_per_step_has_nothing_to_pool():
    with pytest.raises(UsageError, match=r"pool mean makes one value of all steps.*Drop pool"):
        Network(head="sequence", pool="mean")


def test_pool_is_one_of_four():
    with pytest.raises(UsageError, match="pool must be one of last, mean, max, attention"):
        Network(pool="sum")
    with pytest.raises(UsageError, match="evenly, got 3 heads"):
        Network(pool="attention:3", units=(8,))
