"""The texts of a table as ids of tokens."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.contract.text import Text
from seqrt.data import read
from seqrt.data.texts.ids import ids_of, read_text_ids
from seqrt.encoding.text.texts import Texts
from seqrt.errors import InputError
from seqrt.text.tokenizer import Tokenizer

WORDS = Text("words", 4, "review", "ascii", ("good", "film", "!"))
BYTES = Text("bytes", 4, "review")
TEXTS = ["A good film!", "", "Köln \ud7ff", "none"]


@pytest.mark.parametrize("text", [WORDS, BYTES])
def test_each_text_has_the_ids_of_the_tokenizer(text):
    x = ids_of(Texts.of(["before", *TEXTS])[1:], text)

    assert x.values.dtype == np.int32
    assert [ids[:, 0].tolist() for ids in x] == [
        Tokenizer(text).encode(each).tolist() for each in TEXTS
    ]


@pytest.mark.parametrize("text", [WORDS, BYTES])
def test_rows_without_a_text_are_left_out_and_none_is_a_text(text, tmp_path):
    (tmp_path / "x.csv").write_text('review,y\n"A good film!",1\n  ,2\nnone,3\n', encoding="utf-8")

    found = read_text_ids(read(tmp_path / "x.csv"), text)

    assert found.rows.tolist() == [0, 2]
    assert found.blank == 1
    assert found.x[1][:, 0].tolist() == Tokenizer(text).encode("none").tolist()


def test_a_word_of_a_list_may_be_several_tokens(tmp_path):
    (tmp_path / "x.jsonl").write_text(
        '{"review": ["Good!", " ", "film"]}\n{"review": []}\n', encoding="utf-8"
    )

    found = read_text_ids(read(tmp_path / "x.jsonl"), WORDS)

    assert found.x[0][:, 0].tolist() == [1, 3, 2]
    assert found.items[0].tolist() == [0, 0, 2]
    assert found.rows.tolist() == [0]


def test_the_only_column_of_a_table_may_have_another_name(tmp_path):
    (tmp_path / "x.csv").write_text("comment\ngood film\n", encoding="utf-8")
    (tmp_path / "y.csv").write_text("comment,y\ngood film,1\n", encoding="utf-8")

    assert read_text_ids(read(tmp_path / "x.csv"), WORDS).x[0][:, 0].tolist() == [1, 2]
    with pytest.raises(
        InputError, match=r"^E_INPUT_COLUMN: .*y\.csv must have the column 'review'"
    ):
        read_text_ids(read(tmp_path / "y.csv"), WORDS)
