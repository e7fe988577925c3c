"""The problem of a language model: each byte of a text, and the byte that comes after it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqrt.contract.text import Text
from seqrt.errors import UsageError
from seqrt.metrics import measure
from seqrt.training import prepare
from seqrt.training.problems.from_book import book_baselines, book_problem, pair_counts
from seqrt.training.problems.split import Fold

TEXT = bytes(range(256)) * 4 + "Grüße, 東京! ".encode() * 100


def test_the_ids_of_a_text_are_its_bytes_and_the_targets_the_bytes_after_them():
    problem = book_problem(TEXT, "a.txt", 0.1)

    (x,), (y,) = problem.train.x, problem.train.y
    (x_val,), (y_val,) = problem.validation.x, problem.validation.y
    ids, targets = np.concatenate([x, x_val])[:, 0], np.concatenate([y, y_val])
    assert bytes((ids - 1).tolist()) == TEXT[:-1]
    assert targets.tobytes() == TEXT[1:]
    assert len(x_val) == round(0.1 * (len(TEXT) - 1))
    assert x.base is x_val.base
    assert (x.dtype, y.dtype) == (np.int32, np.uint8)


def test_it_is_described_as_a_language_model_of_bytes():
    problem = book_problem(TEXT, "a.txt", 0.0)

    assert problem.validation is None
    assert problem.metadata.task == "generate"
    assert problem.metadata.classes == tuple(range(256))
    assert problem.metadata.text == Text("bytes", problem.metadata.text.width)
    assert problem.metadata.text.size == problem.metadata.features[0].high + 1 == 257


def test_a_tenth_is_for_validation_unless_it_is_asked_for():
    assert len(book_problem(TEXT, "a.txt", 0.2, usual_val=True).validation.y[0]) == 272
    assert len(book_problem(TEXT, "a.txt", 0.2).validation.y[0]) == 545


def test_a_text_too_short_says_how_many_bytes_are_needed():
    with pytest.raises(UsageError, match=r"at least 1,000 bytes, but a\.txt has 999\. Give a long"):
        book_problem(TEXT[:999], "a.txt")
    with pytest.raises(UsageError, match=r"folds are for many sequences, but a\.txt is one text"):
        book_problem(TEXT, "a.txt", Fold(1, 5))


def test_pairs_are_counted_as_they_follow_each_other():
    problem = book_problem(b"abac" * 300, "a.txt", 0.0)

    counts = pair_counts(problem.train)

    a, b, c = b"abc"
    assert counts[a, b] == counts[b, a] == counts[a, c] == 300
    assert counts[c, a] == 299
    assert counts.sum() == 1199


def test_the_baselines_are_the_probabilities_that_counts_give():
    problem = book_problem(TEXT, "a.txt", 0.25)
    (y,), (x_val,), (y_val,) = problem.train.y, problem.validation.x, problem.validation.y
    counts = np.bincount(y, minlength=256) + 1.0
    predicted = np.tile(counts / counts.sum(), (len(y_val), 1))
    after = np.ones((256, 256))
    np.add.at(after, (problem.train.x[0][:, 0] - 1, y), 1)
    given = (after / after.sum(1, keepdims=True))[x_val[:, 0] - 1]

    found = book_baselines(problem)

    for name, p in (("byte frequencies", predicted), ("after each byte", given)):
        want = measure("generate", y_val, p, problem.metadata.classes)
        assert found[name] == pytest.approx((want["nats per byte"], want["accuracy"]))
    assert found["after each byte"][0] < found["byte frequencies"][0] < math.log(256)


@pytest.mark.parametrize("lines", ["1,2.5\n2,3\n", "1 2\n3 4\n5 6\n", "1\n\n2\n3\n"])
def test_lines_of_numbers_are_a_table_unless_they_are_to_be_written(tmp_path, lines):
    path = tmp_path / "x.txt"
    path.write_text(f"t,x\n{lines * 400}", encoding="utf-8")

    with pytest.raises(UsageError, match=r"x\.txt holds lines of numbers.* rename it to \.csv"):
        prepare(str(path))
    assert prepare(str(path), task="generate").metadata.task == "generate"


def test_a_text_with_some_numbers_is_a_text(tmp_path):
    (tmp_path / "x.txt").write_text("1.\n2 eggs\n\n3.\n" * 400, encoding="utf-8")

    assert prepare(str(tmp_path / "x.txt")).metadata.task == "generate"
