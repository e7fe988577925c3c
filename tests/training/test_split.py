"""Two parts that share nothing, whatever is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrt.errors import UsageError
from seqrt.training.split import by_sequence, in_time

SHARES = st.floats(0, 0.99)


@given(rows=st.integers(1, 500), val=SHARES, least=st.integers(1, 60))
def test_in_time_both_parts_hold_a_window_or_the_call_is_refused(rows, val, least):
    try:
        cut = in_time(rows, val, least)
    except UsageError:
        assert rows < 2 * least or rows * (1 - val) < least + 1
        return

    assert cut >= least
    assert rows - cut >= least if val > 0 else cut == rows


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
