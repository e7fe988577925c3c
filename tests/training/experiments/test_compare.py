"""Trials side by side: the same data for all, a run folder each, and failures that are shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqrt.errors import UsageError
from seqrt.training import Plan, load_run
from seqrt.training.experiments.compare import Candidate, candidates, comparison_trials
from seqrt.training.experiments.compare_picture import comparison, draw_comparison
from seqrt.training.experiments.ranking import summaries
from seqrt.training.problems.tasks import TASKS
from seqrt.training.runs.folder import read_record

FIELD = candidates(["rnn", "gru"], [(3,)])


@pytest.fixture
def few(monkeypatch):
    """Make the built-in tasks of fifty sequences, so that an epoch takes a moment."""
    for name, task in TASKS.items():
        draw = task.draw
        monkeypatch.setitem(
            TASKS, name, replace(task, draw=lambda rng, _, length, draw=draw: draw(rng, 50, length))
        )


def taken(plan, folder, field=FIELD, seeds=2):
    outcomes = []
    for trial in comparison_trials(plan, field, seeds, folder):
        assert all(epoch.number for epoch in trial)
        outcomes.append(trial.finish())
    return outcomes


def test_every_candidate_is_trained_with_every_seed_in_a_folder_of_its_own(few, tmp_path):
    trials = taken(Plan("recall", length=4, epochs=2), tmp_path)

    assert [trial.path.name for trial in trials] == [
        "rnn-3-seed-0",
        "gru-3-seed-0",
        "rnn-3-seed-1",
        "gru-3-seed-1",
    ]
    records = [read_record(trial.path) for trial in trials]
    for trial, record in zip(trials, records, strict=True):
        assert record["plan"]["cell"] == trial.candidate.cell
        assert record["plan"]["seed"] == trial.seed == load_run(trial.path).metadata.seed
        assert record["result"]["figures"][trial.metric] == trial.value
        assert trial.value == pytest.approx(min(trial.curve[1:]), rel=1e-5)
        assert len(trial.curve) - 1 == len(trial.seconds) == 2

    # a seed gives all candidates the same data
    digests = [record["data_sha256"] for record in records]
    baselines = [trial.baseline_value for trial in trials]
    assert digests[0] == digests[1] != digests[2] == digests[3]
    assert baselines[0] == baselines[1] != baselines[2] == baselines[3]


def test_a_task_is_trained_on_until_two_passes_have_solved_it(few, tmp_path, monkeypatch):
    monkeypatch.setitem(TASKS, "recall", replace(TASKS["recall"], solved=9.0))

    for trial in taken(Plan("recall", length=4, epochs=5), tmp_path, seeds=1):
        assert (trial.solved, len(trial.seconds)) == (True, 2)
        assert "result" in read_record(trial.path)
        assert not list(trial.path.glob("checkpoint*"))


def test_a_file_is_never_solved(tmp_path, rng):
    path = tmp_path / "labels.npz"
    np.savez(path, x=rng.random((20, 4, 1)), y=np.repeat(["a", "b"], 10))

    (trial,) = taken(Plan(str(path), epochs=2), tmp_path / "all", FIELD[:1], seeds=1)

    assert (trial.metric, trial.baseline, trial.solved) == ("accuracy", "majority class", False)


def test_a_candidate_that_diverges_is_shown_as_failed_and_the_others_go_on(few, tmp_path):
    plan = Plan("recall", length=4, epochs=2, lr=1e38, clip=1e38)

    trials = taken(plan, tmp_path, seeds=1)

    assert len(trials) == 2
    for trial in trials:
        assert trial.value is None
        assert trial.failure.startswith("E_DIVERGED: ")
        assert not list(trial.path.glob("checkpoint*"))


def test_candidates_are_every_cell_in_every_size():
    assert [each.name for each in candidates(["rnn", "lstm"], [(8,), (16, 8)])] == [
        "rnn-8",
        "lstm-8",
        "rnn-16-8",
        "lstm-16-8",
    ]


def test_candidates_that_are_the_same_are_refused():
    with pytest.raises(UsageError, match="candidates must differ, but rnn-8 is listed twice"):
        candidates(["rnn", "gru"], [(8,), (8,)])


def test_the_picture_shows_medians_and_what_ended_early_or_failed(few, tmp_path):
    (trial,) = taken(Plan("recall", length=4, epochs=1), tmp_path, FIELD[:1], seeds=1)
    curves = [(9.0, 3.0, 1.0), (8.0, 2.0), (9.0, 5.0, 2.0)]
    whole = [replace(trial, curve=curve, value=curve[-1], steps=10) for curve in curves]
    gru = replace(trial, candidate=FIELD[1])
    failed = replace(gru, value=None, curve=(9.0,), failure="E_DIVERGED")

    figure = comparison(summaries([*whole, gru, failed]), "recall", 0.01)

    learning, ends = figure.axes
    line = learning.lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [0, 10, 20])
    np.testing.assert_array_equal(line.get_ydata(), [9, 3, 2])
    labels = learning.get_legend_handles_labels()[1]
    assert labels == ["rnn-3", "gru-3 (1 of 2 failed)", "baseline", "solved"]
    assert [len(dots.get_xdata()) for dots in ends.lines[:2]] == [3, 1]


@pytest.mark.parametrize("count", [0, 7])
def test_the_picture_is_drawn_of_none_that_came_and_of_many(count, few, tmp_path):
    (trial,) = taken(Plan("recall", length=4, epochs=1), tmp_path, FIELD[:1], seeds=1)
    failed = replace(trial, value=None, curve=(), seconds=(), failure="E_DIVERGED")
    many = [replace(trial, candidate=Candidate("gru", (units + 1,))) for units in range(count)]

    path = draw_comparison(tmp_path, summaries([failed, *many]), "recall", None)

    assert path.read_bytes().startswith(b"\x89PNG")
