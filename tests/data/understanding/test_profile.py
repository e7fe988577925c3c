"""A column in a few numbers."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.understanding.profile import Profile
from seqrt.encoding.column import TableColumn


def test_numbers_have_a_range_a_mean_and_cells_without_a_value():
    profile = Profile.of(TableColumn.of_text(["1", "2", "", "6", "broken", "NA", "2", "1"]))

    assert (profile.low, profile.high, profile.mean) == (1, 6, 2.4)
    assert (profile.missing, profile.unreadable, profile.distinct) == (2, 1, 3)
    assert profile.text() == "numbers from 1 to 6, mean 2.4"


def test_whole_numbers_keep_all_their_digits():
    assert Profile.of(TableColumn.of_text(["20240101", "20240229"])).text() == (
        "numbers from 20240101 to 20240229, mean 20240165"
    )
    counter = TableColumn.of_text(["9007199254740992", "9007199254740994"])
    assert "to 9007199254740994, mean" in Profile.of(counter).text()


def test_numbers_that_were_never_text_are_measured_alike():
    profile = Profile.of(TableColumn.of_floats(np.array([0.5, np.nan, 1.5])))

    assert (profile.missing, profile.unreadable, profile.distinct) == (1, 0, 2)
    assert profile.examples == ("0.5", "1.5")


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (["True", "False", "True", "True"], "true or false, 75% true"),
        (["Mon", "Tue", "Mon", ""], "text with 2 values: Mon, Tue"),
        (["a", "b", "c", "d"], "text with 4 values: a, b, c, ..."),
        (["2024-01-01", "2024-01-02"], "times with 2 values: 2024-01-01, 2024-01-02"),
        (["2024-03-29T01:30:00+01:00"], "times with 1 value: 2024-03-29T01:30:00+01:00"),
        (["a\nb", "a " * 20], f"text with 2 values: a b, {'a ' * 14}a..."),
        (["", "NA"], "text, no values"),
    ],
)
def test_other_kinds_are_shown_by_their_values(cells, text):
    assert Profile.of(TableColumn.of_text(cells)).text() == text
