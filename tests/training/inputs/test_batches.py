"""Batches: every target once, similar lengths together, and no padding in the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from seqrt.training.inputs.batches import all_logits, batch, shuffled_groups
from seqrt.training.inputs.examples import Examples


def shuffled(data, size):
    return [batch(data, rows) for rows in shuffled_groups(data, size)]


@pytest.fixture
def tagger(network):
    return network("gru", 2, (6,), 2, head="sequence", activation="softmax", bidirectional=True)


@pytest.fixture
def tagged(ragged):
    x, _ = ragged
    y = torch.tensor(np.concatenate(x)[:, 0] > 0).long()
    return Examples.of(x, y, "sequence")


def test_every_answer_comes_once(tagged):
    batches = list(shuffled(tagged, 8))

    rows = torch.cat([batch.target_rows for batch in batches])
    assert torch.equal(rows.sort().values, torch.arange(len(tagged.y)))
    assert all(torch.equal(batch.y, tagged.y[batch.target_rows]) for batch in batches)
    assert [len(batch.x) for batch in batches].count(8) == 7


def test_sequences_of_similar_length_meet(rng):
    lengths = rng.integers(1, 400, 512)
    x = [np.zeros((steps, 1), np.float32) for steps in lengths]
    data = Examples.of(x, torch.zeros(512, 1), "last")

    computed = sum(batch.x.shape[0] * batch.x.shape[1] for batch in shuffled(data, 32))

    assert computed < 1.35 * lengths.sum()


def test_the_order_changes_from_pass_to_pass(tagged):
    first = torch.cat([batch.target_rows for batch in shuffled(tagged, 8)])
    second = torch.cat([batch.target_rows for batch in shuffled(tagged, 8)])

    assert not torch.equal(first, second)


def test_sequences_of_one_length_need_no_lengths(waves):
    data = Examples.of(list(waves[0]), torch.tensor(waves[1])[:, None], "last")

    assert all(batch.lengths is None for batch in shuffled(data, 32))


def test_the_loss_sees_valid_steps_only(tagged, tagger, ragged):
    x, _ = ragged
    alone = torch.cat([tagger.logits(torch.tensor(row[None]))[0] for row in x])
    want = cross_entropy(alone, tagged.y)

    total = sum(
        cross_entropy(batch.logits(tagger), batch.y) * len(batch.y) for batch in shuffled(tagged, 8)
    )

    assert total.item() / len(tagged.y) == pytest.approx(want.item(), rel=1e-5)


def test_answers_come_in_the_order_of_the_sequences(tagged, tagger, ragged):
    x, _ = ragged
    alone = torch.cat([tagger.logits(torch.tensor(row[None]))[0] for row in x])

    together = all_logits(tagger, tagged, size=7)

    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
