"""The mean of several networks is one network, and its outputs are their mean."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from seqrt.contract import Column
from seqrt.errors import UsageError
from seqrt.training import Network
from seqrt.training.networks.average import mean_of


def members(count=3, seed=0, units=(5, 3), **options):
    """Networks with random weights, each with its own scaling."""
    generator = torch.Generator().manual_seed(seed)
    nets = []
    for number in range(count):
        torch.manual_seed(number)
        net = Network(features=2, units=units, outputs=2, **options).eval()
        for name in ("x", "y") if net.activation == "none" else ("x",):
            getattr(net, f"{name}_mean").copy_(torch.randn(2, generator=generator))
            getattr(net, f"{name}_scale").copy_(1 + torch.rand(2, generator=generator))
        nets.append(net)
    return nets


def scaled(net):
    """Metadata of a network, with a scaling that differs from that of every member."""
    outputs = net.metadata.outputs
    if net.activation == "none":
        outputs = tuple(Column(c.name, mean=-1.0, scale=3.0) for c in outputs)
    features = tuple(Column(c.name, mean=0.5, scale=2.0) for c in net.metadata.features)
    return replace(net.metadata, features=features, outputs=outputs)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
@pytest.mark.parametrize("head", ["last", "sequence"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_merged_network_answers_the_mean_of_its_members(cell, head, bidirectional):
    nets = members(cell=cell, head=head, bidirectional=bidirectional)
    x, lengths = torch.randn(4, 9, 2, dtype=torch.float64), torch.tensor([9, 1, 4, 7])

    merged = mean_of(nets, scaled(nets[0])).double()

    y = merged(x, lengths)
    want = torch.stack([net.double()(x, lengths) for net in nets]).mean(0)
    valid = torch.arange(9) < lengths[:, None] if head == "sequence" else slice(None)
    torch.testing.assert_close(y[valid], want[valid], rtol=0, atol=2e-6)


@pytest.mark.parametrize("head", ["last", "sequence"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_residual_adds_each_member_to_itself(head, bidirectional):
    choices = {"head": head, "bidirectional": bidirectional, "residual": True}
    nets = members(cell="gru", units=(4, 4, 4), **choices)
    x = torch.randn(4, 9, 2, dtype=torch.float64)

    merged = mean_of(nets, scaled(nets[0])).double()

    want = torch.stack([net.double()(x) for net in nets]).mean(0)
    torch.testing.assert_close(merged(x), want, rtol=0, atol=2e-6)


FRONTS_AND_POOLS = [
    {"front": "conv:3"},
    {"front": "conv:3x7", "pool": "mean", "bidirectional": True},
    {"pool": "max", "bidirectional": True},
    {"pool": "attention"},
    {"pool": "attention", "bidirectional": True},
    {"front": "conv:1", "pool": "attention:3", "bidirectional": True},
    {"front": "segments:3"},
    {"front": "segments:2", "pool": "max"},
]


@pytest.mark.parametrize("missing", ["error", "indicator", "forward"])
@pytest.mark.parametrize(
    "choices", FRONTS_AND_POOLS, ids=lambda choices: "-".join(map(str, choices.values()))
)
def test_members_with_a_front_and_a_pool_lie_side_by_side(choices, missing):
    nets = members(cell="gru", missing=missing, **choices)
    about = scaled(nets[0])
    if "front" in choices or missing == "forward":
        for net in nets:
            net.x_mean.copy_(torch.tensor([column.mean for column in about.features]))
    x, lengths = torch.randn(4, 9, 2, dtype=torch.float64), torch.tensor([9, 1, 4, 7])
    if missing != "error":
        x[torch.rand(x.shape) < 0.3] = torch.nan

    merged = mean_of(nets, about).double()

    want = torch.stack([net.double()(x, lengths) for net in nets]).mean(0)
    torch.testing.assert_close(merged(x, lengths), want, rtol=0, atol=2e-6)


def test_convolutions_that_read_another_mean_before_a_sequence_have_no_mean():
    nets = members(front="conv:3")

    with pytest.raises(UsageError, match=r"same feature means .* before a sequence"):
        mean_of(nets, scaled(nets[0]))


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_are_those_of_the_mean_logits(activation):
    nets = members(cell="gru", activation=activation)
    x = torch.randn(4, 9, 2)

    merged = mean_of(nets, scaled(nets[0]))

    logits = torch.stack([net.logits(x) for net in nets]).mean(0)
    torch.testing.assert_close(merged(x), nets[0].output(logits), rtol=0, atol=2e-6)


@pytest.mark.parametrize("missing", ["forward", "mean", "indicator"])
def test_the_merged_network_reads_missing_values_as_its_members_do(missing):
    nets = members(cell="gru", missing=missing)
    about = scaled(nets[0])
    if missing != "indicator":
        for net in nets:
            net.x_mean.copy_(torch.tensor([column.mean for column in about.features]))
    x = torch.randn(4, 9, 2)
    x[torch.rand(x.shape) < 0.3] = torch.nan
    x[:3, 0] = torch.nan

    merged = mean_of(nets, about)

    want = torch.stack([net(x) for net in nets]).mean(0)
    torch.testing.assert_close(merged(x), want, rtol=0, atol=2e-6)


@pytest.mark.parametrize("missing", ["forward", "mean"])
def test_networks_that_read_a_missing_value_as_several_numbers_have_no_mean(missing):
    nets = members(cell="gru", missing=missing)

    with pytest.raises(UsageError, match="must have the same feature means"):
        mean_of(nets, scaled(nets[0]))


def test_members_do_not_read_each_other():
    nets = members(cell="lstm")
    merged = mean_of(nets, nets[0].metadata)

    recurrent = merged.recurrent()[0].cells[0].weight_hh_l0

    assert torch.count_nonzero(recurrent) == 3 * 4 * 5 * 5


@pytest.mark.parametrize(
    "others",
    [members(1, cell="gru"), members(1, cell="rnn", head="sequence")],
    ids=["cell", "head"],
)
def test_networks_of_another_kind_have_no_mean(others):
    nets = [*members(1, cell="rnn"), *others]

    with pytest.raises(UsageError, match="must have the same architecture"):
        mean_of(nets, nets[0].metadata)


def test_a_norm_between_layers_would_look_at_all_members_together():
    nets = members(cell="gru", layer_norm=True)

    with pytest.raises(UsageError, match="without layer normalisation"):
        mean_of(nets, nets[0].metadata)
