"""Texts from training to predictions, by command."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

import seqrt
from seqrt.runtime import Model
from seqrt.training import load_run


@pytest.fixture
def reviews(tmp_path, monkeypatch):
    """Go to a folder with generated reviews, in train.csv and in test.csv."""
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    for name, count in (("train.csv", 240), ("test.csv", 60)):
        with open(name, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["review", "label"])
            for i in range(count):
                label = rng.choice(["pos", "neg"])
                word = rng.choice(["good", "fine"] if label == "pos" else ["bad", "dull"])
                writer.writerow([f'The {rng.choice(["film", "cast"])} is "{word}",\nno {i}', label])
    return tmp_path


SMALL = ("--units", "16", "--embedding", "16", "--dropout", "0", "--lr", "0.02")


def test_reviews_are_learnt_exported_predicted_judged_and_streamed(run, reviews):
    trained = run("train", "train.csv", "--epochs", "6", *SMALL, "--json")
    exported = run("export", "-o", "reviews.onnx")
    judged = run("evaluate", "test.csv", "-m", "reviews.onnx", "--json")
    predicted = run("predict", "test.csv", "-m", "reviews.onnx")

    assert [done.code for done in (trained, exported, judged, predicted)] == [0] * 4
    assert json.loads(trained.out)["columns"]["review"]["use"] == "text"
    assert "text        review, as words, in lower case, " in trained.err
    assert json.loads(judged.out)["figures"]["accuracy"] == 1
    with open("test.csv", encoding="utf-8", newline="") as file:
        truth = [row["label"] for row in csv.DictReader(file)]
    with open("test.pred.csv", encoding="utf-8", newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == truth
    assert isinstance(seqrt.load("reviews.onnx"), Model)
    assert "240" not in seqrt.load("reviews.onnx").manifest.text.vocabulary


def test_several_tables_are_read_as_one(run, reviews):
    Path("parts").mkdir()
    for name in ("train.csv", "test.csv"):
        Path(name).rename(Path("parts", name))

    done = run("train", "parts", "--target", "label", "--epochs", "1", *SMALL, "--json")

    assert done.code == 0
    assert json.loads(done.out)["sequences"] == {"training": 240, "validation": 60}


def test_a_run_of_texts_can_be_continued_with_its_vocabulary(run, reviews):
    run("train", "train.csv", "--epochs", "1", *SMALL, "-o", "first")

    done = run("train", "test.csv", "--from", "first", "--epochs", "1", "-o", "second")

    assert done.code == 0
    assert load_run("second").metadata.text == load_run("first").metadata.text
    assert "the vocabulary is that of the earlier run" in done.err


def test_a_committee_of_texts_is_one_network_with_one_vocabulary(run, reviews):
    done = run("train", "train.csv", "--folds", "2", "--epochs", "1", *SMALL, "-o", "both")

    texts = [load_run(path).metadata.text for path in ("both", "both/fold-1", "both/fold-2")]
    assert done.code == 0
    assert texts[0] == texts[1] == texts[2]
    assert run("export", "both", "-o", "both.onnx").code == 0


def test_trials_of_texts_are_without_noise(run, reviews):
    pytest.importorskip("optuna", reason="needs optuna, which searches")

    done = run("train", "train.csv", "--trials", "2", "--epochs", "1")

    assert done.code == 0
    assert "noise 0." not in done.err
    assert "trial 1/2: gru 64, lr 0.002, dropout 0.5" in done.err
