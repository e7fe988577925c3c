"""Reading .txt files: a text each, or a text in each line."""

from __future__ import annotations

import pytest

from seqrt.data import read
from seqrt.errors import InputError, UsageError


@pytest.fixture
def reviews(tmp_path):
    """Make reviews/neg/ and reviews/pos/ with a text in each file."""
    folder = tmp_path / "reviews"
    for name, text in {
        "pos/1.txt": "good,\nvery good\n",
        "pos/2.txt": "\ufefffine",
        "neg/1.txt": "bad\r\n",
        "neg/notes.md": "no text",
        ".hidden/1.txt": "hidden",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return folder


def test_the_folder_of_a_text_is_its_label(reviews):
    table = read(reviews)

    assert list(table.columns["text"].cells) == ["bad", "good,\nvery good", "fine"]
    assert table.labels("label") == ["neg", "pos", "pos"]
    assert table.cell_place("text", 1) == f"{reviews / 'pos' / '1.txt'}, line 1, column 'text'"


def test_files_without_class_folders_have_no_labels(reviews):
    assert read(reviews / "pos").names == ("text",)


def test_a_single_class_has_nothing_to_be_told_apart_from(reviews):
    (reviews / "neg/1.txt").unlink()

    with pytest.raises(UsageError, match="for each class, but has only 'pos'"):
        read(reviews)


def test_a_text_that_is_not_utf8_is_named_with_its_line(reviews):
    (reviews / "pos/2.txt").write_bytes(b"caf\xc3\xa9\ncaf\xe9\n")

    with pytest.raises(InputError, match=r"^E_INPUT_ENCODING: .*pos/2\.txt .* line 2 is not"):
        read(reviews)


def test_each_line_of_a_txt_file_is_a_text(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_bytes(b"\xef\xbb\xbfone, two\r\n\n3\n")

    table = read(path)

    assert list(table.columns["text"].cells) == ["one, two", "", "3"]
    assert table.row_place(2) == f"{path}, line 3"


def test_a_folder_without_data_says_what_it_may_hold(tmp_path):
    with pytest.raises(InputError, match=r"^E_INPUT_FILE: .* a folder of \.txt files for each"):
        read(tmp_path)
