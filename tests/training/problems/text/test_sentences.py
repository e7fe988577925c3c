"""The built-in text task: drawn from a seed, balanced, read by its grammar and not by its words."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest

from seqrt.errors import UsageError
from seqrt.training.problems.prepare import prepare
from seqrt.training.problems.text.sentences import COUNT, sentences

BAD = {"bad", "clumsy", "dull", "flimsy", "heavy", "noisy", "slow", "weak"}
GOOD = {"bright", "comfortable", "good", "pleasant", "quick", "quiet", "reliable", "solid"}


@pytest.fixture(scope="module")
def drawn():
    return sentences(0)


def verdict(text: str) -> str:
    """Read a sentence by its grammar: the main clause, its adjective, and what negates it."""
    main = text.replace("anything but", "not").rpartition(" but ")[2]
    if "although" in main:
        before, _, after = main.partition("although ")
        main = before if " is " in before else after.partition(" the ")[2]
    words = main.split()
    negated = bool({"not", "never", "hardly"} & {*words})
    return "positive" if (words[-1] in GOOD) != negated else "negative"


def test_a_seed_draws_the_same_sentences_everywhere(drawn):
    texts, labels = drawn

    assert sentences(0) == drawn
    assert sentences(0, 10) == (texts[:10], labels[:10])
    assert sentences(1)[0] != texts
    assert (texts[0], labels[0]) == ("in daily use the drill is not reliable", "negative")
    assert (texts[6], labels[6]) == (
        "after a month the lamp is reliable but never solid",
        "negative",
    )
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    assert digest[:16] == "3273bcf62042a772"


@pytest.mark.parametrize(("count", "positive"), [(0, 0), (1, 0), (7, 3), (COUNT, COUNT // 2)])
def test_no_sentence_comes_twice_and_half_of_them_are_positive(count, positive):
    texts, labels = sentences(3, count)

    assert len({*texts}) == len(texts) == len(labels) == count
    assert Counter(labels) == Counter({"positive": positive, "negative": count - positive})


def test_the_label_is_the_verdict_of_the_main_clause(drawn):
    assert [verdict(text) for text in drawn[0]] == drawn[1]


def test_every_adjective_is_used_and_every_label_is_right_for_the_examples_in_words():
    texts, _ = sentences(2)

    assert {word for text in texts for word in text.split()} >= BAD | GOOD
    assert verdict("the kettle is good but too slow") == "negative"
    assert verdict("the kettle is never bad") == "positive"
    assert verdict("although the box is bad the lamp is anything but dull") == "positive"


def test_a_bag_of_words_leaves_over_a_third_of_the_sentences_wrong(drawn):
    texts, labels = drawn
    bags = [{*text.split()} for text in texts]
    counts = {
        label: Counter(
            word for bag, own in zip(bags, labels, strict=True) if own == label for word in bag
        )
        for label in ("positive", "negative")
    }

    def votes(bag):
        """The log odds of all words, as naive Bayes counts them in these very sentences."""
        odds = [(counts["positive"][word] + 1) / (counts["negative"][word] + 1) for word in bag]
        return np.log(odds).sum()

    right = np.mean(
        [(votes(bag) > 0) == (own == "positive") for bag, own in zip(bags, labels, strict=True)]
    )
    assert right < 0.65


def test_the_same_words_in_another_order_have_another_label():
    labels_of: dict[tuple[str, ...], set[str]] = {}
    for text, label in zip(*sentences(0, 20_000), strict=True):
        labels_of.setdefault(tuple(sorted(text.split())), set()).add(label)

    assert sum(len(found) == 2 for found in labels_of.values()) > 50


@pytest.mark.parametrize("count", [-1, 20_001])
def test_a_count_that_cannot_be_drawn_is_refused(count):
    with pytest.raises(UsageError, match=r"count must be from 0 to 20,000 sentences, got "):
        sentences(0, count)


def test_it_is_prepared_by_its_name_as_texts_of_words_with_two_classes(drawn):
    problem = prepare("sentences")

    metadata = problem.metadata
    assert (metadata.name, metadata.task) == ("sentences", "classify")
    assert metadata.classes == ("negative", "positive")
    assert metadata.text.kind == "words"
    assert metadata.text.column == "text"
    assert len(problem.train) + len(problem.validation) == len(drawn[0])
    assert metadata.data_sha256 == prepare("sentences").metadata.data_sha256
    assert metadata.data_sha256 != prepare("sentences", seed=1).metadata.data_sha256


def test_it_may_be_read_as_bytes_and_takes_no_length():
    assert prepare("sentences", tokens="bytes").metadata.text.kind == "bytes"
    with pytest.raises(UsageError, match=r"--length does not apply to sentences: .* Drop it"):
        prepare("sentences", length=20)
