"""Networks that read in segments obey tests/reference.py, and equal plain ones over segments."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import torch
from torch.nn import functional as F

from seqrt.errors import UsageError
from seqrt.training import Network, chrono_initialise
from seqrt.training.networks.dilated import Dilated, segments_of

LENGTHS = np.array([17, 1, 4, 10])


def arrays(net):
    return {name: value.numpy() for name, value in net.state_dict().items()}


def made(front="segments:4", **choices) -> Network:
    torch.manual_seed(0)
    options = {"missing": "forward", "cell": "gru", "units": (5, 5), **choices}
    net = Network(features=2, outputs=3, front=front, **options)
    net.x_mean += torch.tensor([100.0, -3.0])
    net.x_scale *= 20
    return net.double().eval()


def draw(rng, steps=17):
    x = rng.normal([100, -3], 20, (4, steps, 2))
    x[rng.random(x.shape) < 0.2] = np.nan
    return x


def assert_equal(got, want):
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-12, atol=1e-12)


KINDS = [
    {"cell": "lstm"},
    {"cell": "gru", "head": "sequence"},
    {"cell": "rnn", "missing": "indicator", "nonlinearity": "relu"},
    {"cell": "lstm", "residual": True, "layer_norm": True, "head": "sequence"},
    {"cell": "gru", "residual": True, "missing": "mean"},
    {"cell": "mingru", "residual": True},
    {"cell": "gru", "pool": "max", "front": "segments:20"},
    {"cell": "gru", "pool": "attention", "front": "segments:2"},
]


@pytest.mark.parametrize("choices", KINDS)
def test_a_ragged_batch_obeys_the_equations(choices, rng):
    net, x = made(**choices), draw(rng)

    y = net(torch.tensor(x), torch.tensor(LENGTHS))

    want, _ = reference.network(arrays(net), net.config(), x, LENGTHS)
    inside = np.arange(17) < LENGTHS[:, None] if net.head == "sequence" else slice(None)
    assert_equal(y[inside], want[inside])
    assert_equal(net(torch.tensor(x)), reference.network(arrays(net), net.config(), x)[0])


@pytest.mark.parametrize("choices", KINDS[:-1])
def test_states_continue_a_sequence_as_the_equations_do(choices, rng):
    net, x = made(**choices), draw(rng)
    start = rng.standard_normal((4, net.state_size)) * (net.pool is None)

    y, end = net.run(*map(torch.tensor, (x, LENGTHS, start)))

    want, want_end = reference.network(arrays(net), net.config(), x, LENGTHS, start)
    inside = np.arange(17) < LENGTHS[:, None] if net.head == "sequence" else slice(None)
    assert_equal(y[inside], want[inside])
    assert_equal(end, want_end)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
@pytest.mark.parametrize("cuts", [(1, 16), (3, 14), (4, 8, 5), (16, 1)])
def test_a_sequence_cut_anywhere_equals_one_pass(cell, cuts, rng):
    net, x = made(cell=cell), torch.tensor(draw(rng))

    state = torch.zeros(4, net.state_size).double()
    for part in x.split(cuts, dim=1):
        v, state = net.advance(part, None, state)

    assert_equal(v, net.logits(x).detach().numpy())


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_the_last_step_and_its_gradient_are_those_of_a_plain_net_over_segments(cell, rng):
    net = made(cell=cell, missing="error").train()
    x, lengths = torch.tensor(draw(rng)).nan_to_num(), torch.tensor(LENGTHS)

    got = net.logits(x, lengths)
    got.square().sum().backward()
    gradients = {name: weight.grad for name, weight in net.named_parameters()}
    net.zero_grad()
    want = torch.cat([plain(net, x[i, :end]) for i, end in enumerate(LENGTHS)])
    want.square().sum().backward()

    assert_equal(got, want.detach().numpy())
    for name, weight in net.named_parameters():
        assert_equal(gradients[name], weight.grad.numpy())


def plain(net, x):
    """The logits of one sequence (T, D), left-padded and cut into segments, by torch's layers."""
    u = (x - net.x_mean) / net.x_scale
    steps = net.front.kernel
    segments = F.pad(u, (0, 0, -len(u) % steps, 0)).reshape(1, -1, steps * 2)
    h = F.relu(F.linear(segments, net.front.dense.weight, net.front.dense.bias))
    for layer in net.layers:
        h = layer.cells[0](h)[0]
    return net.dense(h[:, -1])


@pytest.mark.parametrize("head", ["last", "sequence"])
def test_padding_does_not_matter_even_where_it_is_not_finite(head, rng):
    net = made(head=head, missing="error", cell="lstm")
    x, lengths = torch.tensor(draw(rng)).nan_to_num(), torch.tensor(LENGTHS)
    wild = x.clone()
    for row, end in enumerate(LENGTHS):
        wild[row, end:] = torch.inf

    got, want = net(wild, lengths), net(x, lengths)

    for row, end in enumerate(LENGTHS):
        steps = slice(end) if head == "sequence" else ...
        assert_equal(got[row][steps], want[row][steps].detach().numpy())


def test_segments_end_with_the_last_step_of_each_row():
    x = torch.arange(1.0, 7).repeat(2, 1)[..., None]

    segments, counts = segments_of(x, torch.tensor([5, 2]), 4)

    assert counts.tolist() == [2, 1]
    assert segments.tolist() == [[[0, 0, 0, 1], [2, 3, 4, 5]], [[0, 0, 1, 2], [0, 0, 0, 0]]]
    assert segments_of(x, None, 4)[0][0].tolist() == [[0, 0, 1, 2], [3, 4, 5, 6]]


def test_chrono_weights_remember_over_segments():
    net = made(cell="gru", units=(200,))

    chrono_initialise(net, 4 * 60)

    opening = net.layers[0].cells[0].bias_ih_l0[200:400]
    assert opening.max() <= np.log(59)
    assert opening.max() > np.log(50)


def test_segments_are_not_for_both_directions():
    with pytest.raises(UsageError, match=r"segments:5 reads the segments .* Drop front or bidir"):
        Network(front="segments:5", bidirectional=True)


@pytest.mark.parametrize("text", ["segments", "segments:1", "segments:1001", "segments:5x8"])
def test_nonsense_is_one_error(text):
    with pytest.raises(UsageError, match=rf"or segments:W, for segments of .* got '{text}'"):
        Network(front=text)


def test_so_many_states_are_refused():
    with pytest.raises(UsageError, match=r"segments of 1000 steps keeps 300,000 numbers"):
        Dilated("gru", 3, 300, dilation=1000)
