"""Layers and networks obey the equations of tests/reference.py."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import torch

from seqrt.training import Network, Recurrent

CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh"), ("mingru", "tanh")]


def arrays(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in module.state_dict().items()}


def assert_equal(got: torch.Tensor, want: np.ndarray) -> None:
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("cell", "nonlinearity"), CELLS)
def test_a_layer_obeys_its_equations_from_any_state(cell, nonlinearity, rng):
    layer = Recurrent(cell, 3, 5, nonlinearity=nonlinearity).double()
    x = rng.standard_normal((2, 7, 3))
    state = rng.standard_normal((2, reference.state_size(cell, 5)))

    y, end = layer.run(torch.tensor(x), torch.tensor([7, 7]), torch.tensor(state))

    weights = {n.removeprefix("cells.0.")[:-3]: w for n, w in arrays(layer).items()}
    for row in range(2):
        want_y, want_end = reference.cell(cell, x[row], state[row], weights, nonlinearity)
        assert_equal(y[row], want_y)
        assert_equal(end[row], want_end)


def test_an_open_output_gate_and_a_closed_one_are_told_apart():
    weights = {
        "weight_ih": np.zeros((4, 1)),
        "weight_hh": np.zeros((4, 1)),
        "bias_ih": np.array([50.0, -50.0, 50.0, 0.0]),  # write all, keep nothing, g = 1, show half
        "bias_hh": np.zeros(4),
    }

    y, h, C = reference.lstm(np.zeros((1, 1)), np.zeros(1), np.array([9.0]), weights)

    assert C.tolist() == pytest.approx([1.0])
    assert h == pytest.approx([0.5 * np.tanh(1.0)])
    assert y[0] == pytest.approx(h)


@pytest.mark.parametrize("head", ["last", "sequence"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("cell", "nonlinearity"), CELLS)
def test_a_ragged_batch_through_a_whole_network_obeys_the_equations(
    cell, nonlinearity, bidirectional, head, rng
):
    choices = {"bidirectional": bidirectional, "head": head, "nonlinearity": nonlinearity}
    torch.manual_seed(0)
    net = Network(cell, 2, (5, 4, 3), 2, layer_norm=True, dropout=0.5, **choices).double().eval()
    net.x_mean += torch.tensor([100.0, -3.0])
    net.x_scale *= 20
    net.y_scale *= 7
    x = rng.normal([100, -3], 20, (4, 9, 2))
    lengths = np.array([9, 1, 4, 7])

    y = net(torch.tensor(x), torch.tensor(lengths))

    want, _ = reference.network(arrays(net), net.config(), x, lengths)
    for row, end in enumerate(lengths):
        valid = slice(end) if head == "sequence" else slice(None)
        assert_equal(y[row, valid], want[row, valid])


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_obey_the_equations(activation, network, rng):
    net = network("lstm", 2, (4,), 3, head="sequence", activation=activation).double()
    x = rng.standard_normal((3, 6, 2))

    y = net(torch.tensor(x))

    assert_equal(y, reference.network(arrays(net), net.config(), x)[0])


@pytest.mark.parametrize("cut", [1, 4, 8])
@pytest.mark.parametrize(("cell", "nonlinearity"), CELLS)
def test_a_sequence_cut_in_two_equals_one_pass(cell, nonlinearity, cut, rng):
    net = Network(cell, 2, (5, 4), head="sequence", nonlinearity=nonlinearity).double()
    x = torch.tensor(rng.standard_normal((3, 9, 2)))
    start = torch.tensor(rng.standard_normal((3, net.state_size)))
    steps = torch.full((3,), 9)

    whole, end = net.run(x, steps, start)
    first, middle = net.run(x[:, :cut], steps * 0 + cut, start)
    second, last = net.run(x[:, cut:], steps - cut, middle)

    want, want_end = reference.network(arrays(net), net.config(), x.numpy(), state=start.numpy())
    assert_equal(whole, want)
    assert_equal(end, want_end)
    assert_equal(torch.cat([first, second], dim=1), want)
    assert_equal(last, want_end)


def test_padding_and_batch_mates_do_not_matter(network, rng):
    net = network("gru", 2, (6, 5), bidirectional=True).double()
    x = rng.standard_normal((3, 8, 2))

    padded = net(torch.tensor(x), torch.tensor([5, 8, 2]))
    alone = net(torch.tensor(x[:1, :5]))

    assert_equal(padded[:1], alone.detach().numpy())
