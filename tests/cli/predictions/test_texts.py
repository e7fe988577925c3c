"""`seqrt predict` with models of text: tables, files, folders and lines."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt.text.tokenizer import Tokenizer


def expected(model, texts):
    opened = seqrt.load(model)
    tokenizer = Tokenizer(opened.manifest.text)
    return [opened.predict([tokenizer.encode(text)])[0] for text in texts]


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_row_has_its_columns_the_label_and_its_probability(run, reviews, text_models):
    done = run("predict", "reviews.csv", "-m", text_models / "words.onnx")

    assert (done.code, done.out) == (0, "reviews.pred.csv\n")
    rows = rows_of("reviews.pred.csv")
    texts = [row["review"] for row in rows]
    assert texts == ['A good film, the "café"!', "bad\nfilm", " ", "none", "the film"]
    assert [list(row) for row in rows] == [["id", "review", "label", "probability"]] * 5
    filled = [0, 1, 3, 4]
    wanted = expected(text_models / "words.onnx", [texts[i] for i in filled])
    for i, y in zip(filled, wanted, strict=True):
        assert rows[i]["label"] == ("neg", "pos")[y.argmax()]
        assert np.float32(rows[i]["probability"]) == y.max()


def test_a_row_without_a_text_has_empty_cells_and_is_told_of(run, reviews, text_models):
    done = run("predict", "reviews.csv", "-m", text_models / "words.onnx")

    assert "1 row without a text has no prediction, and empty cells" in done.err
    assert list(rows_of("reviews.pred.csv")[2].values()) == ["3", " ", "", ""]


def test_numbers_and_labels_of_whole_numbers_are_written_as_numbers(run, reviews, text_models):
    Path("x.jsonl").write_text('{"name": "Bo"}\n{"name": ""}\n', encoding="utf-8")

    run("predict", "x.jsonl", "-m", text_models / "bytes.onnx")
    run("predict", "reviews.csv", "-m", text_models / "stars.onnx", "-o", "stars.jsonl")

    first, second = map(json.loads, Path("x.pred.jsonl").read_text().splitlines())
    (y,) = expected(text_models / "bytes.onnx", ["Bo"])
    assert first["label"] == int(y.argmax()) + 1
    assert second == {"name": "", "label": None, "probability": None}
    stars = [json.loads(line)["label"] for line in Path("stars.jsonl").read_text().splitlines()]
    (wanted,) = expected(text_models / "stars.onnx", ["the film"])
    assert stars[2] is None
    assert np.float32(stars[4]) == wanted[0]


def test_an_array_has_the_probabilities_of_the_rows_with_texts(run, reviews, text_models):
    run("predict", "reviews.csv", "-m", text_models / "words.onnx", "-o", "y.npy")

    assert np.load("y.npy").shape == (4, 2)


def test_the_column_of_texts_is_that_of_training_the_only_one_or_named(run, reviews, text_models):
    Path("one.csv").write_text("comment,label\nthe film,pos\n", encoding="utf-8")
    Path("two.tsv").write_text("a\tb\nx\tthe film\n", encoding="utf-8")
    words = ("-m", text_models / "words.onnx", "-o", "-")

    alone = run("predict", "one.csv", *words)
    unknown = run("predict", "two.tsv", *words)
    named = run("predict", "two.tsv", "--text", "b", *words)

    assert alone.out.splitlines()[1].split(",")[1:] == named.out.splitlines()[1].split(",")[2:]
    assert unknown.code == 3
    assert "E_INPUT_COLUMN: two.tsv must have the column 'review'" in unknown.err


def test_each_line_of_a_txt_file_and_each_file_of_a_folder_is_a_text(run, reviews, text_models):
    Path("lines.txt").write_text("the film\n\nbad film\n", encoding="utf-8")
    Path("new").mkdir()
    Path("new/1.txt").write_text("the film\n", encoding="utf-8")

    run("predict", "lines.txt", "-m", text_models / "words.onnx")
    run("predict", "new", "-m", text_models / "words.onnx")

    lines, files = rows_of("lines.pred.csv"), rows_of("new.pred.csv")
    assert [row["text"] for row in lines] == ["the film", "", "bad film"]
    assert files[0]["file"] == "new/1.txt"
    assert files[0]["probability"] == lines[0]["probability"]


def test_tags_have_a_row_for_each_word(run, reviews, text_models):
    Path("x.jsonl").write_text(
        '{"review": ["The", "film!"]}\n{"review": []}\n{"review": ["bad"]}\n', encoding="utf-8"
    )

    done = run("predict", "x.jsonl", "-m", text_models / "tags.onnx", "-o", "-")

    rows = list(csv.DictReader(done.out.splitlines()))
    assert [(row["row"], row["word"]) for row in rows] == [
        ("1", "The"),
        ("1", "film!"),
        ("3", "bad"),
    ]
    (y,) = expected(text_models / "tags.onnx", ["the film !"])
    assert rows[1]["label"] == ("ADJ", "NOUN", "O")[y[2].argmax()]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("reviews.csv", "-m", "book"),
            "book is a language model, which writes text",
        ),
        (
            ("reviews.csv", "-m", "words", "--time", "id"),
            "--dates and --channels-first do",
        ),
        (("reviews.csv", "-m", "words", "--text", "reviw"), "Did you mean 'review'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(run, reviews, text_models, words, said):
    named = [text_models / f"{word}.onnx" if word in ("book", "words") else word for word in words]

    done = run("predict", *named)

    assert (done.code, done.out) == (2, "")
    assert said in done.err
