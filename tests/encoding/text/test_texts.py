"""Texts in one array: the same as a list of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrt.encoding.text.iso_dates import iso_microseconds
from seqrt.encoding.text.texts import NumberTexts, Texts
from seqrt.encoding.times import read_texts


def texts(*words: str) -> Texts:
    held = [word.encode() for word in words]
    return Texts.of_lengths(b"".join(held), np.array(list(map(len, held)), np.int64))


@given(st.lists(st.text("aäß€😀1", max_size=5)), st.data())
def test_texts_are_a_list_of_words(words, data):
    held = texts(*words)
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(words))] * 2)))
    rows = data.draw(st.lists(st.integers(0, len(words) - 1))) if words else []

    assert held.tolist() == list(held) == words
    assert [held[i] for i in range(-len(words), len(words))] == words + words
    assert held[first:last].tolist() == words[first:last]
    assert held[::-2].tolist() == words[::-2]
    assert held[first:last].take(np.arange(last - first)).tolist() == words[first:last]
    assert held.take(np.array(rows, np.int64)).tolist() == [words[row] for row in rows]
    assert Texts.joined([held[:first], held[first:]]).tolist() == words


@given(st.lists(st.text("a1ä", max_size=5), min_size=1))
def test_characters_are_ascii_codes_that_end_with_zeros(words):
    codes = texts(*words).characters(4)

    if all(map(str.isascii, words)) and max(map(len, words)) <= 4:
        assert codes is not None
        assert [bytes(row).rstrip(b"\0").decode() for row in codes] == words
    else:
        assert codes is None


@pytest.mark.parametrize(
    ("words", "same"),
    [
        (["12-3", "45-6"], True),
        (["12-3", "45/6"], False),
        (["12", "1a"], False),
        (["1a", "12"], False),
        (["1", "12"], False),
        (["ä1", "ä2"], True),
        ([], False),
    ],
)
def test_texts_of_one_form_differ_in_digits_alone(words, same):
    assert texts(*words).one_form() == same
    assert texts("?", *words)[1:].one_form() == same


def test_numbers_are_written_by_value():
    held = NumberTexts(np.array([1.0, 2.5, np.nan, 1e300]))
    exact = NumberTexts(np.array([2.0**53, np.nan]), np.array([2**53 + 1, 0]))

    assert list(held) == [held[i] for i in range(4)] == ["1", "2.5", "", "1e+300"]
    assert held[1:3].tolist() == ["2.5", ""]
    assert held.take(np.array([3, 0])).tolist() == ["1e+300", "1"]
    assert list(exact) == ["9007199254740993", ""]
    assert held[-1] == "1e+300"


@pytest.mark.parametrize(
    "words",
    [
        ["2024-02-28", "2024-02-29"],
        ["1969-12-31 23:59", "1970-01-01 00:00"],
        ["0001-01-01T00:00:00.5", "9999-12-31T23:59:59.9"],
    ],
)
def test_iso_dates_are_read_as_by_the_reader_of_all_dates(words):
    careful = read_texts(words)

    found = iso_microseconds(texts(*words))

    assert careful is not None
    assert found is not None
    assert found.tolist() == careful.times.wall.tolist()


@pytest.mark.parametrize(
    "words", [["2024-02-30"], ["0000-01-01"], ["2024-01-01", "2024-01-1"], ["20240101"], ["x"], []]
)
def test_other_text_is_left_to_the_reader_of_all_dates(words):
    assert iso_microseconds(texts(*words)) is None
