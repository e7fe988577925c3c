"""Adam over all weights at once computes what torch's Adam does."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from seqrt.training.loop.adam import Adam


@pytest.fixture
def batches() -> list[Tensor]:
    torch.manual_seed(1)
    return list(torch.randn(12, 8, 5, 2))


def add_gradients(net, x: Tensor, size: float) -> None:
    (size * net.train()(x)).square().mean().backward()


def by_torch(net, batches: list[Tensor], clip: float, size: float) -> list[float]:
    adam, norms = torch.optim.Adam(net.parameters(), lr=0.01, fused=True), []
    for x in batches:
        adam.zero_grad()
        add_gradients(net, x, size)
        norms.append(nn.utils.clip_grad_norm_(net.parameters(), clip).item())
        adam.step()
    return norms


def by_us(net, optimizer: Adam, batches: list[Tensor], clip: float, size: float) -> list[float]:
    norms = []
    for x in batches:
        optimizer.clear()
        add_gradients(net, x, size)
        norms.append(optimizer.clip(clip))
        optimizer.step(0.01)
    return norms


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize(("clip", "size"), [(1e9, 1.0), (0.5, 30.0)])
def test_weights_and_norms_are_those_of_torch(network, batches, cell, clip, size):
    ours, theirs = (network(cell, 2, (7, 5), layer_norm=True) for _ in range(2))
    first = copy.deepcopy(ours.state_dict())

    norms = by_us(ours, Adam(ours), batches, clip, size)

    assert norms == pytest.approx(by_torch(theirs, batches, clip, size), rel=1e-4)
    for name, weight in theirs.named_parameters():
        assert not torch.equal(weight, first[name])
        torch.testing.assert_close(ours.state_dict()[name], weight.detach(), rtol=1e-4, atol=1e-6)


def test_training_continues_from_the_state_of_adam_to_the_same_bits(network, batches):
    whole, parted = network("gru", 2), network("gru", 2)
    by_us(whole, Adam(whole), batches, 1.0, 1.0)

    first = Adam(parted)
    by_us(parted, first, batches[:5], 1.0, 1.0)
    later = network("gru", 2, seed=9)
    second = Adam(later)
    later.load_state_dict(parted.state_dict())
    second.load_state(first.state())
    by_us(later, second, batches[5:], 1.0, 1.0)

    for name, weight in whole.state_dict().items():
        assert torch.equal(later.state_dict()[name], weight)


def test_the_state_is_that_of_torchs_adam(network, batches):
    ours, theirs = network("gru", 2), network("gru", 2)
    adam = torch.optim.Adam(theirs.parameters(), fused=True)
    add_gradients(theirs, batches[0], 1.0)
    adam.step()
    optimizer = Adam(ours)

    by_us(ours, optimizer, batches[:1], 1e9, 1.0)

    state = optimizer.state()
    assert sorted(state) == ["0.exp_avg", "0.exp_avg_sq", "0.step"]
    assert state["0.step"] == 1
    for name in ("exp_avg", "exp_avg_sq"):
        of_each = torch.stack([values[name].sum() for values in adam.state.values()])
        torch.testing.assert_close(state[f"0.{name}"].sum(), of_each.sum())


def test_training_loads_none_of_torchs_compiler():
    code = """
import sys
import numpy as np
from seqrt.training import Network, fit
next(fit(Network(features=1, units=(2,)), np.zeros((4, 3, 1)), np.arange(4.0)[:, None], epochs=1))
assert "torch._dynamo" not in sys.modules
"""

    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_gradient_that_is_not_finite_is_seen_in_the_norm(network, batches):
    net = network("rnn", 2)
    optimizer = Adam(net)
    add_gradients(net, batches[0] * torch.nan, 1.0)

    assert not optimizer.clip(1.0) < float("inf")


def test_gradients_add_up_until_they_are_cleared(network, batches):
    net = network("lstm", 2)
    optimizer = Adam(net)
    add_gradients(net, batches[0], 1.0)
    once = optimizer.clip(1e9)

    add_gradients(net, batches[0], 1.0)

    assert optimizer.clip(1e9) == pytest.approx(2 * once, rel=1e-5)
    optimizer.clear()
    assert optimizer.clip(1e9) == 0


def test_the_weights_of_a_network_can_still_be_copied_and_saved(network, batches):
    net = network("gru", 2)
    by_us(net, Adam(net), batches[:2], 1.0, 1.0)

    twin, saved = copy.deepcopy(net), load(save(net.state_dict()))

    for name, weight in net.state_dict().items():
        assert torch.equal(saved[name], weight)
        assert torch.equal(twin.state_dict()[name], weight)
