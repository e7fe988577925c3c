"""Which network to ship follows from the figures of all seeds alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqrt.training.experiments.compare import Candidate, Outcome
from seqrt.training.experiments.ranking import choice, summaries

SMALL, MIDDLE, LARGE = 100, 200, 300


def trials(cell, weights, values, *, metric="mse", baseline=1.0, solved=False, units=(8,)):
    """A trial for each value, with seeds from 0; None means that it failed."""
    for seed, value in enumerate(values):
        yield Outcome(
            candidate=Candidate(cell, units),
            seed=seed,
            path=Path("somewhere"),
            weights=weights,
            steps=10,
            seconds=(1.0,),
            metric=metric,
            curve=() if value is None else (value,),
            value=value,
            baseline="mean",
            baseline_value=baseline,
            solved=solved and value is not None,
            failure="E_DIVERGED" if value is None else None,
        )


def chosen(*groups):
    answer = choice(summaries([trial for group in groups for trial in group]))
    return answer.summary.candidate.cell if answer.summary else None, answer.why


def test_the_best_is_chosen_where_the_others_are_worse_by_more_than_its_spread():
    assert chosen(
        trials("rnn", SMALL, [0.50, 0.51, 0.52]),
        trials("gru", MIDDLE, [0.30, 0.31, 0.29]),
        trials("lstm", LARGE, [0.20, 0.21, 0.22]),
    ) == ("lstm", "the best mse, by more than the spread of its seeds")


def test_the_smallest_is_chosen_of_those_within_the_spread_of_the_best():
    assert chosen(
        trials("rnn", SMALL, [0.50, 0.51, 0.52]),
        trials("gru", MIDDLE, [0.25, 0.25, 0.25]),
        trials("lstm", LARGE, [0.15, 0.20, 0.21]),
    ) == ("gru", "the smallest of the 2 that are as good as lstm-8, within the spread of its seeds")


def test_of_shares_the_largest_is_best():
    share = {"metric": "accuracy", "baseline": 0.25}

    assert chosen(
        trials("rnn", SMALL, [0.3, 0.3, 0.3], **share),
        trials("lstm", LARGE, [0.90, 0.91, 0.92], **share),
    ) == ("lstm", "the best accuracy, by more than the spread of its seeds")


def test_what_solves_the_task_with_every_seed_is_good_enough():
    assert chosen(
        trials("rnn", SMALL, [0.5, 0.5, 0.5]),
        trials("gru", MIDDLE, [0.009, 0.009, 0.009], solved=True),
        trials("lstm", LARGE, [0.001, 0.001, 0.001], solved=True),
    ) == ("gru", "the smallest of the 2 that solve the task with every seed")


def test_what_solves_the_task_with_some_seeds_is_not():
    assert chosen(
        [
            *trials("gru", MIDDLE, [0.001, 0.002], solved=True),
            *list(trials("gru", MIDDLE, [0, 0, 0.9]))[2:],
        ],
        trials("lstm", LARGE, [0.005, 0.005, 0.005], solved=True),
    ) == ("lstm", "the only one that solves the task with every seed")


def test_a_seed_that_failed_counts_as_the_worst():
    gru, lstm = summaries(
        [
            *trials("gru", SMALL, [0.1, None, None]),
            *trials("lstm", LARGE, [0.5, None, 0.4]),
        ]
    )

    assert (gru.median, gru.extremes) == (None, (0.1, 0.1))
    assert (lstm.median, lstm.extremes) == (0.5, (0.4, 0.5))
    assert choice([gru, lstm]).summary is lstm


def test_a_figure_that_is_no_number_is_a_failure():
    (row,) = summaries(trials("gru", SMALL, [float("nan"), 0.2, 0.3]))

    assert (row.median, len(row.finished)) == (0.3, 2)


@pytest.mark.parametrize(
    ("values", "more"),
    [([1.0, 1.1, 1.2], {}), ([None, None, None], {}), ([0.2] * 3, {"metric": "accuracy"})],
)
def test_nothing_is_chosen_that_is_no_better_than_the_baseline(values, more):
    assert chosen(trials("lstm", LARGE, values, **more)) == (
        None,
        "no candidate is better than the baseline",
    )


def test_sizes_are_told_apart():
    table = summaries(
        [
            *trials("gru", SMALL, [0.5], units=(8,)),
            *trials("gru", LARGE, [0.1], units=(16, 8)),
        ]
    )

    assert [row.candidate.name for row in table] == ["gru-8", "gru-16-8"]
    assert choice(table).summary is table[1]
