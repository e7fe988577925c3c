"""With `residual`, each layer from the second on adds the output of the layer before it."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import torch

from seqrt.errors import UsageError
from seqrt.training import Network, Plan
from seqrt.training.networks.network import Architecture


def arrays(net: Network) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in net.state_dict().items()}


def assert_equal(got: torch.Tensor, want: np.ndarray) -> None:
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("head", ["last", "sequence"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_a_ragged_batch_obeys_the_equations(cell, bidirectional, head, layer_norm, network, rng):
    choices = {"bidirectional": bidirectional, "head": head, "layer_norm": layer_norm}
    net = network(cell, 2, (4, 4, 4), 2, residual=True, dropout=0.5, **choices).double().eval()
    x, lengths = rng.standard_normal((4, 9, 2)), np.array([9, 1, 4, 7])

    y = net(torch.tensor(x), torch.tensor(lengths))

    want, _ = reference.network(arrays(net), net.config(), x, lengths)
    for row, end in enumerate(lengths):
        valid = slice(end) if head == "sequence" else slice(None)
        assert_equal(y[row, valid], want[row, valid])


@pytest.mark.parametrize("way", ["run", "advance"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_a_sequence_cut_in_two_equals_one_pass(cell, way, network, rng):
    net = network(cell, 2, (4, 4, 4), residual=True, head="sequence").double()
    x = torch.tensor(rng.standard_normal((3, 9, 2)))
    start = torch.tensor(rng.standard_normal((3, net.state_size)))
    steps = torch.full((3,), 9)

    first, middle = getattr(net, way)(x[:, :4], steps * 0 + 4, start)
    second, last = getattr(net, way)(x[:, 4:], steps - 4, middle)

    want, want_end = reference.network(arrays(net), net.config(), x.numpy(), state=start.numpy())
    assert_equal(torch.cat([first, second], dim=1), want)
    assert_equal(last, want_end)


def test_dropout_acts_on_the_layer_and_not_on_what_is_added(network):
    net = network("rnn", 1, (4, 4), residual=True, dropout=0.5, head="sequence").train()
    second = net.recurrent()[1].cells[0]
    with torch.no_grad():
        for weight in second.parameters():
            weight.zero_()
    x = torch.randn(2, 5, 1)

    assert torch.equal(net.logits(x), net.dense(net.recurrent()[0](x)))


@pytest.mark.parametrize("units", [(8,), (64, 32), (8, 8, 4)])
def test_layers_of_unequal_size_are_rejected_with_sizes_that_fit(units):
    message = (
        "residual connections need at least two layers, all with the same units, got units"
        f" {','.join(map(str, units))}. Give equal sizes, such as units {units[0]},{units[0]}."
    )
    for make in (Architecture, Network, lambda **given: Plan("recall", **given)):
        with pytest.raises(UsageError) as refusal:
            make(units=units, residual=True)
        assert str(refusal.value) == message


def test_only_a_network_with_a_residual_records_it():
    assert "residual" not in Network().config()
    assert "residual" not in Plan("recall").record()
    assert Network(units=(4, 4), residual=True).config()["residual"] is True
    plan = Plan("recall", units=(4, 4), residual=True)
    assert Plan.of_record(plan.record()) == plan
