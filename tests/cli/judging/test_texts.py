"""`seqrt evaluate` with models of text."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt.cli.judging import books
from seqrt.text.tokenizer import Tokenizer


def test_texts_are_judged_by_their_labels_beside_the_majority_class(run, reviews, text_models):
    done = run("evaluate", "reviews.csv", "-m", text_models / "words.onnx", "--json")

    found = json.loads(done.out)
    model = seqrt.load(text_models / "words.onnx")
    encode = Tokenizer(model.manifest.text).encode
    texts = ['a good film, the "café"!', "bad film", "the film"]
    right = [int(model.predict([encode(t)])[0].argmax()) for t in texts] == np.array([1, 0, 1])
    assert found["answers"] == 3
    assert found["figures"]["accuracy"] == pytest.approx(right.mean())
    assert found["baselines"]["majority class"]["accuracy"] == pytest.approx(2 / 3)
    assert found["notes"][0] == "2 rows are left out: 1 without a text and 1 without a target"
    assert "of the words of a text are unknown" in found["notes"][1]


def test_the_table_of_metrics_has_the_baseline_beside_the_model(run, reviews, text_models):
    done = run("evaluate", "reviews.csv", "-m", text_models / "words.onnx")

    first, second, *_ = done.out.splitlines()
    assert first.split() == ["model", "majority", "class"]
    assert second.split()[0] == "accuracy"


def test_numbers_and_tags_are_judged(run, reviews, text_models):
    Path("stars.csv").write_text("review,label\nthe film,1\nbad,4\na,2.5\n", encoding="utf-8")
    rows = '{"review": ["the", "film!"], "label": ["O", "NOUN"]}\n'
    Path("tags.jsonl").write_text(rows * 3, encoding="utf-8")

    stars = run("evaluate", "stars.csv", "-m", text_models / "stars.onnx", "--json")
    tags = run("evaluate", "tags.jsonl", "-m", text_models / "tags.onnx", "--json")

    assert json.loads(stars.out)["baselines"]["mean"]["mse/variance"] == 1
    assert json.loads(tags.out)["answers"] == 9
    assert json.loads(tags.out)["baselines"]["majority class"]["accuracy"] == pytest.approx(2 / 3)


def nats_of(model, data):
    ids = np.frombuffer(data, np.uint8).astype(np.int64) + 1
    y, _ = seqrt.load(model).run(ids[None, :-1])
    return -np.log(y[0, np.arange(len(ids) - 1), ids[1:] - 1].astype(float)).mean()


def test_a_language_model_is_judged_on_every_byte_but_the_first(run, reviews, text_models):
    data = bytes(np.random.default_rng(0).integers(0, 256, 3000).tolist())
    Path("book.txt").write_bytes(data)

    done = run("evaluate", "book.txt", "-m", text_models / "book.onnx", "--json")

    found = json.loads(done.out)
    nats = nats_of(text_models / "book.onnx", data)
    counts = np.bincount(np.frombuffer(data[1:], np.uint8))
    share = counts[counts > 0] / counts.sum()
    assert found["answers"] == 2999
    assert found["figures"]["nats per byte"] == pytest.approx(nats, rel=1e-6)
    assert found["figures"]["bits per byte"] == pytest.approx(nats / math.log(2), rel=1e-6)
    assert found["figures"]["perplexity"] == pytest.approx(math.exp(nats), rel=1e-5)
    assert found["baselines"]["byte frequencies"]["nats per byte"] == pytest.approx(
        -(share * np.log(share)).sum()
    )


def test_a_long_text_is_read_in_rows_that_score_each_byte_once(text_models, monkeypatch):
    monkeypatch.setattr(books, "_SHORTEST_ROW", 64)
    text = np.random.default_rng(0).integers(0, 256, 1000).astype(np.uint8)
    model = seqrt.load(text_models / "book.onnx")

    pieces = list(books._scored(model, text))

    counts = sum(np.bincount(truth, minlength=256) for truth, _ in pieces)
    assert (counts == np.bincount(text[1:], minlength=256)).all()
    whole = nats_of(text_models / "book.onnx", text.tobytes())
    total = sum(np.log(p[np.arange(len(t)), t].astype(float)).sum() for t, p in pieces)
    # each row begins after 512 bytes, which is more than this network remembers
    assert -total / 999 == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("reviews.csv", "-m", "book"), 2, "measured on the bytes of .txt files, got reviews.csv"),
        (("reviews.csv", "-m", "words", "--span", "1:2"), 2, "--span does not apply to texts"),
        (("reviews.csv", "-m", "words", "--season", "2"), 2, "--season, --baselines and --plot"),
        (("other.csv", "-m", "words"), 3, "E_INPUT_LABEL: every label must be one of the classes"),
        (("reviews.csv", "-m", "words", "--target", "lable"), 2, "Did you mean 'label'"),
        (("empty.txt", "-m", "book"), 3, "E_INPUT_EMPTY: empty.txt must have a text of two bytes"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(run, reviews, text_models, words, code, said):
    Path("other.csv").write_text("review,label\nthe film,good\nbad,poor\n", encoding="utf-8")
    Path("empty.txt").write_text("x", encoding="utf-8")
    named = [text_models / f"{word}.onnx" if word in ("book", "words") else word for word in words]

    done = run("evaluate", *named)

    assert (done.code, done.out) == (code, "")
    assert said in done.err
