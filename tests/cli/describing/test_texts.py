"""`seqrt describe` and `seqrt info` of texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def many(tmp_path, monkeypatch):
    """Write many.csv with forty reviews and go there."""
    monkeypatch.chdir(tmp_path)
    rows = [f"a {w} film of number {i},{w}" for i in range(20) for w in ("good", "bad")]
    Path("many.csv").write_text("\n".join(["text,mood", *rows]), encoding="utf-8")


def test_the_column_of_texts_is_found_and_the_command_names_it(run, many):
    done = run("describe", "many.csv")

    assert done.code == 0
    assert "texts       40 texts in text, of 6 words (median 6)" in done.out
    assert "words       26 different ones, " in done.out
    assert "labels      2: bad (20), good (20)" in done.out
    assert done.out.splitlines()[-1] == (
        "train       seqrt train many.csv --text text --target mood"
    )


def test_a_target_among_several_columns_is_a_guess(run, many):
    lines = Path("many.csv").read_text().splitlines()
    wide = [f"{line},{i % 7}.5" for i, line in enumerate(lines[1:])]
    Path("wide.csv").write_text("\n".join([lines[0] + ",size", *wide]), encoding="utf-8")

    done = run("describe", "wide.csv", "--text", "text")

    assert "mood is a guess at the target: name another with --target" in done.out
    assert done.out.splitlines()[-1] == (
        "train       seqrt train wide.csv --text text --target mood"
    )


def test_the_record_has_the_texts_and_the_command(run, many):
    found = json.loads(run("describe", "many.csv", "--json").out)

    assert found["kind"] == "texts"
    assert found["texts"]["unit"] == "word"
    assert found["labels"] == {"bad": 20, "good": 20}
    assert found["suggested"]["command"] == "seqrt train many.csv --text text --target mood"


def test_folders_of_classes_and_a_book_are_trained_on_as_they_are(run, many):
    for label, text in (("pos", "a good film"), ("neg", "a bad film")):
        for i in range(6):
            Path("folders", label).mkdir(parents=True, exist_ok=True)
            Path("folders", label, f"{i}.txt").write_text(f"{text} {i}", encoding="utf-8")
    Path("book.txt").write_text("To be, or not to be.\n" * 99, encoding="utf-8")

    folders, book = run("describe", "folders"), run("describe", "book.txt")

    assert folders.out.endswith("train       seqrt train folders\n")
    assert "data        book.txt: a text of 2,079 bytes" in book.out
    assert book.out.endswith("train       seqrt train book.txt\n")


def test_there_is_no_picture_of_texts(run, many):
    done = run("describe", "many.csv", "--plot", "x.png")

    assert "picture: none, because there are no numbers to draw" in done.err
    assert not Path("x.png").exists()


def test_info_says_how_text_is_read_and_that_words_are_training_data(run, text_models):
    done = run("info", text_models / "words.onnx")

    assert (
        "reads     text in the column review, word by word in lower case: 7 known words, and one id"
        " for all others\n"
    ) in done.out
    assert "words     good, bad, film, a, !, the, café\n" in done.out
    assert "the words are training data, and whoever has the file can read them" in done.out
    assert '"vocabulary"' in run("info", text_models / "words.onnx", "--json").out


def test_info_of_bytes_and_of_a_language_model(run, text_models):
    names, book = run("info", text_models / "bytes.onnx"), run("info", text_models / "book.onnx")

    assert "reads     text in the column name, byte by byte\n" in names.out
    assert "writes    text, byte by byte: seqrt generate\n" in book.out
    assert "classes" not in book.out
