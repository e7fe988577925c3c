"""Which columns hold texts, and how many words they have."""

from __future__ import annotations

import pytest

from seqrt.data.table import Table
from seqrt.data.texts.columns import are_sentences, chunk_counts, likely_texts, texts_of
from seqrt.encoding.column import TableColumn
from seqrt.encoding.text.texts import Texts
from seqrt.errors import UsageError


def table(**columns):
    rows = len(next(iter(columns.values())))
    return Table("t.csv", TableColumn.of_texts(columns), range(2, rows + 2))


def test_runs_without_white_space_are_counted_text_by_text():
    texts = Texts.of([" a  bc ", "", "d", "\t\n", "é ü\nx", "e"])

    assert chunk_counts(texts).tolist() == [2, 0, 1, 0, 3, 1]
    assert chunk_counts(texts[2:5]).tolist() == [1, 0, 3]
    assert chunk_counts(Texts.of([])).tolist() == []


def test_sentences_have_three_words_or_more():
    assert are_sentences(Texts.of(["a b c", "a b c d", "", "a"]))
    assert not are_sentences(Texts.of(["Ana Silva", "Bo", "吾輩は猫である。名前はまだ無い。"]))
    assert not are_sentences(Texts.of(["", " "]))


def test_texts_differ_from_row_to_row_and_categories_do_not():
    found = table(
        id=["1", "2", "3", "4"],
        day=["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-09"],
        review=["a b", "c d", "e f", "a b"],
        mood=["up", "down", "up", "down"],
    )

    assert likely_texts(found, ("mood",)) == ["review"]


def test_numbers_that_were_never_text_hold_no_texts():
    found = Table("t.npy", {"x0": TableColumn.of_floats(TableColumn.of_text(["1"]).values)}, [1])

    with pytest.raises(UsageError, match=r"column 'x0' of t\.npy holds numbers, not texts"):
        texts_of(found, "x0")
