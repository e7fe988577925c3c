"""A text is read in rows side by side: every step once, without a copy, with states carried."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqrt.errors import UsageError
from seqrt.training import Network, fit
from seqrt.training.inputs import side_by_side
from seqrt.training.inputs.batches import batch
from seqrt.training.inputs.examples import examples
from seqrt.training.inputs.side_by_side import in_rows, judged_in_rows, training_rows
from seqrt.training.loop.checkpoints import Checkpoints
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.steps import epoch_steps, epoch_targets
from seqrt.training.problems.from_book import book_problem

TEXT = b"The cat sat on the mat, and that was that. " * 60


def network(**choices) -> Network:
    torch.manual_seed(0)
    options = {"head": "sequence", "activation": "softmax", **choices}
    net = Network("gru", 1, (7,), 256, tokens=257, embedding=5, **options)
    net.metadata = book_problem(TEXT, "cats").metadata
    return net


def text():
    train = book_problem(TEXT, "cats", 0.0).train
    (data,) = examples(network(), (train.x, train.y))
    return data


@pytest.mark.parametrize(("rows", "first", "left_out"), [(1, 0, 0), (7, 0, 0), (32, 5, 9)])
def test_rows_cover_the_steps_of_a_text_in_order(rows, first, left_out):
    data = text()
    cut = in_rows(data, rows, first, left_out)

    whole = batch(cut, torch.arange(rows))
    ids = [row[:end, 0] for row, end in zip(whole.x, cut.lengths, strict=True)]
    end = len(data.y) - left_out + first
    assert torch.equal(torch.cat(ids), data.x[first:end, 0])
    assert torch.equal(whole.y, data.y[first:end].long())
    assert cut.lengths.max() - cut.lengths.min() <= 1
    assert cut.x is data.x
    assert data.y.dtype == torch.uint8


def test_a_short_text_has_fewer_rows_and_every_row_a_chunk():
    data = text()

    for span, rows in ((64, 32), (500, 4), (2_000, 1), (9_999, 1)):
        cut = training_rows(data, 32, span)

        assert len(cut.lengths) == rows
        assert cut.lengths.min() >= min(span, 1)


def test_an_epoch_reads_each_step_once_and_begins_elsewhere_in_the_next():
    data, recipe = text(), Recipe(batch_size=8, tbptt=50, epochs=2)

    def read():
        chunks = [chunk for _, step in epoch_steps(data, recipe, {}) for chunk in step]
        parts = [batch(chunk.data, chunk.rows, chunk.begin, chunk.end) for chunk in chunks]
        return sorted(int(i) for part in parts for i in part.target_rows)

    torch.manual_seed(1)
    one, other = read(), read()

    assert len(one) == len(set(one)) == len(other) == epoch_targets(data, recipe)
    assert len(data.y) - len(one) == 50
    assert one != other


def test_the_loss_on_a_text_is_that_of_one_pass_over_its_rows(monkeypatch):
    monkeypatch.setattr(side_by_side, "_STEPS", 700)
    monkeypatch.setattr(side_by_side, "_NUMBERS", 256 * 40)
    net, data = network(), text()

    found = list(judged_in_rows(net.train(), data))

    assert net.training
    rows = in_rows(data, 3)
    whole = batch(rows, torch.arange(3))
    assert max(len(v) for v, _ in found) <= 40
    want = torch.nn.functional.cross_entropy(whole.logits(net.eval()), whole.y)
    got = sum(torch.nn.functional.cross_entropy(v, y, reduction="sum") for v, y in found)
    torch.testing.assert_close(got / len(data.y), want)


def test_a_language_model_resumes_to_the_same_weights_and_learns(tmp_path):
    problem = book_problem(TEXT, "cats")
    train, val = problem.train, (problem.validation.x, problem.validation.y)
    recipe = {"epochs": 4, "batch_size": 4, "tbptt": 40, "lr": 0.02, "val": val}
    whole = network(dropout=0.1)
    epochs = list(fit(whole, train.x, train.y, **recipe))

    checkpoints = Checkpoints(tmp_path)
    steps = 0

    def stop(every=None):
        nonlocal steps
        steps += 1
        checkpoints.stopping = steps == 23
        return Checkpoints.request(checkpoints, every)

    checkpoints.request = stop
    list(fit(network(dropout=0.1), train.x, train.y, **recipe, checkpoints=checkpoints))
    again, resumed = Checkpoints(tmp_path), network(dropout=0.1)
    again.load()
    assert again.start.progress.step
    list(fit(resumed, train.x, train.y, **recipe, checkpoints=again))

    assert epochs[-1].val_loss < 3 < epochs[0].val_loss
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_language_model_may_not_read_what_it_predicts():
    train = book_problem(TEXT, "cats").train

    with pytest.raises(UsageError, match="may not read what comes next: its layers are bidirect"):
        fit(network(bidirectional=True), train.x, train.y)


def test_several_sequences_of_a_text_are_joined():
    net, ids = network(), [np.arange(1, 60), np.arange(60, 200)]

    (data,) = examples(net, (ids, [row - 1 for row in ids]))

    assert data.x[:, 0].tolist() == list(range(1, 200))
    assert data.lengths.tolist() == [199]
