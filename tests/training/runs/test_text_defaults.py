"""What text gets by default: sizes, pool and epochs by what is learnt, unless they are given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seqrt.training import Plan


@pytest.fixture
def reviews(tmp_path):
    """Eighty short reviews and their label."""
    path = tmp_path / "reviews.csv"
    kinds = ("a good and warm film,yes", "a bad and cold film,no")
    path.write_text("\n".join(["review,liked", *kinds * 40]) + "\n")
    return str(path)


def resolved(source, **options):
    plan = Plan(source, text="review", target="liked", **options)
    return plan.resolved(plan.problem())


def test_words_are_read_by_their_maximum_and_bytes_by_the_last(reviews):
    words = resolved(reviews, tokens="words")
    data = resolved(reviews, tokens="bytes")

    assert (words.units, words.embedding, words.dropout, words.pool) == ((64,), 64, 0.5, "max")
    assert (data.units, data.embedding, data.dropout, data.pool) == ((128,), 32, 0.3, "last")
    assert words.epochs == data.epochs == 30


def test_an_output_at_every_step_has_no_pool(reviews):
    plan = Plan(reviews, text="review", target="liked", tokens="words")
    problem = replace(plan.problem(), head="sequence")

    assert plan.resolved(problem).pool == "last"


def test_what_is_given_stays(reviews):
    found = resolved(reviews, tokens="words", cell="lstm", pool="mean", epochs=2, lr=0.01)

    assert (found.cell, found.pool, found.epochs, found.lr) == ("lstm", "mean", 2, 0.01)
    assert (found.units, found.dropout) == ((64,), 0.5)
