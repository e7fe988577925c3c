"""Long sequences: cutting them in time changes no loss, and bounds memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from seqrt.errors import UsageError
from seqrt.training import Plan, fit
from seqrt.training.inputs.batches import all_logits
from seqrt.training.inputs.examples import Examples
from seqrt.training.loop.steps import Chunk, MicroBatch, PaddedMicroBatch, TailMicroBatch

CELLS = ["rnn", "lstm", "gru"]
each_cell = pytest.mark.parametrize("cell", CELLS)
each_head = pytest.mark.parametrize("head", ["last", "sequence"])


@pytest.fixture
def problem(network, ragged):
    """A network of two layers, and ragged sequences with one target each, or one per step."""

    def make(cell, head):
        x, _ = ragged
        y = [np.cumsum(row[:, :1], axis=0) for row in x]
        targets = y if head == "sequence" else np.array([row[-1] for row in y])
        return network(cell, 2, (5, 4), 1, head=head), x, targets

    return make


def examples(net, x, y):
    flat = np.concatenate(y) if net.head == "sequence" else y
    return Examples.of(x, torch.tensor(flat), net.head)


def assert_close(one, other, rtol=1e-4, atol=1e-5):
    torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=rtol, atol=atol)


# Laws


@each_cell
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_to_any_length_changes_no_loss_and_no_gradient(
    cell, bidirectional, network, ragged
):
    x, _ = ragged
    net, other = (network(cell, 2, (5, 4), 1, bidirectional=bidirectional) for _ in range(2))
    data, rows = examples(net, x, np.array([row[-1, :1] for row in x])), torch.arange(7, 19)

    own, padded = MicroBatch(data, rows, 0.0), PaddedMicroBatch(data, rows, 0.0, 31)
    for each, batch in ((net, own), (other, padded)):
        logits, targets = batch.forward(each)
        (logits - targets).square().mean().backward()

    for one, another in zip(net.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, another.grad, rtol=1e-4, atol=1e-6)


@each_cell
@each_head
def test_chunks_longer_than_the_sequences_change_nothing(cell, head, problem):
    (whole, x, y), (cut, _, _) = problem(cell, head), problem(cell, head)

    losses = [
        [epoch.loss for epoch in fit(net, x, y, epochs=2, batch_size=16, lr=1e-3, tbptt=tbptt)]
        for net, tbptt in ((whole, None), (cut, 20))
    ]

    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert_close(whole, cut)


@each_cell
@each_head
@pytest.mark.parametrize("tbptt", [1, 3, 7, 19])
def test_the_loss_does_not_know_where_it_was_cut(cell, head, tbptt, problem):
    net, x, y = problem(cell, head)
    still = {"epochs": 1, "lr": 1e-30, "batch_size": 16}
    want = next(fit(net, x, y, **still)).loss

    assert next(fit(net, x, y, **still, tbptt=tbptt)).loss == pytest.approx(want, rel=1e-5)


@each_cell
def test_the_gradient_of_one_target_reaches_the_last_steps_alone(cell, problem):
    net, x, y = problem(cell, "last")
    data = examples(net, x, y)
    data.x.requires_grad_()
    rows = torch.randperm(len(data))

    logits, targets = TailMicroBatch(data, rows, 0.0, steps=6).forward(net.train())
    logits.square().sum().backward()

    reached = data.x.grad.abs().sum(1) > 0
    ends = data.starts + data.lengths
    want = torch.cat([torch.arange(n) >= n - 6 for n in data.lengths.tolist()])
    assert torch.equal(reached, want)
    assert ends[-1] == len(want)
    assert torch.equal(targets, data.y[rows])
    whole, _ = MicroBatch(data, rows, 0.0).forward(net)
    torch.testing.assert_close(logits, whole, rtol=1e-4, atol=1e-6)


@each_cell
def test_the_gradient_of_a_chunk_stays_inside_and_its_state_is_that_of_the_chunk_before(
    cell, problem
):
    net, x, y = problem(cell, "sequence")
    data = examples(net, x, y)
    want = all_logits(net, data)
    data.x.requires_grad_()
    rows, carried, seen = data.lengths.argsort(descending=True), {}, 0

    for begin in range(0, 20, 6):
        data.x.grad = None
        chunk = Chunk(data, rows, 0.0, begin, begin + 6, carried, 0)
        logits, targets = chunk.forward(net.train())
        logits.square().sum().backward()

        step = torch.cat([torch.arange(n) for n in data.lengths.tolist()])
        here = (step >= begin) & (step < begin + 6)
        assert torch.equal(data.x.grad.abs().sum(1) > 0, here)
        assert len(targets) == len(chunk) == int(here.sum())
        assert sorted(targets[:, 0].tolist()) == sorted(data.y[here][:, 0].tolist())
        assert logits.sum().item() == pytest.approx(want[here].sum().item(), rel=1e-4, abs=1e-4)
        seen += len(targets)
    assert seen == len(data.y)


@each_head
def test_accumulated_batches_are_one_large_batch(head, problem):
    (large, x, y), (small, _, _) = problem("gru", head), problem("gru", head)

    epochs = [
        list(fit(net, x, y, epochs=2, batch_size=size, accumulate=count, lr=1e-3, tbptt=8))
        for net, size, count in ((large, 24, 1), (small, 6, 4))
    ]

    assert [e.loss for e in epochs[0]] == pytest.approx([e.loss for e in epochs[1]], rel=1e-5)
    assert_close(large, small)


@each_cell
@each_head
def test_outputs_of_long_sequences_do_not_depend_on_the_chunks(cell, head, problem):
    net, x, y = problem(cell, head)
    data = examples(net, x, y)

    whole, cut = all_logits(net, data, size=8), all_logits(net, data, size=8, numbers=5 * 8 * 3)

    torch.testing.assert_close(cut, whole, rtol=1e-5, atol=1e-6)


# What truncation learns


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_what_came_before_the_cut_is_learnt_to_be_remembered(cell, network, rng):
    x = rng.standard_normal((128, 12, 1)).astype(np.float32) * 0.1
    x[:, 0, 0] = rng.choice([-1, 1], 128)
    y = np.repeat((x[:, :1, 0] > 0).astype(np.int64), 12, axis=1)
    net = network(cell, 1, (8,), 2, head="sequence", activation="softmax")

    list(fit(net, x, y, epochs=25, lr=2e-2, tbptt=4))

    last = net(torch.tensor(x))[:, -1].argmax(-1).numpy()
    assert np.mean(last == y[:, -1]) > 0.95


@each_cell
@each_head
def test_memory_for_the_gradient_grows_with_the_chunk_and_not_with_the_sequence(
    cell, head, network, rng
):
    net = network(cell, 2, (5, 4), 1, head=head).train()

    def saved(steps):
        x = [rng.standard_normal((steps, 2)).astype(np.float32)]
        y = torch.zeros(steps if head == "sequence" else 1, 1)
        data, rows, most = Examples.of(x, y, head), torch.tensor([0]), 0
        carried = {}
        if head == "last":
            batches = [TailMicroBatch(data, rows, 0.0, 10)]
        else:
            batches = [Chunk(data, rows, 0.0, i, i + 10, carried, 0) for i in range(0, steps, 10)]
        for batch in batches:
            sizes = []
            with saved_tensors_hooks(lambda t, s=sizes: s.append(t.numel()) or t, lambda t: t):
                batch.forward(net)[0].sum().backward()
            most = max(most, sum(sizes))
        return most

    assert 0 < saved(400) == saved(40)


def test_initial_weights_remember_no_longer_than_the_gradient_goes_back(tmp_path, rng):
    x, y = rng.standard_normal((10, 300, 1)), rng.standard_normal(10)
    np.savez(tmp_path / "long.npz", x=x, y=y)
    plans = [
        Plan(str(tmp_path / "long.npz"), method="plain", **given)
        for given in ({}, {"tbptt": 80}, {"tbptt": 20})
    ]

    resolved = [plan.resolved(plan.problem()) for plan in plans]

    assert [(plan.init, plan.memory) for plan in resolved] == [
        ("chrono", 300),
        ("chrono", 80),
        ("torch", None),
    ]


# Rejected options


def test_tbptt_of_a_bidirectional_network_is_rejected(network, ragged):
    x, y = ragged
    net = network("gru", 2, (4,), 2, activation="softmax", bidirectional=True)

    with pytest.raises(UsageError, match=r"this network has none: its layers are bidirectional"):
        fit(net, x, y, tbptt=5)


@pytest.mark.parametrize("option", ["tbptt", "accumulate"])
def test_fewer_than_one_is_rejected(option, network, waves):
    with pytest.raises(UsageError, match=f"{option} must be at least 1, got 0"):
        fit(network(), *waves, **{option: 0})
