"""Training and validation share nothing, whatever the options."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrt.errors import UsageError
from seqrt.training.problems.split import Fold, by_sequence, in_each_series, in_time

SHARES = st.floats(0, 0.99)


@given(rows=st.integers(1, 500), val=SHARES, least=st.integers(1, 60))
def test_in_time_both_parts_hold_a_window_or_the_call_is_refused(rows, val, least):
    try:
        kept = in_time(rows, val, least)
    except UsageError:
        assert rows < 2 * least or rows * (1 - val) < least + 1
        return

    assert kept.start >= least
    assert kept.stop == rows
    assert rows - kept.start >= least if val > 0 else kept.start == rows


@given(
    labels=st.lists(st.sampled_from("abc"), min_size=2, max_size=60),
    val=SHARES,
    seed=st.integers(0, 3),
)
def test_by_sequence_the_parts_are_a_partition_with_a_fair_share_of_each_class(labels, val, seed):
    labels = np.array(labels)
    try:
        train, kept = by_sequence(labels, len(labels), val, seed)
    except UsageError:
        assert not 0 < round(val * len(labels)) < len(labels)
        return

    assert sorted([*train, *kept]) == list(range(len(labels)))
    assert len(kept) == round(val * len(labels))
    for label in np.unique(labels):
        fair = val * np.sum(labels == label)
        assert abs(np.sum(labels[kept] == label) - fair) < 2.5


@given(
    labels=st.lists(st.sampled_from("abcdef"), min_size=2, max_size=60),
    val=st.floats(0.01, 0.99),
    seed=st.integers(0, 3),
)
def test_by_sequence_every_class_is_trained_if_there_is_room(labels, val, seed):
    labels = np.array(labels)
    try:
        train, _ = by_sequence(labels, len(labels), val, seed)
    except UsageError:
        return

    assert len(set(labels[train])) == min(len(train), len(set(labels)))


def test_nothing_is_kept_when_nothing_is_asked_for():
    train, kept = by_sequence(None, 7, 0.0, seed=0)

    assert len(kept) == 0
    assert train.tolist() == list(range(7))


def test_a_class_with_one_sequence_is_trained_on():
    labels = np.array(["many"] * 9 + ["one"])

    for seed in range(5):
        _, kept = by_sequence(labels, 10, 0.3, seed)
        assert 9 not in kept


@pytest.mark.parametrize("val", [-0.1, 1.0, float("nan")])
def test_a_share_without_sense_is_refused(val):
    with pytest.raises(UsageError, match="val must be a share from 0 to below 1"):
        by_sequence(None, 10, val, seed=0)


FOLDS = st.integers(2, 12)


@given(rows=st.integers(1, 500), of=FOLDS, least=st.integers(1, 60))
def test_in_time_the_folds_follow_each_other_and_cover_all_rows(rows, of, least):
    try:
        kept = [in_time(rows, Fold(number, of), least) for number in range(1, of + 1)]
    except UsageError:
        assert rows // of < least or rows - rows // of < 2 * least
        return

    assert [row for fold in kept for row in range(rows)[fold]] == list(range(rows))
    assert min(fold.stop - fold.start for fold in kept) >= least


@given(labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=60), of=FOLDS)
def test_by_sequence_every_sequence_is_in_one_fold_and_every_class_in_about_all(labels, of):
    labels = np.array(labels)
    if len(labels) < of:
        with pytest.raises(UsageError, match=f"{of} folds are more than the"):
            by_sequence(labels, len(labels), Fold(1, of), seed=0)
        return

    parts = [by_sequence(labels, len(labels), Fold(n, of), seed=0) for n in range(1, of + 1)]

    assert sorted(i for _, kept in parts for i in kept) == list(range(len(labels)))
    for train, kept in parts:
        assert sorted([*train, *kept]) == list(range(len(labels)))
        for label in np.unique(labels):
            assert abs(np.sum(labels[kept] == label) - np.sum(labels == label) / of) < 2.5


def series(*rows):
    """Series of these numbers of rows, one after the other."""
    bounds = np.cumsum([0, *rows])
    return np.stack([bounds[:-1], bounds[1:]], axis=1)


@given(
    rows=st.lists(st.integers(1, 60), min_size=2, max_size=8),
    val=SHARES | st.builds(Fold, st.just(1), st.just(3)),
    least=st.integers(1, 12),
)
def test_each_series_is_split_by_itself_and_no_row_is_in_both_parts(rows, val, least):
    bounds = np.cumsum([0, *rows])
    try:
        train, kept = in_each_series(series(*rows), val, least)
    except UsageError:
        assert max(rows) < 3 * least or not isinstance(val, Fold)
        return

    numbers = [row for run in (*train.tolist(), *kept.tolist()) for row in range(*run)]
    assert sorted(numbers) == list(range(bounds[-1]))
    for run in (*train.tolist(), *kept.tolist()):
        assert np.searchsorted(bounds, run[0], "right") == np.searchsorted(bounds, run[1], "left")


def test_the_last_part_of_each_series_validates_and_a_short_one_only_trains():
    train, kept = in_each_series(series(10, 3, 20), 0.2, 2)

    assert train.tolist() == [[0, 8], [10, 13], [13, 29]]
    assert kept.tolist() == [[8, 10], [29, 33]]


def test_in_folds_every_row_of_every_series_validates_once():
    parts = [in_each_series(series(10, 3, 20), Fold(n, 4), 2)[1] for n in (1, 2, 3, 4)]

    rows = sorted(row for kept in parts for run in kept.tolist() for row in range(*run))
    assert rows == list(range(33))
