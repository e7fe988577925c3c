"""The laws that hold for every model, for every cell, direction and head."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest


@pytest.mark.parametrize("cut", [1, 4, 9, 18])
def test_a_sequence_cut_in_two_equals_one_pass(causal, x, cut):
    whole, end = causal.run(x)

    first, state = causal.run(x[:, :cut])
    second, end_of_cut = causal.run(x[:, cut:], None, state)

    joined = np.concatenate([first, second], axis=1) if whole.ndim == 3 else second
    np.testing.assert_array_equal(joined, whole)
    np.testing.assert_array_equal(end_of_cut, end)


def test_step_by_step_equals_the_whole(causal, x):
    whole = causal.predict(x[:1])[0]

    stream = causal.stream()
    answers = [stream.push(step) for step in x[0]]

    np.testing.assert_array_equal(np.stack(answers) if whole.ndim == 2 else answers[-1], whole)
    assert stream.steps == 19


@pytest.mark.parametrize("rows", [1, 2, 5, 30, 61])
def test_batch_mates_do_not_matter(model, x, rows):
    batch = np.resize(x, (rows, 19, 2))

    together = model.predict(batch)
    alone = np.concatenate([model.predict(row[None]) for row in batch])

    np.testing.assert_array_equal(together, alone)


def test_the_order_of_the_batch_does_not_matter(model, x):
    np.testing.assert_array_equal(model.predict(x[::-1])[::-1], model.predict(x))


@pytest.mark.parametrize("rubbish", [0.0, 1e30, -1e30, np.nan, np.inf])
def test_padding_does_not_matter(model, x, rubbish):
    lengths = np.array([19, 1, 7, 18, 2, 19, 11])
    padded = x.copy()
    padded[np.arange(19) >= lengths[:, None]] = rubbish

    got = model.predict(padded, lengths)

    want = [model.predict(x[i : i + 1, :n])[0] for i, n in enumerate(lengths)]
    for row, alone, n in zip(got, want, lengths, strict=True):
        np.testing.assert_array_equal(row[:n] if row.ndim == 2 else row, alone)


def test_steps_past_a_length_answer_zero(tagger, x):
    y = tagger.predict(x, [19, 1, 7, 18, 2, 19, 11])

    assert not y[1, 1:].any()
    assert not y[6, 11:].any()
    assert y[6, 10].all()


def test_a_ragged_list_equals_its_padded_batch(model, x):
    lengths = [3, 19, 1, 7, 19, 2, 11]

    listed = model.predict([row[:n] for row, n in zip(x, lengths, strict=True)])
    padded = model.predict(x, lengths)

    for got, row, n in zip(listed, padded, lengths, strict=True):
        np.testing.assert_array_equal(got, row[:n] if row.ndim == 2 else row)


def test_no_state_equals_zero_state(causal, x):
    for got, want in zip(causal.run(x), causal.run(x, None, causal.zero_state(7)), strict=True):
        np.testing.assert_array_equal(got, want)


def test_one_thread_equals_many(model, x):
    many_rows = np.resize(x, (200, 19, 2))
    alone = model.predict(many_rows)

    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: model.predict(many_rows), range(8)):
            np.testing.assert_array_equal(got, alone)


def test_a_start_state_is_remembered(causal, x):
    state = np.full((7, causal.manifest.state_size), 0.5, np.float32)

    _, from_zero = causal.run(x[:, :2])
    _, from_half = causal.run(x[:, :2], None, state)

    assert np.abs(from_half - from_zero).max() > 1e-3


def test_a_bidirectional_last_answer_reads_both_ends(bidirectional, x):
    if bidirectional.manifest.head != "last":
        return
    first_changed, last_changed = x.copy(), x.copy()
    first_changed[:, 0] += 3
    last_changed[:, -1] += 3

    whole = bidirectional.predict(x)

    assert np.abs(bidirectional.predict(first_changed) - whole).max() > 1e-3
    assert np.abs(bidirectional.predict(last_changed) - whole).max() > 1e-3
