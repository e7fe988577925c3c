"""One-hot rows become labels, and rows that are not one-hot are named."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.labels import as_written, is_one_hot, of_one_hot
from seqrt.errors import InputError


@pytest.mark.parametrize("kind", [bool, np.int64, np.uint8, np.float32])
def test_one_one_in_every_row_is_one_hot(kind):
    y = np.eye(3)[[0, 2, 2]].astype(kind)

    assert is_one_hot(y)
    assert of_one_hot("y", y, (0, 1, 2)).tolist() == [0, 2, 2]
    assert of_one_hot("y", y, ("a", "b", "c")).tolist() == ["a", "c", "c"]


@pytest.mark.parametrize(
    "y",
    [
        np.ones((3, 1)),
        np.ones(3),
        np.zeros((3, 2)),
        np.array([[0, 1], [1, 1]]),
        np.array([[0, 2], [1, 0]]),
        np.array([[0.5, 0.5], [1, 0]]),
        np.array([[np.nan, 1], [1, 0]]),
        np.array([["0", "1"]]),
        np.zeros((0, 3)),
    ],
)
def test_all_else_is_not(y):
    assert not is_one_hot(y)


def test_the_first_row_that_is_not_one_hot_is_named():
    with pytest.raises(
        InputError, match=r"^E_INPUT_LABEL: y must be one-hot, .* 2 columns .*; row 1 is \[1, 1\]"
    ):
        of_one_hot("y", np.array([[0, 1], [1, 1], [0, 0]]), ("a", "b"))


@pytest.mark.parametrize(
    ("labels", "classes", "want"),
    [
        ([1, 2, 1], ("1", "2", "x"), ["1", "2", "1"]),
        (["0", "1"], (0, 1), [0, 1]),
        (["0", "D"], (0, 1), [0, "D"]),
        (["a", "d"], ("a", "b"), ["a", "d"]),
    ],
)
def test_labels_are_written_as_the_classes_are_and_others_stay(labels, classes, want):
    assert as_written(labels, classes).tolist() == want
