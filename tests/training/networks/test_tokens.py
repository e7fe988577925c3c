"""Networks of tokens obey tests/reference.py, and every id without a row is the unknown token."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import reference
import torch
from torch.nn import functional as F

from seqrt.contract.text import Text
from seqrt.errors import UsageError
from seqrt.training import Network
from seqrt.training.networks.average import mean_of
from seqrt.training.networks.dropout import BatchShare, Dropout, dropout_for_share

TOKENS = 11
KINDS = [*product(["", "conv:3"], ["last", "max"]), ("segments:2", "last")]


def arrays(net: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in net.state_dict().items()}


def made(cell="gru", seed=0, **choices) -> Network:
    torch.manual_seed(seed)
    options = {"units": (5, 4), "outputs": 3, **choices}
    return Network(cell, tokens=TOKENS, embedding=6, **options).double().eval()


def draw(rng, rows=4, steps=9) -> torch.Tensor:
    return torch.tensor(rng.integers(0, TOKENS, (rows, steps, 1), dtype=np.int32))


def assert_equal(got, want):
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("front", "pool"), KINDS)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mingru"])
def test_a_ragged_batch_obeys_the_equations_from_any_state(cell, front, pool, rng):
    net, x, lengths = made(cell, front=front, pool=pool), draw(rng), np.array([9, 1, 4, 7])
    start = torch.zeros(4, net.state_size).double()

    y, end = net.run(x, torch.tensor(lengths), start)
    again, last = net.run(x, torch.tensor(lengths), end)

    want, want_end = reference.network(arrays(net), net.config(), x, lengths)
    assert_equal(net(x, torch.tensor(lengths)), want)
    assert_equal(y, want)
    assert_equal(end, want_end)
    want, want_end = reference.network(arrays(net), net.config(), x, lengths, want_end)
    assert_equal(again, want)
    assert_equal(last, want_end)


@pytest.mark.parametrize("wild", [-1, -TOKENS, TOKENS, 2**31 - 1, -(2**31)])
def test_an_id_without_a_row_reads_that_of_the_unknown_token(wild, rng):
    net, x = made(head="sequence"), draw(rng)
    unknown = x.clone()
    unknown[1, 2] = 0
    x[1, 2] = wild

    assert torch.equal(net(x), net(unknown))
    assert torch.equal(net(x.long()), net(unknown))
    assert torch.equal(net(x[..., 0]), net(unknown))
    assert_equal(net(x), reference.network(arrays(net), net.config(), x)[0])


@pytest.mark.parametrize("cut", [1, 4, 8])
@pytest.mark.parametrize(("front", "pool"), KINDS)
def test_a_sequence_cut_in_two_equals_one_pass(front, pool, cut, rng):
    net, x = made(front=front, pool=pool), draw(rng)

    _, state = net.advance(x[:, :cut], None, net.zero_state(4))
    second, _ = net.advance(x[:, cut:], None, state)

    assert_equal(second, net.logits(x).detach().numpy())


@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_and_batch_mates_do_not_matter(bidirectional, rng):
    net, x, lengths = made(bidirectional=bidirectional), draw(rng), torch.tensor([5, 8, 2, 9])
    padded = x.clone()
    for row, end in enumerate(lengths):
        padded[row, end:] = 2**31 - 1

    y = net(padded, lengths)

    assert torch.equal(y, net(x, lengths))
    assert_equal(y[:1], net(x[:1, :5]).detach().numpy())


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_gradient_is_that_of_a_product_with_one_hot_ids(cell, rng):
    net, x = made(cell).train(), draw(rng)
    x[0, 3] = -1  # whose gradient is that of row 0

    net.logits(x).square().sum().backward()
    got = {name: weight.grad.clone() for name, weight in net.named_parameters()}
    net.zero_grad()
    one_hot = F.one_hot(x[..., 0].clamp(min=0).long(), TOKENS).double()
    h = one_hot @ net.embedding.weight
    for layer in net.layers:
        h = layer.cells[0](h)[0]
    net.dense(h[:, -1]).square().sum().backward()

    for name, weight in net.named_parameters():
        np.testing.assert_allclose(got[name], weight.grad, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("head", "pool"), [("last", "last"), ("last", "max"), ("sequence", "last")]
)
def test_dropout_also_acts_on_the_embeddings_and_before_the_head(head, pool):
    net = made(units=(4,), head=head, pool=pool, dropout=0.99999).train()

    logits = net.logits(torch.zeros(2, 5, 1, dtype=torch.int32))

    assert (logits == net.dense.bias).all()
    first, *_, dropout, head = net.steps()
    assert first is dropout is net.dropout
    assert head is net.dense


def test_the_mean_of_networks_reads_their_tables_side_by_side(rng):
    for choices in ({}, {"front": "conv:3"}, {"head": "sequence"}):
        nets, x = [made(seed=n, **choices).float() for n in range(3)], draw(rng)

        merged = mean_of(nets, nets[0].metadata).double()

        assert merged.config()["embedding"] == 18
        want = torch.stack([net.double()(x) for net in nets]).mean(0)
        torch.testing.assert_close(merged(x), want, rtol=0, atol=2e-6)


def test_networks_of_different_vocabularies_have_no_mean():
    nets = [made(seed=n).float() for n in range(2)]
    words = tuple("abcdefghij")
    for net, known in zip(nets, (words, words[::-1]), strict=True):
        net.metadata = replace(net.metadata, text=Text("words", 6, vocabulary=known))

    with pytest.raises(UsageError, match="must have the same vocabulary to be averaged"):
        mean_of(nets, nets[0].metadata)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": 5}, "a network of 5 tokens needs the width of its table"),
        ({"embedding": 5}, "embedding is the width of a table of tokens, but this network reads"),
        ({"tokens": 5, "embedding": 65_537}, "embedding must be at most 65,536, got 65,537"),
        ({"tokens": 5, "embedding": 2, "missing": "mean"}, "which is never missing"),
        ({"tokens": 5, "embedding": 2, "features": 2}, "has one feature, the id of the token"),
        ({"tokens": True, "embedding": 2}, "tokens must be a whole number from 1"),
    ],
)
def test_options_that_do_not_fit_tokens_are_rejected(options, message):
    with pytest.raises(UsageError, match=message):
        Network(**options)


def test_only_networks_of_tokens_record_that_they_are():
    assert {"tokens": TOKENS, "embedding": 6}.items() <= made().config().items()
    assert not {"tokens", "embedding"} & Network().config().keys()
    assert made().tokens == TOKENS
    assert Network().tokens == 0


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_quick_dropout_drops_the_share_and_keeps_the_mean(p):
    torch.manual_seed(0)
    dropout, x = Dropout(p, quick=True), torch.ones(40, 50, 60)

    y = dropout(x)

    kept = y[y != 0]
    assert len(kept) / y.numel() == pytest.approx(1 - p, abs=5e-3)
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - p)), rtol=1e-4, atol=0)
    assert y.mean().item() == pytest.approx(1, abs=5e-3)
    assert torch.equal(dropout.eval()(x), x)


def test_quick_dropout_is_the_same_however_a_batch_is_shared_out():
    net, x = made("gru", dropout=0.5).train(), torch.arange(8).view(4, 2, 1).int()
    torch.manual_seed(1)
    whole = net.logits(x)

    for positions in (slice(None, None, 2), torch.tensor([3])):
        torch.manual_seed(1)
        with dropout_for_share(net, BatchShare(positions, 4, 2)):
            part = net.logits(x[positions])

        torch.testing.assert_close(part, whole[positions])
