"""A table is cut into windows, each with its own target and none without one."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.ragged import Ragged
from seqrt.data.runs import as_runs
from seqrt.data.windowing import Part, Windowing, joined
from seqrt.errors import InputError


def asking(task, *, window=3, horizon=1):
    return Windowing(task, ("height",), ("height",), window, horizon)


@pytest.fixture
def rows():
    """Ten rows: values, targets a hundred times as large, and row numbers from 1."""
    values = np.arange(10.0)[:, None]
    return values, 100 * values, np.arange(1, 11)


def test_a_forecast_is_asked_for_what_follows_its_window(rows):
    part = asking("forecast", horizon=2).part(*rows)

    assert part.x[0][:, 0].tolist() == [0, 1, 2]
    assert part.y[0].tolist() == [300, 400]
    assert part.known[0].tolist() == [200, 200]
    assert part.when.tolist() == [4, 5, 6, 7, 8, 9]
    assert (len(part), part.left_out) == (6, 0)


def test_other_answers_are_those_of_the_last_row_of_a_window(rows):
    part = asking("regress").part(*rows)

    assert part.x[-1][:, 0].tolist() == [7, 8, 9]
    assert part.y[:, 0].tolist() == [200, 300, 400, 500, 600, 700, 800, 900]
    assert part.when.tolist() == [3, 4, 5, 6, 7, 8, 9, 10]
    assert part.known is None


def test_labels_at_every_row_are_asked_for_in_pieces(rows):
    part = asking("tag", window=4).part(*rows)

    assert [len(x) for x in part.x] == [4, 4, 2]
    np.testing.assert_array_equal(part.truth, rows[1])


@pytest.mark.parametrize(("task", "least"), [("forecast", 5), ("tag", 1), ("classify", 3)])
def test_the_least_rows_are_those_of_one_window_and_its_answer(rows, task, least):
    windowing = asking(task, horizon=2)

    assert windowing.least == least
    assert len(windowing.part(*(part[:least] for part in rows))) == 1


def test_words_are_no_gaps(rows):
    values, _, when = rows
    words = np.array(["calm", ""] * 5)

    part = asking("classify").part(values, words, when)

    assert part.y.tolist() == words[2:].tolist()


def test_a_window_without_an_answer_is_left_out_and_counted(rows):
    values, answers, when = rows
    answers[[4, 7]] = np.nan

    part = asking("regress").part(values, answers, when)

    assert part.y[:, 0].tolist() == [200, 300, 500, 600, 800, 900]
    assert part.x[2][:, 0].tolist() == [3, 4, 5]
    assert part.when.tolist() == [3, 4, 6, 7, 9, 10]
    assert part.left_out == 2


def test_a_window_before_any_value_of_the_target_is_left_out(rows):
    values, answers, when = rows
    answers[:4] = np.nan

    part = asking("forecast").part(values, answers, when)

    assert part.y[:, 0].tolist() == [500, 600, 700, 800, 900]
    assert part.known[:, 0].tolist() == [400, 500, 600, 700, 800]
    assert part.left_out == 2


@pytest.mark.parametrize("task", ["forecast", "regress"])
def test_no_answer_at_all_is_an_error(rows, task):
    values, answers, when = rows
    answers[:] = np.nan

    with pytest.raises(InputError, match="E_INPUT_MISSING: a window needs a target value, but all"):
        asking(task).part(values, answers, when)


@pytest.mark.parametrize("task", ["forecast", "regress", "tag"])
def test_parts_are_joined_in_their_order_and_what_they_left_out_is_added_up(rows, task):
    values, answers, when = rows
    answers[8] = np.nan
    windowing = asking(task)
    parts = [windowing.part(values[:6], answers[:6], when[:6]), windowing.part(*rows)]

    both = joined(parts)

    assert len(both) == sum(map(len, parts))
    np.testing.assert_array_equal(both.truth, np.concatenate([part.truth for part in parts]))
    np.testing.assert_array_equal(both.x[len(parts[0])], parts[1].x[0])
    assert both.left_out == (0 if task == "tag" else 1)


def test_one_part_is_left_as_it_is():
    part = Part(Ragged.of_batch(np.zeros((2, 3, 1))), np.zeros((2, 1)))

    assert joined([part]) is part


RUNS = as_runs((0, 4), (4, 6), (7, 10))


@pytest.mark.parametrize("task", ["forecast", "regress", "tag"])
def test_no_window_reaches_from_one_run_into_the_next(rows, task):
    part = asking(task, window=2).part(*rows, RUNS)

    runs = [set(range(*run)) for run in RUNS.tolist()]
    for x, y in zip(part.x, part.y, strict=True):
        touched = {int(value) for value in x[:, 0]} | {int(value) for value in y.ravel() / 100}
        assert any(touched <= run for run in runs)


def test_each_run_is_cut_as_if_it_were_alone(rows):
    windowing = asking("forecast", window=2)

    whole = windowing.part(*rows, RUNS)

    alone = joined([windowing.part(*(each[a:b] for each in rows)) for a, b in ((0, 4), (7, 10))])
    np.testing.assert_array_equal(whole.truth, alone.truth)
    np.testing.assert_array_equal(whole.known, alone.known)
    np.testing.assert_array_equal(whole.when, alone.when)
    assert whole.first_rows.tolist() == [2, 3, 9]


def test_the_last_known_value_is_one_of_the_same_run(rows):
    values, answers, when = rows
    answers[4] = np.nan

    part = asking("forecast", window=1).part(values, answers, when, as_runs((0, 4), (4, 10)))

    assert part.known[:, 0].tolist() == [0, 100, 200, 500, 600, 700, 800]


@pytest.mark.parametrize(("task", "first"), [("forecast", 3), ("regress", 3), ("tag", 3)])
def test_targets_among_the_rows_asked_for_have_windows_that_begin_earlier(rows, task, first):
    among = np.zeros(10, bool)
    among[3:6] = True

    part = asking(task, window=2).part(*rows, among=among)

    assert part.truth.ravel().tolist() == [300, 400, 500]
    assert part.first_rows[0] == first
