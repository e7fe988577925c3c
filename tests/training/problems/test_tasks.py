"""Built-in tasks: the answer follows from the sequence, by a slow reading of each definition."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from seqrt.errors import UsageError
from seqrt.metrics import measure
from seqrt.training import Plan, prepare
from seqrt.training.problems.baselines import baseline
from seqrt.training.problems.prepare import BUILT_IN
from seqrt.training.problems.reber import SYMBOLS
from seqrt.training.problems.series import SERIES
from seqrt.training.problems.tasks import TASKS
from seqrt.training.problems.text.sentences import TEXTS

FEW = 300
WITH_LENGTH = [name for name, task in TASKS.items() if task.length]

# What may come next in the inner grammar, and where it leads; as drawn in the papers.
GRAMMAR = {
    "start": {"B": "a"},
    "a": {"T": "b", "P": "c"},
    "b": {"S": "b", "X": "d"},
    "c": {"T": "c", "V": "e"},
    "d": {"X": "c", "S": "f"},
    "e": {"P": "d", "V": "f"},
    "f": {"E": "end"},
}


def drawn(name, length=None, seed=0, count=FEW):
    return TASKS[name].sequences(seed, length, count)


def pairs(name, length=None):
    data = drawn(name, length)
    return zip(data.x, data.y, strict=True)


def text(x, symbols):
    """The symbols of a one-hot sequence."""
    assert (x.sum(axis=1) == 1).all()
    return "".join(symbols[i] for i in x.argmax(axis=1))


# Each target follows from its sequence


@pytest.mark.parametrize("length", [2, 7, 200])
def test_adding_asks_for_the_sum_of_one_number_of_each_half(length):
    for x, y in pairs("adding", length):
        marked = [step for step in range(length) if x[step, 1] == 1]
        assert len(marked) == 2
        assert marked[0] < length // 2 <= marked[1]
        assert x[:, 1].sum() == 2
        assert y == pytest.approx(x[marked[0], 0] + x[marked[1], 0])
        assert 0 <= x[:, 0].min() <= x[:, 0].max() < 1


@pytest.mark.parametrize("length", [1, 100])
def test_copying_says_its_ten_symbols_again_after_the_blanks(length):
    for x, y in pairs("copying", length):
        said = text(x, "01234567-!")
        first = said[:10]
        assert said == first + "-" * (length - 1) + "!" + "-" * 10
        assert "".join("01234567-"[i] for i in y) == "-" * (length + 10) + first
        assert not set(first) & set("-!")


@pytest.mark.parametrize("length", [10, 100, 205])
def test_temporal_order_is_that_of_the_two_capitals(length):
    for x, y in pairs("temporal-order", length):
        said = text(x, "abcdXY")
        places = [step for step, symbol in enumerate(said) if symbol in "XY"]
        assert y == "".join(said[step] for step in places)
        assert length // 10 <= places[0] < length / 5
        assert length // 2 <= places[1] < 0.6 * length
        assert len(said) == length


def test_recall_asks_for_the_first_number():
    for x, y in pairs("recall", 30):
        assert y == x[0, 0]
        assert x.shape == (30, 1)
        assert -1 <= x.min() <= x.max() <= 1


def test_reber_marks_all_that_may_come_next_and_nothing_else():
    for x, y in pairs("reber"):
        said = text(x, SYMBOLS)
        assert said[0] == "B"
        name, inner = said[1], said[2:-1]
        assert name in "TP"
        assert said[-1] == name

        may, state = ["TP", "B"], "start"
        for symbol in inner:
            state = GRAMMAR[state][symbol]
            may.append("".join(GRAMMAR.get(state, name)))
        may.append("E")
        assert state == "end"
        for marks, symbols in zip(y, may, strict=True):
            assert {SYMBOLS[i] for i in np.flatnonzero(marks)} == set(symbols)


def test_reber_strings_take_each_way_as_often():
    after = Counter()
    for x, _ in pairs("reber"):
        said = text(x, SYMBOLS)
        after[said[1]] += 1
        after[said[3]] += 100_000

    names = {symbol: number % 100_000 for symbol, number in after.items()}
    ways = {symbol: number // 100_000 for symbol, number in after.items()}
    assert names.keys() == ways.keys() == {"T", "P"}
    assert min(*names.values(), *ways.values()) > FEW / 3


# All tasks


def test_classes_are_equally_likely():
    orders = Counter(drawn("temporal-order", 20, count=4000).y)
    symbols = Counter(np.concatenate([y[-10:] for y in drawn("copying", 5, count=400).y]))

    assert orders.keys() == {"XX", "XY", "YX", "YY"}
    assert max(orders.values()) < 1.15 * min(orders.values())
    assert symbols.keys() == set(range(8))
    assert max(symbols.values()) < 1.3 * min(symbols.values())


@pytest.mark.parametrize("name", TASKS)
def test_a_seed_gives_the_same_sequences_and_another_gives_others(name):
    flat = [
        [np.concatenate(data.x), np.ravel(np.concatenate(data.y) if data.per_step else data.y)]
        for data in (drawn(name), drawn(name), drawn(name, seed=1))
    ]

    for first, second in zip(flat[0], flat[1], strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(flat[0][0], flat[2][0])


@pytest.mark.parametrize("name", TASKS)
def test_no_sequence_comes_twice(name):
    x = drawn(name, count=1000).x if name != "reber" else []

    assert len({row.tobytes() for row in x}) == len(x)


@pytest.mark.parametrize("name", WITH_LENGTH)
def test_the_length_may_be_chosen(name):
    extra = 20 if name == "copying" else 0

    assert {len(row) for row in drawn(name, 60).x} == {60 + extra}
    assert {len(row) for row in drawn(name).x} == {100 + extra}


@pytest.mark.parametrize(("name", "least"), [("adding", 2), ("copying", 1), ("temporal-order", 10)])
def test_too_short_a_length_is_refused(name, least):
    with pytest.raises(UsageError, match=f"length must be at least {least}"):
        drawn(name, least - 1)


# Tasks as problems


def problem(name, monkeypatch, **options):
    """A few sequences only: the tests need no more."""
    task = TASKS[name]
    few = replace(task, draw=lambda rng, count, length: task.draw(rng, FEW, length))
    monkeypatch.setitem(TASKS, name, few)
    return prepare(name, **options)


@pytest.mark.parametrize(
    ("name", "task", "activation", "head"),
    [
        ("adding", "regress", "none", "last"),
        ("copying", "tag", "softmax", "sequence"),
        ("temporal-order", "classify", "softmax", "last"),
        ("reber", "tag", "sigmoid", "sequence"),
        ("recall", "regress", "none", "last"),
    ],
)
def test_the_kind_of_a_task_is_told_from_its_answers(name, task, activation, head, monkeypatch):
    made = problem(name, monkeypatch)

    assert (made.metadata.task, made.activation, made.head) == (task, activation, head)
    assert made.metadata.name == name
    assert (len(made.train), len(made.validation)) == (240, 60)


def test_the_digest_is_of_the_data(monkeypatch):
    digests = [
        problem("recall", monkeypatch, length=length, seed=seed).metadata.data_sha256
        for length, seed in ((20, 0), (20, 0), (21, 0), (20, 1))
    ]

    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def plain(made):
    name, predicted = baseline(made)
    about = made.metadata
    return name, measure(about.task, made.judged.truth, predicted, about.classes)


@pytest.mark.parametrize(("name", "mse"), [("adding", 1 / 6), ("recall", 1 / 3)])
def test_the_mean_errs_by_the_variance(name, mse):
    which, figures = plain(prepare(name, length=10))

    assert which == "mean"
    assert figures["mse"] == pytest.approx(mse, rel=0.1)


def test_copying_without_memory_guesses_the_ten_symbols_alone(monkeypatch):
    which, figures = plain(problem("copying", monkeypatch, length=30))

    assert which == "no memory"
    assert figures["log loss"] == pytest.approx(10 * math.log(8) / 50)


def test_reber_without_memory_errs_once_a_string(monkeypatch):
    made = problem("reber", monkeypatch)

    which, figures = plain(made)

    wrong = round((1 - figures["accuracy of all labels"]) * len(made.judged.truth))
    assert which == "no memory"
    assert wrong == len(made.judged)


@pytest.mark.parametrize("name", TASKS)
def test_the_truth_solves_a_task_and_its_baseline_does_not(name, monkeypatch):
    made = problem(name, monkeypatch)
    truth = made.judged.truth
    if made.metadata.classes:
        truth = np.equal.outer(truth, np.array(made.metadata.classes))

    figures = measure(made.metadata.task, made.judged.truth, truth, made.metadata.classes)

    assert TASKS[name].is_solved(figures)
    assert not TASKS[name].is_solved(plain(made)[1])


# Choosing a length


def test_the_rows_of_a_series_may_be_chosen():
    assert len(prepare("sine-mix", length=300, window=24, val=0).train) == 300 - 24


@pytest.mark.parametrize("length", [0, -1])
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_length_below_one_is_refused(name, length):
    with pytest.raises(UsageError, match="length"):
        prepare(name, length=length)


def test_data_of_a_given_length_takes_no_length(series_csv):
    with pytest.raises(UsageError, match=r"--length does not apply to reber: its sequences vary"):
        prepare("reber", length=20)
    with pytest.raises(UsageError, match=r"--length applies to built-in data only .*wave.csv"):
        prepare(series_csv, length=20)


@pytest.mark.parametrize("option", [{"window": 5}, {"target": "x0"}, {"span": ("1", "9")}])
def test_options_of_tables_are_rejected(option):
    with pytest.raises(UsageError, match=f"table options do not apply .* got --{min(option)}"):
        prepare("recall", length=5, **option)


@pytest.mark.parametrize(("name", "length"), [("recall", 100), ("sine-mix", 1200), ("reber", None)])
def test_the_record_says_which_length_was_taken(name, length):
    plan = Plan(name)

    assert plan.resolved(plan.problem()).length == length


def test_a_task_is_remembered_and_passed_over_ten_times_without_stopping_early():
    plan = Plan("recall", length=20)

    kept = plan.resolved(plan.problem())

    assert (kept.init, kept.memory, kept.epochs, kept.patience) == ("chrono", 20, 10, 10)


def test_all_that_is_built_in_has_one_name():
    assert set(BUILT_IN) == {*SERIES, *TASKS, *TEXTS}
    assert len(BUILT_IN) == len(SERIES) + len(TASKS) + len(TEXTS)
