"""Bounds of a span, and single cells that are dates."""

from __future__ import annotations

import pytest

from seqrt.encoding.dates import between, is_date
from seqrt.encoding.times import read_texts


@pytest.mark.parametrize("text", ["1958-03-29", "29.03.1958", "3/29/1958 12:00", "19580329"])
def test_a_date_is_one(text):
    assert is_date(text)


@pytest.mark.parametrize(
    "text",
    ["date", "5", "12.5", "1958", "1958-03", "2024Q1", "Mar 1958", "31.02.1958", "2024Q9", ""],
)
def test_another_text_is_no_date(text):
    assert not is_date(text)


@pytest.mark.parametrize(
    ("first", "last", "inside"),
    [
        ("2024-02", "2024-02", [False, True, True, False]),
        ("29.02.2024", None, [False, False, True, True]),
        (None, "1.2.2024", [True, True, False, False]),
        (None, "2024-02-29 12:00", [True, True, True, False]),
    ],
)
def test_a_bound_is_written_as_in_the_data_or_as_iso(first, last, inside):
    times = read_texts(["31.01.2024 23:00", "1.2.2024 00:00", "29.2.2024 12:00", "1.3.2024 0:00"])

    assert between(times.times, first, last).tolist() == inside


def test_a_bound_is_on_the_clock_of_the_data_unless_it_has_a_zone():
    times = read_texts(["2024-01-01 00:30+02:00", "2024-01-01 01:30+02:00"]).times

    assert between(times, "2024-01-01", None).tolist() == [True, True]
    assert between(times, "2023-12-31 23:00Z", None).tolist() == [False, True]
